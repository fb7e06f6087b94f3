/** Why a conversation takes no messages; templates/history/_conversation.html says the same. */

import { word } from "./words.js";

const CLOSED = new Set(["locked", "closed"]);

/**
 * Show the composer, or in its place why nobody may write.
 * @param {import("./view.js").View} view
 * @param {string | null | undefined} status the thread's
 * @param {string | null | undefined} reason what its owner or the site gave as the reason
 */
export function showStatus({ closed, composer, scroller }, status, reason) {
  const open = !CLOSED.has(status);
  // Where nobody may write one reads: the focus does not go away with the composer.
  if (!open && composer.matches(":focus-within")) scroller.focus({ preventScroll: true });
  composer.hidden = !open;
  closed.hidden = open;
  closed.textContent = open ? "" : [word(`status.${status}`), reason].filter(Boolean).join(" ");
}
