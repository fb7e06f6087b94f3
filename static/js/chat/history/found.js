/** What a search found: our own server looks for words in all that was said. */

import { make } from "../dom.js";
import { word } from "../words.js";
import { dateWords, momentOf } from "./days.js";
import { find } from "./find.js";
import { Foot } from "./foot.js";

export { foundStyles } from "./found-styles.js";

/** Words come faster than answers. */
const PAUSE = 200;

/** The results; `element` is where they are shown. */
export class Found {
  #room;
  #lent;
  #list = make("ul", { "aria-label": word("history.search") });
  #foot;
  #words = "";
  #after = /** @type {string | null} */ (null);
  #asking = new AbortController();
  #timer = 0;

  /** @param {any} lent the room, the stage, and what the list does for its parts */
  constructor(lent) {
    this.#room = lent.room;
    this.#lent = lent;
    this.element = make("div", { class: "past-pane", hidden: true }, this.#list);
    this.#foot = new Foot(this.element, lent.room, () => this.#ask());
    this.element.append(this.#foot.element);
  }

  /** Look for these words a moment later; without any, for nothing. */
  look(words) {
    if (words === this.#words) return;
    this.#words = words;
    this.#after = null;
    this.#asking.abort();
    clearTimeout(this.#timer);
    if (!words) this.#list.replaceChildren();
    this.element.ariaBusy = String(Boolean(words));
    if (words) this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  async #ask() {
    const { signal } = (this.#asking = new AbortController());
    const after = this.#after;
    const old = this.#list.children.length;
    const focused = this.#foot.focused;
    this.element.ariaBusy = "true";
    this.#foot.show({ busy: old ? after && word("history.loading") : "all" });
    try {
      const page = await find(this.#room.api(), this.#words, after, signal);
      if (signal.aborted) return;
      if (!page) this.#lent.missing();
      else this.#show(page, after === null, focused || this.#foot.focused);
    } catch (error) {
      if (signal.aborted) return;
      if (after === null) this.#list.replaceChildren();
      this.#foot.fail(error);
    }
    if (!signal.aborted) this.element.ariaBusy = "false";
  }

  #show({ data, has_more: more, after }, fresh, focused) {
    const hits = data.map((hit) => this.#made(hit));
    if (fresh) this.#list.replaceChildren(...hits);
    else this.#list.append(...hits);
    if (fresh) this.element.scrollTop = 0;
    this.#after = after;
    const count = this.#list.children.length;
    const note = count ? !more && !fresh && word("history.end") : word("history.nothing", { words: this.#words });
    this.#foot.show({ note, more: more && word("history.more"), follow: true });
    if (focused) (hits[0] ?? this.#list.lastChild)?.firstChild.focus();
    this.#lent.say(count ? word(more ? "history.foundMore" : "history.found", { count }) : note);
  }

  /** @param {any} hit a title, or a message in a thread */
  #made({ thread, item_id: itemId, created_at: at, role, snippet }) {
    const pieces = snippet.map(({ text, marked }) => (marked ? make("mark", {}, text) : text));
    const title = itemId === null && pieces.length ? pieces : [thread.title || word("header.untitled")];
    const when = at && make("time", { class: "past-when", datetime: at }, dateWords(momentOf(at), new Date(), { day: "numeric", month: "short" }));
    const words = itemId !== null && make("span", { class: "past-snippet", dir: "auto" }, role && make("b", {}, word(`history.role.${role}`)), " ", ...pieces);
    const open = make("button", { class: "past-open past-hit", type: "button" }, make("span", { class: "past-line" }, make("span", { class: "past-title", dir: "auto" }, ...title), when), words);
    open.addEventListener("click", () => this.#lent.stage.open(thread, itemId));
    return make("li", { class: "past" }, open);
  }
}
