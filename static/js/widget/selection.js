/** "Ask about this", beside text that is selected on the host page. */

import { host, paint, root } from "./host.js";
import { drawing, make, prevent, SPEECH } from "./make.js";
import { options } from "./options.js";
import { ask } from "./shell.js";
import { names } from "./words.js";

const LONGEST = 4000;
/** A selection is made in many steps. */
const SETTLED_MS = 250;
/** Between the text and the button, where the handles of a finger's selection are. */
const GAP = matchMedia("(pointer:coarse)").matches ? 28 : 8;
/** The button's height, and a little. */
const TALL = 52;

const label = new Text();
const button = make("button", { class: "tk ask", hidden: "" }, drawing(SPEECH), label);

let timer = 0;
let quote = "";

/** Watch the page's selection; whether there is a button is the option `quotes`, at every look. */
export function watchSelection() {
  root.append(button);
  button.onclick = () => {
    button.hidden = true;
    ask({ quote });
  };
  // A press would take the selection away.
  button.onmousedown = prevent;
  // Neither of them bubbles.
  for (const type of ["selectionchange", "scroll"]) addEventListener(type, soon, true);
  addEventListener("keydown", reach);
}

/** @param {Event} event What scrolls moves away from under the button */
function soon({ type }) {
  if (type === "scroll") button.hidden = true;
  clearTimeout(timer);
  timer = setTimeout(lookAtSelection, SETTLED_MS);
}

/** Show the button if there is something that it could ask about. */
export function lookAtSelection() {
  const selection = getSelection();
  button.hidden = true;
  quote = String(selection).trim();
  if (!options().quotes || !quote[1] || quote.length > LONGEST) return;
  // What is typed into a field, or said in the dialog, is not the page's.
  if (root.activeElement?.closest("section") || document.activeElement?.closest("input,textarea,select,[contenteditable]")) return;
  place(/** @type {Selection} */ (selection).getRangeAt(0));
}

/**
 * Show the button under the end of a selection, or over its beginning: never on it.
 * @param {Range} range
 */
function place(range) {
  const end = [...range.getClientRects()].pop();
  const { bottom, top } = range.getBoundingClientRect();
  const y = bottom + GAP + TALL < innerHeight ? bottom + GAP : top - TALL;
  if (!end || y < 0 || y + TALL > innerHeight) return;
  button.hidden = false;
  label.data = names(options().language)[2];
  const x = Math.min((end.left + end.right - button.offsetWidth) / 2, innerWidth - button.offsetWidth - 8);
  paint({ x: `${Math.max(8, x)}px`, y: `${y}px` });
}

/** @param {KeyboardEvent} event From text that is selected, Tab leads to the button */
function reach(event) {
  if (button.hidden || event.key !== "Tab" || event.shiftKey || document.activeElement !== document.body) return;
  event.preventDefault();
  button.focus();
}
