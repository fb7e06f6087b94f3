/** What can be done about a turn that failed. */

import { word } from "./words.js";

const BROKEN = new Set(["lost", "not_stopped", "not_understood", "unreachable", "offline"]);

/**
 * @param {any} error
 * @param {import("./turn.js").Turn} turn
 * @param {import("./turns.js").Turns} turns
 * @param {import("./composer.js").Composer} composer what was not sent is there by the time it is tried again
 * @returns {import("./faults.js").Remedy[]}
 */
export function remediesFor(error, { sent, begun, again, refused }, turns, composer) {
  if (!error.allowRetry || refused) return [];
  if (sent) return [{ label: word("fault.again"), run: () => turns.send(composer.value) }];
  // The server may have gone on writing: asking again would throw that away.
  if (begun && BROKEN.has(error.code)) return [{ label: word("fault.show"), run: () => turns.join() }];
  // A turn that began has used its key up.
  return [{ label: word("fault.again"), run: again && !begun ? again : () => turns.retry() }];
}
