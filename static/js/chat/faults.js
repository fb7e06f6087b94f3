/** What went wrong, in a sentence, with what can be done about it. */

import { icon, make, unseen } from "./dom.js";
import { word } from "./words.js";

/**
 * @typedef {{ label: string, run?: () => void, href?: string }} Remedy
 */

/**
 * Make a row that says what happened. It can be closed, and closes itself once a remedy is taken.
 * @param {string} message
 * @param {{ level?: string, title?: string, remedies?: Remedy[], reference?: string,
 *   render?: (root: HTMLElement, words: string) => void }} [more] `render` for words that are Markdown
 */
export function faultRow(message, { level = "danger", title, remedies = [], reference, render } = {}) {
  const words = make("div", { class: "fault-words prose", dir: "auto" });
  if (render) render(words, message);
  else words.append(make("p", {}, message));
  if (reference) words.append(make("p", { class: "fault-reference" }, word("fault.reference", { reference })));
  const close = make("button", { class: "fault-close", type: "button" }, icon("close"), unseen(word("fault.close")));
  const row = make(
    "div",
    { class: `fault fault-${level}`, role: level === "danger" ? "alert" : "status" },
    make("div", { class: "fault-text" }, title && make("strong", {}, title), words),
    ...remedies.map((remedy) => remedyControl(remedy, () => row.remove())),
    close,
  );
  close.addEventListener("click", () => row.remove());
  return row;
}

/** @param {Remedy} remedy @param {() => void} taken */
function remedyControl(remedy, taken) {
  if (remedy.href) return make("a", { class: "button button-small", href: remedy.href }, remedy.label);
  const button = make("button", { class: "button button-small", type: "button" }, remedy.label);
  button.addEventListener("click", () => {
    taken();
    remedy.run?.();
  });
  return button;
}
