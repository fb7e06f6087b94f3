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

const undoKey = () => `${PREFIX}undo:${user()}:`;

/** What was deleted a moment ago, for the page that comes next. */
export const keptUndo = {
  /** @param {{ deletion: string, said: string, open: string | null, until: number }} deleted */
  write: (deleted) => reach(() => sessionStorage.setItem(undoKey(), JSON.stringify(deleted))),
  clear: () => reach(() => sessionStorage.removeItem(undoKey())),
  /** Return it while it can be undone, else null. */
  read() {
    let kept = null;
    reach(() => (kept = JSON.parse(sessionStorage.getItem(undoKey()) ?? "null")));
    if (kept && kept.until > Date.now()) return kept;
    this.clear();
    return null;
  },
};

/** Forget where htmx noted that it is, whatever it is told about history. */
export const forgetPlace = () => reach(() => sessionStorage.removeItem("htmx-current-path-for-history"));

/** Storage can be forbidden; then nothing is remembered. */
function reach(use) {
  try {
    use();
  } catch {
    // The page works without it.
  }
}
