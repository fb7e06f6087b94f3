/** The list of conversations with its search field; static/css/history-list.css draws it. */

import { headButton } from "../header.js";
import { adopt, icon, make } from "../dom.js";
import { announcer } from "../saying.js";
import { word } from "../words.js";
import { Threads } from "./threads.js";

export { listStyles } from "./list-styles.js";

/** What stands in place of the conversation; made at its first showing. */
export class History {
  #room;
  #stage;
  #field = /** @type {HTMLInputElement} */ (
    make("input", { class: "past-words", type: "search", placeholder: word("history.search"), "aria-label": word("history.search"), autocomplete: "off", enterkeyhint: "search", dir: "auto" })
  );
  #status = make("div", { class: "unseen", role: "status" });
  #say = announcer(this.#status);
  #loading = /** @type {Promise<any> | null} */ (null);
  #lent;
  #left = new AbortController();
  #threads;
  #found = /** @type {import("./found.js").Found | null} */ (null);
  #back;
  /** Whether the server was found to know nothing of searching. */
  #plain = false;

  /** @param {any} room what the element lends @param {import("./stage.js").Stage} stage */
  constructor(room, stage) {
    this.#room = room;
    this.#stage = stage;
    const say = (words) => this.#say(words);
    this.#back = headButton("back", word("history.back"), () => stage.hide());
    this.#threads = new Threads({ room, stage, say, leave: () => this.#field.focus() });
    this.#lent = { room, stage, say, missing: () => this.#lookHere() };
    const top = make("div", { class: "past-top" }, this.#back, make("div", { class: "past-field", role: "search" }, icon("search"), this.#field));
    this.element = make("nav", { class: "past-all", "aria-label": word("header.history"), tabindex: -1, hidden: true }, top, this.#threads.element, this.#status);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("input", () => this.#look());
    const { signal } = this.#left;
    room.host.addEventListener("threadkeeper.thread.update", ({ detail }) => this.#threads.renamed(detail.thread, !this.element.hidden), { signal });
    room.host.addEventListener("threadkeeper.turn.change", ({ detail }) => detail.sent && !this.element.hidden && this.#threads.refresh(), { signal });
    room.host.addEventListener("chatkit.thread.change", () => this.#threads.update(), { signal });
  }

  show() {
    this.element.hidden = false;
    this.#field.value = "";
    this.update();
    this.#look();
    this.#threads.refresh(true);
    // On a phone the keyboard would cover the list.
    (matchMedia("(hover: hover)").matches ? this.#field : this.element).focus();
  }

  hide() {
    this.element.hidden = true;
    this.#found?.look("");
  }

  /** The options are new. */
  update() {
    this.#back.hidden = this.#room.options.header.enabled !== false;
    this.#threads.update();
  }

  forget() {
    this.#left.abort();
    this.#found?.look("");
    this.element.remove();
  }

  /** Look for what is in the field: on the server, or among what is loaded. */
  #look(failed = false) {
    const words = this.#field.value.trim();
    const may = Boolean(words) && this.#room.options.search && !this.#plain;
    if (may && !this.#found && !failed) return this.#load();
    const asks = may && this.#found !== null;
    this.#threads.element.hidden = asks;
    if (this.#found) this.#found.element.hidden = !asks;
    this.#found?.look(asks ? words : "");
    return this.#threads.filter(asks ? "" : words);
  }

  /** What shows what was found is loaded with the first search; without it one looks here. */
  async #load() {
    const part = await (this.#loading ??= import("./found.js").catch(() => null));
    const sheets = (await part?.foundStyles()) ?? [];
    this.#loading = null;
    adopt(this.#room.host.shadowRoot, sheets, true);
    if (part && !this.#found) {
      this.#found = new part.Found(this.#lent);
      this.#threads.element.after(this.#found.element);
    }
    this.#look(!part);
  }

  /** The server knows nothing of searching. */
  #lookHere() {
    this.#plain = true;
    this.#look();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      if (!this.#field.value) return this.#stage.hide();
      this.#field.value = "";
      this.#look();
      return this.#field.focus();
    }
    const target = this.#targetOf(event);
    if (!target) return undefined;
    event.preventDefault();
    return target.focus();
  }

  #targetOf({ key, target }) {
    const rows = [...this.element.querySelectorAll(".past-pane:not([hidden]) .past-open")];
    const row = target.closest(".past");
    const at = rows.findIndex((one) => row?.contains(one));
    if (key === "ArrowDown" && (at >= 0 || target === this.#field)) return rows[at + 1];
    if (at < 0) return null;
    if (key === "ArrowUp") return rows[at - 1] ?? this.#field;
    if (key === "Home") return rows[0];
    return key === "End" ? rows.at(-1) : null;
  }
}
