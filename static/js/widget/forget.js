/**
 * Signing out, on our own pages and on those of a site: this browser forgets everybody, in all tabs.
 * A mark stays, by which tabs that slept, or were closed and opened again, hear of it as well.
 */

const OUT = "threadkeeper:out";

/** Forget all that is kept, but not whether the dialog is open; tell the other tabs of this origin. */
export function forgetEverybody() {
  // Storage can be forbidden; then there is nothing.
  try {
    const mark = Math.random();
    for (const storage of [sessionStorage, localStorage]) {
      forgetIn(storage);
      storage[OUT] = mark;
    }
  } catch {}
}

/**
 * Forget what this tab keeps, if it did not hear of the last sign-out, and from now on at each in
 * another tab.
 * @param {() => void} heard called at those
 */
export function hearSignOut(heard) {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === OUT && newValue && agree()) heard();
  });
  agree();
}

/** Return whether there was something to hear. */
function agree() {
  try {
    const last = localStorage[OUT];
    if (!last || last === sessionStorage[OUT]) return false;
    forgetIn(sessionStorage);
    sessionStorage[OUT] = last;
    return true;
  } catch {
    return false;
  }
}

/** @param {Storage} storage */
function forgetIn(storage) {
  for (const key in storage) if (/^threadkeeper:(?!open)/.test(key)) delete storage[key];
}
