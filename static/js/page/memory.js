/** What this browser keeps for a person: the thread that was open last, and drafts. */

const PREFIX = "threadkeeper:";

/** Whose page this is. */
export const user = () => document.body.dataset.user ?? "";

const lastKey = () => `${PREFIX}last:${user()}`;

/**
 * Remember the thread that is open, or with null that none is.
 * @param {string | null} threadId
 */
export function rememberThread(threadId) {
  reach(() => {
    if (threadId) localStorage.setItem(lastKey(), threadId);
    else localStorage.removeItem(lastKey());
  });
}

/** The page that was reopened is there: from now on the reader chooses. */
export function endReopening() {
  reach(() => sessionStorage.removeItem(`${PREFIX}reopening`));
}

/** Forget a thread that is gone, whosever page this is. */
export function forgetThread(threadId) {
  reach(() => {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(`${PREFIX}last:`) && localStorage.getItem(key) === threadId) {
        localStorage.removeItem(key);
      }
    }
  });
}

/** Forget everything of this person: they are signing out. */
export function forgetPerson() {
  reach(() => {
    localStorage.removeItem(lastKey());
    for (const key of Object.keys(sessionStorage)) {
      const kept = ["draft", "outbox"].some((kind) => key.startsWith(`${PREFIX}${kind}:${user()}:`));
      if (kept) sessionStorage.removeItem(key);
    }
  });
}

/** Storage can be forbidden; then nothing is remembered. */
function reach(use) {
  try {
    use();
  } catch {
    // The page works without it.
  }
}
