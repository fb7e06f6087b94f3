/** The messages of one thread: a list that grows at both ends, and answers that are being written. */

import { dress } from "./actions.js";
import { markDays, setClocks, stamped, timeOf } from "./days.js";
import { make } from "./dom.js";
import { renderItem, sourcesOf } from "./items.js";
import { footOf, keepOpen, keptAs } from "./keeping.js";
import { MarkdownWriter } from "./markdown.js";
import { offerRetry, outcomeLine } from "./outcomes.js";
import { applyUpdate } from "./updates.js";

const SENDING = "sending";

/** Shows items in an `<ol>`, whether the server rendered it or this element made it. */
export class Conversation {
  /** @type {Map<string, { element: HTMLElement, item: any, writers: MarkdownWriter[] }>} */
  #shown = new Map();
  /** The ids of items that updates have changed since they were shown. */
  #changed = /** @type {Set<string>} */ (new Set());
  #list;
  #origin;

  /** @param {HTMLElement} list @param {() => string} origin of the chat, whose pictures are shown */
  constructor(list, origin) {
    this.#list = list;
    this.#origin = origin;
  }

  /** Take over what the server rendered. */
  adopt() {
    for (const item of this.#list.querySelectorAll(":scope > .item")) dress(item);
    setClocks(this.#list);
    markDays(this.#list);
  }

  /** Whether nothing is shown yet. */
  get empty() {
    return this.#list.childElementCount === 0;
  }

  /** The id of the last thing that the person said, or null. */
  get lastQuestion() {
    const said = [...this.#list.querySelectorAll(".item-user[data-item]")];
    return said.at(-1)?.getAttribute("data-item") ?? null;
  }

  /** Show what is being sent, until the server tells the item that it became. */
  addSending(text, quote) {
    this.removeSending();
    const content = [{ type: "input_text", text }];
    const element = renderItem(stamped({ type: "user_message", id: SENDING, content, quoted_text: quote }));
    element.classList.add("item-sending");
    element.removeAttribute("data-item");
    this.#list.append(element);
    markDays(this.#list);
  }

  removeSending() {
    this.#list.querySelector(".item-sending")?.remove();
    markDays(this.#list);
  }

  /** Show items before all others, oldest first; those from one on that is shown already are left out. */
  prepend(items) {
    const known = items.findIndex((item) => this.elementOf(item.id));
    const elements = items.slice(0, known < 0 ? items.length : known).map((item) => this.#make(item));
    this.#list.prepend(...elements.filter(Boolean));
    markDays(this.#list);
  }

  /**
   * Show the newest items as they are now. What stands before them stays, and so does what has not
   * changed; return false if nothing of it could stay.
   * @param {any[]} items oldest first
   */
  renew(items) {
    const first = items.length ? this.elementOf(items[0].id) : null;
    if (!first) {
      this.replaceAll(items);
      return false;
    }
    const known = new Set(items.map((item) => item.id));
    for (let next = first; next; ) {
      const element = next;
      next = element.nextElementSibling;
      if (element.matches(".item") && !known.has(element.dataset.item)) this.#drop(element);
    }
    items.forEach((item) => this.#place(item));
    markDays(this.#list);
    return true;
  }

  /** Show these items and no others. */
  replaceAll(items) {
    this.#shown.clear();
    this.#list.replaceChildren(...items.map((item) => this.#make(item)).filter(Boolean));
    markDays(this.#list);
  }

  /** An item begins, or comes as far as it is: what was shown of it is replaced. */
  begin(item) {
    this.put(this.#stamped(item));
    const shown = this.#shown.get(item.id);
    if (item.type === "assistant_message") item.content.forEach((_part, index) => this.#writer(shown, index));
  }

  /** Show an item at the end, or again where it already is. */
  put(item) {
    this.#place(item);
    markDays(this.#list);
  }

  #place(item) {
    if (item.type === "user_message") this.#list.querySelector(".item-sending")?.remove();
    const known = this.elementOf(item.id);
    const element = this.#make(item);
    if (!element) known?.remove();
    else if (known && keptAs(known, element)) this.#shown.get(item.id).element = known;
    else if (known) known.replaceWith(keepOpen(known, element));
    else this.#list.append(element);
  }

  /** An item is complete. A streamed answer stays as it stands if its text is the one that came. */
  finish(done) {
    const item = this.#stamped(done);
    const shown = this.#shown.get(item.id);
    const streamed = shown?.writers.map((writer) => writer.text).join("\0");
    if (!shown?.writers.length || streamed !== item.content?.map((part) => part.text).join("\0")) {
      this.put(item);
      return;
    }
    this.#endWriters(shown);
    shown.item = item;
    const sources = sourcesOf(item);
    if (sources) footOf(shown.element).before(sources);
  }

  /** Part of an item has changed; what is shown as a whole waits for `settle`. */
  update(itemId, update) {
    const shown = this.#shown.get(itemId);
    if (!shown) return;
    if (update.type === "assistant_message.content_part.text_delta") {
      this.#writer(shown, update.content_index).write(update.delta);
    } else if (update.type === "assistant_message.content_part.added") {
      const writer = this.#writer(shown, update.content_index);
      if (update.content.text && !writer.text) writer.write(update.content.text);
    } else if (shown.item.type !== "assistant_message") {
      shown.item = applyUpdate(shown.item, update);
      this.#changed.add(itemId);
    }
  }

  /** Show what has changed: once, however many updates there were. */
  settle() {
    for (const id of [...this.#changed]) {
      const shown = this.#shown.get(id);
      if (shown) this.put(shown.item);
    }
    this.#changed.clear();
  }

  remove(itemId) {
    const element = this.elementOf(itemId);
    if (element) this.#drop(element);
  }

  /** Put aside what came after an item, while it is answered anew. */
  hideAfter(itemId) {
    let element = this.elementOf(itemId)?.nextElementSibling;
    for (; element; element = element.nextElementSibling) element.classList.add("item-aside");
  }

  /**
   * Show again what was put aside, or let go of it.
   * @param {boolean} replaced not every server says that it is gone
   */
  bringBack(replaced) {
    for (const element of this.#list.querySelectorAll(".item-aside")) {
      if (replaced) this.#drop(element);
      else element.classList.remove("item-aside");
    }
  }

  /**
   * The turn is over, however it ended: nothing is being written any more.
   * @param {Iterable<string>} begun the ids of items that began and were not finished
   */
  endTurn(begun = []) {
    for (const shown of this.#shown.values()) if (shown.writers.length) this.#endWriters(shown);
    for (const id of begun) {
      const element = this.elementOf(id);
      if (element && !element.querySelector(".prose")?.textContent) this.#drop(element);
    }
  }

  /**
   * Say under the last message how it ended; return false if there is none.
   * @param {{ outcome: "stopped" | "interrupted" | "failed", words?: string, final?: boolean }} mark
   */
  mark({ outcome, words, final = false }) {
    const last = this.#list.lastElementChild;
    if (!last) return false;
    last.querySelector(":scope > .outcome")?.remove();
    last.querySelector(".item-thumbs")?.remove();
    const line = outcomeLine(outcome, words);
    line.classList.toggle("outcome-final", final);
    footOf(last).before(line);
    return true;
  }

  /** @param {(() => void) | null} retry what the button under the last answer does */
  offerRetry(retry) {
    offerRetry(this.#list, this.lastQuestion === null ? null : retry);
  }

  /** Return what shows the item of this id, or null. */
  elementOf(itemId) {
    return this.#list.querySelector(`[data-item="${CSS.escape(itemId)}"]`);
  }

  /** Return an answer's text as it was written, or null if only the server knows it. */
  markdownOf(itemId) {
    const { item, writers } = this.#shown.get(itemId) ?? {};
    if (!item || writers.length) return null;
    return item.content.map((part) => part.text).join("\n\n");
  }

  /** Remember items that are shown as the server rendered them. */
  learn(items) {
    for (const item of items) {
      const element = this.elementOf(item.id);
      if (element && !this.#shown.has(item.id)) this.#shown.set(item.id, { element, item, writers: [] });
    }
  }

  /** The tool call of the page that the conversation ends on and that has no result, or undefined. */
  get waitingCall() {
    const { item } = this.#shown.get(this.#list.lastElementChild?.dataset.item) ?? {};
    return item?.type === "client_tool_call" && item.status === "pending" ? item : undefined;
  }

  /** Whether the last thing that was said waits for an answer. */
  get unanswered() {
    const last = this.#list.lastElementChild;
    return Boolean(last?.matches(".item-user")) && !last.querySelector(":scope > .outcome");
  }

  /** The words of the last answer, for a screen reader. */
  get lastAnswer() {
    const answers = this.#list.querySelectorAll(".item-assistant");
    const parts = answers.length ? [...answers[answers.length - 1].querySelectorAll(".prose")] : [];
    return parts.map((part) => part.textContent).join(" ");
  }

  #make(item) {
    const element = renderItem(item, this.#origin());
    if (!element) return null;
    dress(element);
    this.#shown.set(item.id, { element, item, writers: [] });
    this.#changed.delete(item.id);
    return element;
  }

  #writer(shown, index) {
    while (shown.writers.length <= index) {
      const ready = shown.element.querySelectorAll(":scope > .prose")[shown.writers.length];
      const part = ready ?? make("div", { class: "prose", dir: "auto" });
      if (!ready) footOf(shown.element).before(part);
      part.replaceChildren();
      const writer = new MarkdownWriter(part, this.#origin());
      const text = shown.item.content?.[shown.writers.length]?.text;
      if (text) writer.write(text);
      shown.writers.push(writer);
      shown.element.classList.add("item-writing");
    }
    return shown.writers[index];
  }

  #endWriters(shown) {
    shown.writers.forEach((writer) => writer.end());
    shown.writers = [];
    shown.element.classList.remove("item-writing");
    dress(shown.element);
  }

  #stamped(item) {
    const known = this.elementOf(item.id);
    return stamped(item, known && timeOf(known)?.dateTime);
  }

  #drop(element) {
    this.#shown.delete(element.dataset.item);
    element.remove();
    markDays(this.#list);
  }
}
