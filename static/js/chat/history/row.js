/** One thread of the list: opened, renamed where it stands, and deleted once that was confirmed. */

import { headButton, named } from "../header.js";
import { make } from "../dom.js";
import { clean } from "../text.js";
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
  #rename = headButton("pencil", "", () => this.#ask());
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
    const back = () => this.#plain(came === this.#delete ? came : this.#open);
    const [problem, tell] = problemOf(this.#calls);
    const cancel = button("button button-small", word("history.cancel"), back);
    const sure = button("button button-small button-danger", word("history.delete"), async () => {
      if (sure.ariaBusy) return;
      sure.ariaBusy = "true";
      await this.#calls.remove(this.thread, this.#name).catch(tell);
      sure.ariaBusy = null;
    });
    const question = word("history.deleteQuestion");
    const words = make("p", {}, make("span", { class: "past-title", dir: "auto" }, this.#name), make("span", {}, question));
    const group = make("div", { class: "past-ask", role: "group", "aria-label": `${question} ${this.#name}` }, words, problem, make("span", { class: "past-answers" }, sure, cancel));
    onEscape(group, back);
    this.element.replaceChildren(group);
    cancel.focus();
  }

  /** Ask for a new name. */
  #ask() {
    const field = /** @type {HTMLInputElement} */ (
      make("input", { class: "past-name", "aria-label": word("history.name"), autocomplete: "off", enterkeyhint: "done", dir: "auto" })
    );
    const [problem, tell] = problemOf(this.#calls, field);
    const form = make("form", { class: "past-form" }, field, problem);
    field.value = this.thread.title ?? "";
    let over = false;
    const end = (focus) => {
      if (over) return;
      over = true;
      this.#plain(focus ? this.#rename : null);
    };
    const save = async (focus) => {
      const title = clean(field.value).trim();
      if (over || field.readOnly) return;
      // An empty name is given up.
      if (!title || title === this.thread.title) return end(focus);
      field.readOnly = true;
      await this.#calls.rename(this.thread, title).then(() => end(focus), tell);
      field.readOnly = false;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      save(true);
    });
    onEscape(form, () => end(true));
    field.addEventListener("input", () => (field.ariaInvalid = null));
    field.addEventListener("blur", () => field.ariaInvalid || save(false));
    this.element.replaceChildren(form);
    field.focus();
    field.select();
  }
}

function button(kind, words, run) {
  const made = make("button", { class: kind, type: "button" }, words);
  made.addEventListener("click", run);
  return made;
}

/** Make the place for what went wrong, and what tells it there. */
function problemOf(calls, field) {
  const place = make("p", { class: "past-problem", role: "alert", hidden: true });
  const tell = (error) => {
    place.hidden = false;
    place.textContent = error.message;
    if (field) field.ariaInvalid = "true";
    calls.told(error);
  };
  return [place, tell];
}

/** Escape ends this, and not the list around it. */
function onEscape(element, run) {
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    event.preventDefault();
    run();
  });
}
