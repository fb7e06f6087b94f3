/** The bar above the conversation: the way to the list, the title, a new conversation, own buttons. */

import { icon, make, named, unseen } from "./dom.js";
import { word } from "./words.js";

/** The bar; `element` is hidden when the options want none. */
export class Header {
  #title = make("h2", { class: "head-title", dir: "auto" });
  #history = headButton("history", "", () => this.#room.toggleHistory());
  #fresh = headButton("compose", "", () => this.#room.begin());
  #left = make("span", { class: "head-own" });
  #right = make("span", { class: "head-own" });
  #room;
  #options = /** @type {any} */ ({});
  #open = { title: /** @type {string | null} */ (null), threadId: /** @type {string | null} */ (null) };
  #shows = false;

  /** @param {any} room what the element lends: its host, and where the buttons lead */
  constructor(room) {
    this.#room = room;
    this.element = make("div", { class: "head", hidden: true }, this.#left, this.#history, this.#title, this.#right, this.#fresh, make("slot", { name: "header-end" }));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#shows) return;
      event.stopPropagation();
      event.preventDefault();
      room.toggleHistory();
    });
    const { host } = room;
    host.addEventListener("chatkit.thread.change", ({ detail: { threadId } }) => {
      if (threadId !== this.#open.threadId) this.update(this.#options, { title: null, threadId });
    });
    host.addEventListener("threadkeeper.thread.update", ({ detail: { thread } }) => {
      this.update(this.#options, { title: thread.title, threadId: thread.id });
    });
  }

  /**
   * Show the bar as the options want it, with the title of the open thread.
   * @param {any} options as readOptions gives them
   * @param {{ title: string | null, threadId: string | null }} [open]
   */
  update(options, open = this.#open) {
    const { header = {}, history = {} } = options;
    if (header !== this.#options.header) {
      own(this.#left, header.leftAction);
      own(this.#right, header.rightAction);
    }
    this.#options = options;
    this.#open = open;
    this.element.hidden = header.enabled === false;
    this.#history.hidden = history.enabled === false;
    this.#fresh.hidden = header.begin === false;
    this.#draw();
  }

  /** Whether the list stands in place of the conversation. */
  set showsHistory(shows) {
    this.#shows = shows;
    this.#history.ariaExpanded = String(shows);
    this.#history.firstChild.replaceWith(icon(shows ? "back" : "history"));
    this.#draw();
  }

  /** Put the focus on the way to the list; return whether there is one. */
  focus() {
    if (this.element.hidden || this.#history.hidden) return false;
    this.#history.focus();
    return true;
  }

  #draw() {
    const { enabled = true, text } = this.#options.header?.title ?? {};
    const title = this.#shows ? word("header.history") : text || this.#open.title || word("header.untitled");
    this.#title.textContent = title;
    this.#title.title = title;
    // Whoever cannot see the bar still finds the heading.
    this.#title.classList.toggle("head-silent", !enabled);
    this.#history.ariaExpanded = String(this.#shows);
    // The language may have become another one.
    named(this.#history, word("header.history"));
    named(this.#fresh, word("header.new"));
  }
}

/**
 * Make a button that is only a drawing, with a name.
 * @param {any} drawing
 * @param {string} name
 * @param {(event: Event) => void} run
 */
export function headButton(drawing, name, run) {
  const button = make("button", { class: "icon-button", type: "button", title: name }, icon(drawing), unseen(name));
  button.addEventListener("click", run);
  return button;
}

const wanted = new WeakMap();

/** Show a button of the site's own; only then its drawings are loaded. */
async function own(place, action) {
  wanted.set(place, action);
  place.replaceChildren();
  if (!action) return;
  const { iconOf, nameOf } = await import("./header-icons.js");
  if (wanted.get(place) !== action) return;
  const button = headButton(iconOf(action.icon), action.label ?? nameOf(action.icon), () => action.onClick?.());
  place.replaceChildren(button);
}
