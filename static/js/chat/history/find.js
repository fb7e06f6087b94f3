/** Our server's search, beside ChatKit's protocol. */

import { known, refusal, send } from "../protocol.js";

const LONGEST = 250;

/**
 * Look for words in all that was said; null when the server knows nothing of searching.
 * @param {import("../protocol.js").Api} api
 * @param {string} words
 * @param {string | null} after where the page before ended
 * @param {AbortSignal} signal
 */
export async function find(api, words, after, signal) {
  const url = new URL(api.url, location.href);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/search`;
  // The server says that this is too long; a longer address it would not even read.
  url.searchParams.set("q", [...words].slice(0, LONGEST).join(""));
  if (after !== null) url.searchParams.set("after", after);
  const response = await send(api, url.href, { headers: { Accept: "application/json" }, signal });
  if (!known(response)) return null;
  if (!response.ok) throw await refusal(response);
  return response.json();
}
