/** One thread of the list: opened, renamed where it stands, and deleted once that was confirmed. */

import { headButton } from "../header.js";
import { adopt, make, named } from "../dom.js";
import { fault } from "../protocol.js";
import { word } from "../words.js";

/**
 * @typedef {object} RowCalls
 * @property {(thread: any) => void} open
 * @property {(thread: any, title: string) => Promise<void>} rename
 * @property {(thread: any, title: string) => Promise<void>} remove
 * @property {(error: unknown) => void} told
 */

/** A row; `element` is its list item. */
export class Row {
  #calls;
  #title = make("span", { class: "past-title", dir: "auto" });
  #open = make("button", { class: "past-open", type: "button" }, this.#title);
  #rename = headButton("pencil", "", () => this.#change("askForName", this.#rename));
  #delete = headButton("bin", "", () => this.ask());
  #mayDelete = true;

  /** @param {any} thread @param {RowCalls} calls */
  constructor(thread, calls) {
    this.thread = thread;
    this.#calls = calls;
    this.element = make("li", { class: "past" });
    this.#open.addEventListener("click", () => calls.open(this.thread));
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" || !this.#mayDelete || !this.#open.isConnected) return;
      event.preventDefault();
      this.ask();
    });
    this.#plain();
  }

  get #name() {
    return this.thread.title || word("header.untitled");
  }

  focus() {
    this.element.querySelector("input, button").focus();
  }

  /** Show the title, whether this is the open thread, and what may be done. */
  update({ open, showDelete, showRename }) {
    const title = this.#name;
    this.#title.textContent = title;
    this.#open.title = title;
    this.#open.ariaCurrent = open === this.thread.id ? "true" : null;
    named(this.#rename, word("history.rename", { title }));
    named(this.#delete, word("history.deleteNamed", { title }));
    this.#rename.hidden = !showRename;
    this.#delete.hidden = !showDelete;
    this.#mayDelete = showDelete;
  }

  #plain(focus) {
    this.element.replaceChildren(this.#open, make("span", { class: "past-acts" }, this.#rename, this.#delete));
    focus?.focus();
  }

  /** Ask whether the thread is to be deleted. */
  ask() {
    const came = this.element.getRootNode().activeElement;
    return this.#change("askToDelete", came === this.#delete ? this.#delete : this.#open);
  }

  /** What changes a thread is loaded with the first change. @param {Node} focus where it is afterwards */
  async #change(how, focus) {
    const part = await import("./changing.js").catch(() => null);
    const sheets = (await part?.changingStyles()) ?? [];
    if (!this.#open.isConnected) return;
    if (!part) return this.#fail(fault("unreachable"));
    adopt(this.element.getRootNode(), sheets, true);
    const { element, thread } = this;
    part[how]({ element, thread, name: this.#name, calls: this.#calls, back: (stay) => this.#plain(stay ? null : focus) });
  }

  /** Pressing the button again tries again. */
  #fail(error) {
    this.#plain();
    this.element.append(make("p", { class: "past-problem", role: "alert" }, error.message));
    this.#calls.told(error);
  }
}
