/** Why a conversation takes no messages; templates/history/_conversation.html says the same. */

import { word } from "./words.js";

const CLOSED = new Set(["locked", "closed"]);

/**
 * Return the sentence for a thread's status, or null when one can write in it.
 * @param {string | null | undefined} status
 * @param {string | null | undefined} reason what its owner or the site gave as the reason
 */
export function closedWords(status, reason) {
  const sentence = CLOSED.has(status) ? word(`status.${status}`) : null;
  return sentence && reason ? `${sentence} ${reason}` : sentence;
}
