/** Reading a thread: its newest messages, and page by page those before them. */

import { Earlier } from "./earlier.js";
import { ask } from "./protocol.js";
import { word } from "./words.js";

const PAGE = 20;
/** On the way to a message that was looked for, more comes at once. */
const STRIDE = 100;
/** Beyond so many of them nobody waits. */
const STRIDES = 20;

/** What is shown of the open thread; opening another makes the answers on their way worthless. */
export class Loading {
  #room;
  #visit = 0;
  #cursor = /** @type {string | null} */ (null);
  /** Whether there is a thread that was not read yet. */
  unread;
  #earlier;

  /** @param {any} room what the element lends: its parts, and what to tell it */
  constructor(room) {
    this.#room = room;
    const { threadId, view } = room;
    this.unread = threadId() !== null;
    this.#earlier = new Earlier(view.earlier, view.scroller, () => this.#goBack());
  }

  /** The language may have become another one. */
  reword() {
    this.#earlier.reword();
  }

  /** Another thread is shown from now on. */
  leave() {
    this.#visit += 1;
    this.unread = this.#room.threadId() !== null;
    this.setEarlier(null);
  }

  /**
   * Offer what was said before the item of this id; with null there is nothing.
   * @param {string | null} cursor
   */
  setEarlier(cursor) {
    this.#cursor = cursor;
    this.#earlier.shown = cursor !== null;
  }

  /**
   * Read the newest messages. What came while a message was being sent is old, unless that turn
   * asks for it itself; of a thread that was not read yet it is what stands before that message.
   * Quietly, what fails is not told.
   * @param {{ quiet?: boolean, inTurn?: boolean }} [how]
   */
  async newest({ quiet = false, inTurn = false } = {}) {
    const { api, busy, conversation, fail, meet, place, reload, threadId } = this.#room;
    const visit = this.#visit;
    const thread = threadId();
    try {
      const [about, page] = await Promise.all([
        ask(api(), "threads.get_by_id", { thread_id: thread }),
        this.#page(thread, null),
      ]);
      const late = busy() && !inTurn;
      if (visit !== this.#visit || (late && !this.unread)) return;
      const items = page.data.reverse();
      place.keep(() => {
        const known = late ? conversation.prepend(items) : conversation.renew(items);
        if (!known) this.setEarlier(page.has_more ? page.after : null);
      });
      this.unread = false;
      meet(about);
      if (!late) this.#takeFromDraft(items);
    } catch (error) {
      if (visit === this.#visit && !quiet) fail(error, [{ label: word("fault.again"), run: () => reload() }]);
    }
  }

  /** Read back until the item of this id is shown; return what shows it, or null. */
  async reach(itemId) {
    const visit = this.#visit;
    for (let strides = 0; strides < STRIDES && visit === this.#visit; strides += 1) {
      const found = this.#room.conversation.elementOf(itemId);
      if (found) return found;
      if (this.#cursor === null || !(await this.#goBack(STRIDE))) return null;
    }
    return this.#room.conversation.elementOf(itemId);
  }

  /** What was on its way when this thread was left, and stands in it now, is no draft any more. */
  #takeFromDraft(items) {
    const { composer, outbox, threadId } = this.#room;
    const arrived = outbox().among(threadId(), items);
    if (!arrived) return;
    outbox().confirm(threadId());
    const sent = `${arrived.text}\n\n`;
    const rest = `${composer.text}\n\n`.startsWith(sent) ? composer.text.slice(sent.length) : composer.text;
    this.#room.compose(rest, composer.quote === arrived.quote ? "" : composer.quote);
  }

  /** Read the messages before the first that is shown; return whether that worked. */
  async #goBack(limit = PAGE) {
    const { conversation, fail, say, threadId } = this.#room;
    if (this.#cursor === null) return true;
    const visit = this.#visit;
    try {
      const page = await this.#page(threadId(), this.#cursor, limit);
      if (visit !== this.#visit) return true;
      conversation.prepend(page.data.reverse());
      this.setEarlier(page.has_more ? page.after : null);
      return true;
    } catch (error) {
      if (visit !== this.#visit) return true;
      if (error.status === 401) fail(error, []);
      else say(word("earlier.unloaded"));
      return false;
    }
  }

  #page(threadId, after, limit = PAGE) {
    return ask(this.#room.api(), "items.list", { thread_id: threadId, limit, order: "desc", after });
  }
}
