/** What was typed and not yet taken by the server, kept for each person and thread in this tab. */

const PREFIX = "threadkeeper:draft:";

/** Session storage belongs to one tab: two tabs with a new chat each keep their own words. */
export class Drafts {
  #owner;

  /** @param {string | null | undefined} owner without one, nothing is kept */
  constructor(owner) {
    this.#owner = owner ?? null;
  }

  /** @param {string | null} threadId */
  read(threadId) {
    return this.#reach((storage) => storage.getItem(this.#key(threadId))) ?? "";
  }

  /**
   * @param {string | null} threadId
   * @param {string} text
   */
  write(threadId, text) {
    this.#reach((storage) => {
      if (text) storage.setItem(this.#key(threadId), text);
      else storage.removeItem(this.#key(threadId));
    });
  }

  #key(threadId) {
    return `${PREFIX}${this.#owner}:${threadId ?? "new"}`;
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
