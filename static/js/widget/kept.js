/** What this browser keeps of a person on somebody's site, and how it forgets them. */

import { Drafts } from "../chat/drafts.js";

const PREFIX = "threadkeeper:";
const OWNED = /^threadkeeper:(?:draft|outbox|undo|last|thread|context):/;
const ENDED = `${PREFIX}ended`;

/** @typedef {{ text: string, quote: string }} Words */

const NOTHING = { text: "", quote: "" };

/** Who writes while nobody is signed in. */
export const GUEST = "guest";
/** Who writes to a server that does not ask who it is. */
export const ANYONE = "anyone";

/**
 * Return the thread that was open last: in this tab, else in any.
 * @param {string} owner
 * @returns {string | null}
 */
export function lastThread(owner) {
  const here = reach(() => sessionStorage.getItem(`${PREFIX}thread:${owner}`));
  return (here ?? reach(() => localStorage.getItem(`${PREFIX}last:${owner}`))) || null;
}

/**
 * Remember the open thread, or with null a new conversation.
 * @param {string} owner
 * @param {string | null} threadId
 */
export function rememberThread(owner, threadId) {
  reach(() => sessionStorage.setItem(`${PREFIX}thread:${owner}`, threadId ?? ""));
  reach(() => {
    if (threadId) localStorage.setItem(`${PREFIX}last:${owner}`, threadId);
    else localStorage.removeItem(`${PREFIX}last:${owner}`);
  });
}

/**
 * Forget everything of everybody else; with null, of everybody.
 * @param {string | null} owner
 */
export function forgetOthers(owner) {
  const keeps = (key) => owner !== null && `${key.replace(OWNED, "")}:`.startsWith(`${owner}:`);
  for (const storage of [() => sessionStorage, () => localStorage]) {
    reach(() => {
      for (const key of Object.keys(storage())) if (OWNED.test(key) && !keeps(key)) storage().removeItem(key);
    });
  }
}

/** What was typed and not sent yet. */
export const typed = {
  /** @returns {Words} */
  read(owner, threadId) {
    const drafts = new Drafts(owner);
    return { text: drafts.read(threadId), quote: drafts.readQuote(threadId) };
  },
  /** @param {string} owner @param {string | null} threadId @param {Words} words */
  write: (owner, threadId, { text, quote }) => new Drafts(owner).write(threadId, text, quote),
};

/**
 * Return words with others after them.
 * @param {Words} before
 * @param {Words} after
 * @returns {Words}
 */
export function joined(before, after) {
  const text = before.text.endsWith(after.text) ? before.text : [before.text, after.text].filter(Boolean).join("\n\n");
  return { text, quote: after.quote || before.quote };
}

/** Whose words the guest's are, when somebody's session ended while they were writing. */
export const ended = {
  /** @returns {{ owner: string, threadId: string | null } | null} */
  read: () => reach(() => JSON.parse(sessionStorage.getItem(ENDED) ?? "null")),
  write: (owner, threadId) => reach(() => sessionStorage.setItem(ENDED, JSON.stringify({ owner, threadId }))),
  clear: () => reach(() => sessionStorage.removeItem(ENDED)),
};

/**
 * Take from the guest what was typed before this person came. What somebody else was writing when their
 * session ended is gone.
 * @param {string} owner
 * @returns {Words & { thread?: { id: string | null } }} `thread` is where it was, if this person wrote it
 */
export function taken(owner) {
  const [words, whose] = [typed.read(GUEST, null), ended.read()];
  ended.clear();
  typed.write(GUEST, null, NOTHING);
  if (!whose) return words;
  return whose.owner === owner ? { ...words, thread: { id: whose.threadId } } : NOTHING;
}

/** Storage can be full or forbidden; then nothing is remembered. */
function reach(use) {
  try {
    return use() ?? null;
  } catch {
    return null;
  }
}
