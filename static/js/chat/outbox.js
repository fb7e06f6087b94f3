/** Messages that the server has not confirmed, each with the key that makes sending it again safe. */

const PREFIX = "threadkeeper:outbox:";
/** Nothing was stored, and the very same would be refused again. */
const FINAL = new Set([400, 404, 413, 415, 422]);

/** Return a new key: 128 random bits. `crypto.randomUUID` is missing on pages without https. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * At most one message waits in each thread. It is kept in this tab, also over a reload if somebody
 * owns it, so that a message whose answer was lost is stored once however often it is sent.
 */
export class Outbox {
  #owner;
  #waiting = new Map();

  /** @param {string | null | undefined} owner without one, nothing outlives the page */
  constructor(owner) {
    this.#owner = owner ?? null;
  }

  /**
   * Return the key to send a message with, and what else belongs to it: the same as before for the
   * same, unconfirmed message, as a key is good for one body only.
   * @param {string | null} threadId
   * @param {string} text
   * @param {string} quote
   * @param {() => object} rest what else is sent
   * @returns {any}
   */
  keep(threadId, text, quote, rest) {
    const last = this.#read(threadId);
    if (last && last.text === text && last.quote === quote) return last;
    const message = { key: newKey(), text, quote, ...rest() };
    this.#write(threadId, JSON.stringify(message));
    return message;
  }

  /**
   * Return the thread's message if it stands among these items, newer than what was said before it.
   * @param {string | null} threadId
   * @param {any[]} items the newest, oldest first
   */
  among(threadId, items) {
    const last = this.#read(threadId);
    if (last?.after === undefined) return null;
    const since = items.slice(items.findIndex(({ id }) => id === last.after) + 1);
    const textOf = (item) => item.content.map((part) => part.text).join("");
    const same = (item) => textOf(item) === last.text && (item.quoted_text ?? "") === last.quote;
    return since.some((item) => item.type === "user_message" && same(item)) ? last : null;
  }

  /**
   * The thread's message has arrived: the same words again are another message.
   * @param {string | null} threadId
   */
  confirm(threadId) {
    this.#waiting.delete(threadId);
    this.#reach((storage) => storage.removeItem(this.#name(threadId)));
  }

  /**
   * The thread's message was refused. For what is in it: then the next try is another message.
   * @param {string | null} threadId
   * @param {number} status
   */
  refused(threadId, status) {
    if (FINAL.has(status)) this.confirm(threadId);
  }

  #read(threadId) {
    const kept = this.#waiting.get(threadId) ?? this.#reach((storage) => storage.getItem(this.#name(threadId)));
    try {
      return kept ? JSON.parse(kept) : null;
    } catch {
      return null;
    }
  }

  #write(threadId, message) {
    this.#waiting.set(threadId, message);
    this.#reach((storage) => storage.setItem(this.#name(threadId), message));
  }

  #name(threadId) {
    return `${PREFIX}${this.#owner}:${threadId ?? "new"}`;
  }

  /** Storage can be full or forbidden; then the key lives as long as the page. */
  #reach(use) {
    if (this.#owner === null) return null;
    try {
      return use(sessionStorage);
    } catch {
      return null;
    }
  }
}
