/** The person's threads, a page at a time, under the days on which something was said. */

import { arrange, make } from "../dom.js";
import { ask } from "../protocol.js";
import { word } from "../words.js";
import { grouped } from "./days.js";
import { Foot } from "./foot.js";
import { Row } from "./row.js";

const PAGE = 20;

/** The threads that are loaded; `element` is where they are shown. */
export class Threads {
  #room;
  #lent;
  #threads = /** @type {any[]} */ ([]);
  #rows = /** @type {Map<string, Row>} */ (new Map());
  #groups = /** @type {Map<string, HTMLElement>} */ (new Map());
  #after = /** @type {string | null} */ (null);
  #more = true;
  #visit = 0;
  #deleted = new Set();
  #words = "";
  #list = make("div");
  #foot;

  /** @param {any} lent the room, the stage, and what the list does for its parts */
  constructor(lent) {
    this.#room = lent.room;
    this.#lent = lent;
    this.element = make("div", { class: "past-pane" }, this.#list);
    this.#foot = new Foot(this.element, lent.room, () => this.#load(this.#after));
    this.element.append(this.#foot.element);
  }

  /** Read the newest again; what is shown stays until they are there, and beyond them. */
  async refresh(tell = false) {
    if ((await this.#load(null)) && tell) this.#tell();
  }

  /** Show those whose titles have all of these words. */
  filter(words) {
    if (words === this.#words) return;
    this.#words = words;
    this.element.scrollTop = 0;
    this.#draw();
    if (words) this.#tell();
  }

  /** A thread has a title; one that is not known yet is new. */
  renamed(thread, shown) {
    const known = this.#threads.find((one) => one.id === thread.id);
    if (known) known.title = thread.title;
    if (known) this.update();
    else if (shown) this.refresh();
  }

  /** Another thread is the open one, or the options are new. */
  update() {
    const { showDelete, showRename } = this.#room.options.history;
    const open = this.#room.host.threadId;
    for (const row of this.#rows.values()) row.update({ open, showDelete, showRename });
  }

  /** Read the page behind the cursor, or the first; return whether that worked. */
  async #load(after) {
    const visit = (this.#visit += 1);
    const focused = this.#foot.focused;
    if (after !== null || !this.#threads.length) this.#foot.show({ busy: this.#threads.length ? word("history.loading") : "all" });
    try {
      const page = await ask(this.#room.api(), "threads.list", { limit: PAGE, order: "desc", after });
      if (visit !== this.#visit) return false;
      // It may have been on its way when one was deleted.
      page.data = page.data.filter((one) => !this.#deleted.has(one.id));
      const first = page.data[0]?.id;
      if (after === null) this.#renew(page);
      else this.#add(page);
      const asked = focused || this.#foot.focused;
      this.#draw();
      if (asked) (this.#rows.get(first) ?? [...this.#rows.values()].at(-1))?.focus();
      return true;
    } catch (error) {
      if (visit === this.#visit) this.#foot.fail(error);
      return false;
    }
  }

  #add({ data, has_more: more, after }) {
    const known = new Set(this.#threads.map((one) => one.id));
    this.#threads.push(...data.filter((one) => !known.has(one.id)));
    this.#more = more;
    this.#after = after;
  }

  /** What was loaded behind the newest stays, if the two meet. */
  #renew(page) {
    const ids = new Set(page.data.map((one) => one.id));
    const rest = this.#threads.slice(this.#threads.findLastIndex((one) => ids.has(one.id)) + 1);
    const meet = page.has_more && rest.length && rest.length < this.#threads.length;
    this.#threads = [...page.data, ...(meet ? rest : [])];
    if (meet) return;
    this.#more = page.has_more;
    this.#after = page.after;
  }

  get #shown() {
    const parts = fold(this.#words).split(/\s+/).filter(Boolean);
    return this.#threads.filter(({ title }) => parts.every((part) => fold(title ?? "").includes(part)));
  }

  #tell() {
    this.#lent.say(word(this.#words ? "history.found" : "history.shown", { count: this.#shown.length }));
  }

  #draw() {
    const shown = this.#shown;
    const rows = new Map(this.#threads.map((one) => [one.id, this.#rows.get(one.id) ?? this.#made(one)]));
    for (const one of this.#threads) rows.get(one.id).thread = one;
    this.#rows = rows;
    this.update();
    const groups = grouped(this.#threads).map(([name, threads]) => {
      const group = this.#groups.get(name) ?? make("section", {}, name && make("h3", { class: "past-day" }, name), make("ul"));
      this.#groups.set(name, group);
      arrange(group.lastChild, threads.filter((one) => shown.includes(one)).map((one) => rows.get(one.id).element));
      return group;
    });
    arrange(this.#list, groups.filter((group) => group.lastChild.firstChild));
    this.#end(shown.length);
  }

  #end(count) {
    const more = this.#more && word("history.more");
    const nothing = this.#words && !count && word("history.nothing", { words: this.#words });
    if (this.#words) return this.#foot.show({ note: nothing || (more && word("history.partly")), more });
    const note = count ? !more && count > PAGE && word("history.end") : !more && word("history.empty");
    return this.#foot.show({ note, more, follow: true });
  }

  #made(thread) {
    const { say, stage } = this.#lent;
    const { api, emit } = this.#room;
    return new Row(thread, {
      open: (one) => stage.open(one),
      rename: async (one, title) => {
        const changed = await ask(api(), "threads.update", { thread_id: one.id, title });
        one.title = changed?.title ?? title;
        stage.renamed(one);
        this.update();
        say(word("history.renamed", { title: one.title }));
      },
      remove: async (one, title) => {
        await ask(api(), "threads.delete", { thread_id: one.id });
        this.#gone(one);
        say(word("history.deleted", { title }));
      },
      told: (error) => emit("chatkit.error", { error }),
    });
  }

  #gone(thread) {
    const rows = [...this.#list.querySelectorAll(".past")];
    const at = rows.indexOf(this.#rows.get(thread.id).element);
    this.#deleted.add(thread.id);
    this.#threads = this.#threads.filter((one) => one.id !== thread.id);
    this.#draw();
    const next = (rows[at + 1] ?? rows[at - 1])?.querySelector("button, input");
    if (next) next.focus();
    else this.#lent.leave();
    this.#lent.stage.gone(thread.id);
  }
}

/** Words are compared without case and accents. */
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
