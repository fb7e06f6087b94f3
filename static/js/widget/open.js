/** Whether the dialog is open, for as long as the tab lives: a link or a reload keeps it so. */

const KEY = "threadkeeper:open";

/**
 * Keep it; or without an argument return what was kept, by the page before this one.
 * @param {boolean} [open]
 */
export function remembered(open) {
  try {
    if (open == null) return sessionStorage[KEY];
    if (open) sessionStorage[KEY] = 1;
    else delete sessionStorage[KEY];
  } catch {
    // A page may be forbidden to keep anything: then it is closed on each.
  }
}
