/** Requests that say who asks: by the page's cookies, or by a token that the page hands over. */

import { Fault } from "./protocol.js";
import { word } from "./words.js";

/**
 * @typedef {(how?: { refresh: boolean }) => string | null | Promise<string | null>} GetToken null is nobody
 */

/**
 * Send a request that says who asks. A token that is refused gets one more try with a fresh one,
 * also for a message: a server that knows nobody has stored nothing. Throw a Fault when the page
 * fails to say who is here.
 * @param {Headers} headers changed here
 * @param {GetToken | null | undefined} getToken without it the request carries the cookies
 * @param {(credentials: RequestCredentials) => Promise<Response>} send
 * @param {(answer: Response) => boolean | Promise<boolean>} [refused]
 */
export async function signed(headers, getToken, send, refused = ({ status }) => status === 401) {
  if (!getToken) return send("include");
  if (!put(headers, await tokenOf(getToken))) return send("omit");
  const answer = await send("omit");
  if (!(await refused(answer))) return answer;
  if (!put(headers, await tokenOf(getToken, { refresh: true }))) return answer;
  answer.body?.cancel().catch(() => {});
  return send("omit");
}

/** Whether there was a token to put in. */
function put(headers, token) {
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return Boolean(token);
}

let told = false;

/** The page's own code may fail; its author reads of that once, not at every request. */
async function tokenOf(getToken, how) {
  try {
    const token = await getToken(how);
    return typeof token === "string" ? token : null;
  } catch (error) {
    if (!told) console.warn("threadkeeper: getToken failed:", error);
    told = true;
    throw new Fault("no_token", word("panel.unknown"), { allowRetry: true });
  }
}
