/** In which threads a page of this tab has said something of itself, so that it can be taken back. */

const PREFIX = "threadkeeper:context:";
const here = /** @type {Set<string>} */ (new Set());

export const told = {
  /** @param {string | null} owner @param {string | null} threadId */
  has: (owner, threadId) => here.has(nameOf(owner, threadId)) || reach(owner, (storage) => storage.getItem(nameOf(owner, threadId))) !== null,

  /**
   * Remember it for as long as the tab lives; without an owner, as long as the page.
   * @param {string | null} owner
   * @param {string | null} threadId null is the new conversation, which says itself what it has
   * @param {boolean} says
   */
  write(owner, threadId, says) {
    const name = nameOf(owner, threadId);
    if (says) here.add(name);
    else here.delete(name);
    reach(owner, (storage) => (says ? storage.setItem(name, "1") : storage.removeItem(name)));
  },

  /** The new conversation is this thread from now on. @param {string | null} owner @param {string} threadId */
  move(owner, threadId) {
    if (!this.has(owner, null)) return;
    this.write(owner, null, false);
    this.write(owner, threadId, true);
  },
};

const nameOf = (owner, threadId) => `${PREFIX}${owner}:${threadId ?? "new"}`;

/** Storage can be full or forbidden; then it is known as long as the page lives. */
function reach(owner, use) {
  if (owner === null) return null;
  try {
    return use(sessionStorage) ?? null;
  } catch {
    return null;
  }
}
