/** The launcher and the dialog that it opens: where they are, their state, and the focus. */

import { context } from "./context.js";
import { emit, host, paint, root } from "./host.js";
import { drawWaiting, load, waiting } from "./loading.js";
import { CLOSE, drawing, make, SPEECH } from "./make.js";
import { remembered } from "./open.js";
import { options } from "./options.js";
import { origin } from "./place.js";
import { hostScheme } from "./scheme.js";
import { words } from "./words.js";

const title = make("p", { id: "title" });
const dismiss = make("button", { class: "dismiss" }, drawing(CLOSE));
const start = make("div", { class: "start" }, title, dismiss, waiting);
const body = make("div", { class: "body" });
const section = make("section", { class: "tk", id: "panel", role: "dialog", tabindex: "-1" }, body, start);
const launcher = make("button", { class: "tk launcher", "aria-haspopup": "dialog", "aria-controls": "panel" }, drawing(SPEECH));

let panel = /** @type {any} */ (null);
let asked = /** @type {object[]} */ ([]);
let opener = /** @type {any} */ (null);
let isOpen = false;
let shown = "";

/** Return the options, with the theme that the page has where it is to be followed. */
function known() {
  const all = options();
  return { ...all, theme: all.theme === "auto" ? hostScheme() : all.theme };
}

/** Build everything into the shadow root; open as it was when the page before was left. */
export function build() {
  root.append(launcher, section);
  launcher.onclick = toggle;
  dismiss.onclick = close;
  root.addEventListener("keydown", leave);
  if (remembered()) open(true);
}

/** Show what the options and the page say now. */
export function draw() {
  const all = known();
  const { color, language, position, theme, title: name, zIndex } = all;
  const said = words(language);
  const state = drawWaiting();
  host.dataset.scheme = theme;
  host.lang = said.lang;
  host.dir = getComputedStyle(document.body ?? host).direction;
  paint({ accent: color, z: zIndex, theme, at: position === "left" ? "var(--edge) auto" : "auto var(--edge)" });
  title.textContent = section.ariaLabel = name;
  section.ariaBusy = String(["opening", "slow"].includes(state));
  section.hidden = !isOpen;
  start.hidden = state === "there";
  launcher.ariaExpanded = String(isOpen);
  launcher.ariaLabel = launcher.title = isOpen ? said.close : said.open;
  launcher.querySelector("path")?.setAttribute("d", isOpen ? CLOSE : SPEECH);
  dismiss.ariaLabel = said.close;
  // A page may change its classes all the time.
  if (shown !== (shown = JSON.stringify(all))) panel?.update();
}

/**
 * Open the dialog, and get the panel if this is the first time.
 * @param {unknown} [quietly] The focus stays where it is
 */
export function open(quietly) {
  if (!isOpen) {
    opener = document.activeElement;
    remembered((isOpen = true));
    load(mount, draw);
    draw();
    panel?.opened();
    emit("open");
  }
  if (!quietly) (panel ?? section).focus();
}

/** Close the dialog. The focus, if it was inside, goes back to where it came from. */
export function close() {
  if (!isOpen) return;
  const inside = /** @type {any} */ (root.activeElement);
  remembered((isOpen = false));
  draw();
  panel?.closed();
  if (inside) {
    inside.blur();
    opener?.focus();
    if (document.activeElement === document.body) launcher.focus();
  }
  emit("close");
}

export const toggle = () => (isOpen ? close() : open());

/**
 * Open, and hand on what is asked, once there is somebody to hand it to.
 * @param {string | { text?: string, quote?: string, send?: boolean }} said
 */
export function ask(said) {
  asked.push(typeof said === "string" ? { text: said } : { ...said });
  open();
  handOn();
}

/** @param {"refresh" | "signedOut"} name What to tell the panel; without one nobody is shown */
export const tell = (name) => panel?.[name]();

/** @param {{ mount: (shell: object) => Promise<any> }} module */
async function mount(module) {
  panel = await module.mount({ body, root, origin, emit, close, context, options: known, titleId: title.id });
  start.hidden = true;
  if (!isOpen) return;
  panel.opened();
  if (section.contains(root.activeElement)) panel.focus();
  handOn();
}

function handOn() {
  if (panel) for (const one of asked.splice(0)) panel.ask(one);
}

/** @param {any} event Keys typed here are not the page's shortcuts */
function leave(event) {
  if (!event.altKey && !event.ctrlKey && !event.metaKey) event.stopPropagation();
  if (event.key !== "Escape" || !isOpen || event.isComposing || event.defaultPrevented) return;
  event.preventDefault();
  close();
}
