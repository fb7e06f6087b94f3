/** What was typed and not yet taken by the server, kept for each person and thread in this tab. */

const PREFIX = "threadkeeper:draft:";
const QUOTE = ":quote";

/** Session storage belongs to one tab: two tabs with a new chat each keep their own words. */
export class Drafts {
  #owner;

  /** @param {string | null | undefined} owner without one, nothing is kept */
  constructor(owner) {
    this.#owner = owner ?? null;
  }

  /** @param {string | null} threadId */
  read(threadId) {
    return this.#read(this.#key(threadId));
  }

  /** @param {string | null} threadId */
  readQuote(threadId) {
    return this.#read(this.#key(threadId, QUOTE));
  }

  /**
   * @param {string | null} threadId
   * @param {string} text
   * @param {string} [quote]
   */
  write(threadId, text, quote) {
    this.#write(this.#key(threadId), text);
    this.#write(this.#key(threadId, QUOTE), quote);
  }

  #read(key) {
    return this.#reach((storage) => storage.getItem(key)) ?? "";
  }

  #write(key, words) {
    this.#reach((storage) => (words ? storage.setItem(key, words) : storage.removeItem(key)));
  }

  #key(threadId, kind = "") {
    return `${PREFIX}${this.#owner}:${threadId ?? "new"}${kind}`;
  }

  /** Storage can be full or forbidden; chatting goes on without it. */
  #reach(use) {
    if (this.#owner === null) return null;
    try {
      return use(sessionStorage);
    } catch {
      return null;
    }
  }
}
