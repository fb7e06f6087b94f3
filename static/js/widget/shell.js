/** The launcher and the dialog that it opens: where they are, their state, and the focus. */

import { context } from "./context.js";
import { forgetEverybody } from "./forget.js";
import { emit, host, paint, root } from "./host.js";
import { drawWaiting, load, waiting } from "./loading.js";
import { CLOSE, drawing, make, prevent, SPEECH } from "./make.js";
import { remembered } from "./open.js";
import { options } from "./options.js";
import { names } from "./words.js";

const dismiss = make("button", { class: "dismiss" }, drawing(CLOSE));
const start = make("div", { class: "start" }, waiting, dismiss);
const body = make("div", { class: "body" });
const section = make("section", { class: "tk", id: "panel", role: "dialog", tabindex: "-1" }, body, start);
const launcher = make("button", { class: "tk launcher", "aria-haspopup": "dialog", "aria-controls": "panel" }, drawing(SPEECH));

let panel = /** @type {any} */ (null);
let asked = /** @type {object[]} */ ([]);
let opener = /** @type {any} */ (null);
let isOpen = false;
let shown = "";

/** Build everything into the shadow root; open as it was when the page before was left. */
export function build() {
  root.append(launcher, section);
  launcher.onclick = toggle;
  dismiss.onclick = close;
  // A file that is dropped here would take the page's place.
  start.ondragover = start.ondrop = prevent;
  root.addEventListener("keydown", leave);
  if (remembered()) open(true);
}

/**
 * Show what the options and the page say now.
 * @param {unknown} [always] Functions among the options may be others, which the panel sees
 */
export function draw(always) {
  const all = options();
  const { color, dir, language, position, theme, title: name, zIndex } = all;
  const [lang, opens] = names(language);
  // The panel has words of its own, and comes in the language that is wanted.
  const closes = panel?.closes ?? "Close chat";
  const state = drawWaiting();
  host.dataset.scheme = theme;
  host.lang = lang;
  host.dir = dir;
  paint({ accent: color, z: zIndex, theme, at: position === "left" ? "var(--edge) auto" : "auto var(--edge)" });
  section.ariaLabel = name;
  // Opening, or slow.
  section.ariaBusy = /** @type {any} */ (/g|w/.test(state));
  section.hidden = !isOpen;
  start.hidden = state === "there";
  launcher.ariaExpanded = /** @type {any} */ (isOpen);
  launcher.ariaLabel = launcher.title = isOpen ? closes : opens;
  /** @type {any} */ (launcher.querySelector("path")).setAttribute("d", isOpen ? CLOSE : SPEECH);
  dismiss.ariaLabel = closes;
  // A page may change its classes all the time.
  if (shown !== (shown = JSON.stringify(all)) || always) panel?.update();
}

/**
 * Open the dialog, and get the panel if this is the first time.
 * @param {unknown} [quietly] With true the focus stays where it is
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
  if (quietly !== true) (panel ?? section).focus();
}

/** Close the dialog. The focus, if it was inside, goes back to where it came from. */
export function close() {
  if (!isOpen) return;
  const inside = root.activeElement;
  remembered((isOpen = false));
  draw();
  panel?.closed();
  if (inside) {
    // What is gone, or the body, does not take it.
    launcher.focus();
    opener?.focus();
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

/** Who is signed in may have changed; without a panel nobody is shown. */
export const refresh = () => panel?.refresh();

/** Nothing of anybody stays, in no tab. */
export const signedOut = () => (panel ? panel.signedOut() : forgetEverybody());

/** @param {{ mount: (shell: object) => Promise<any> }} module */
async function mount(module) {
  panel = await module.mount({ body, root, origin: options().origin, emit, close, context, options });
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
