/** The `fetch` of the element in the panel. */

import { signed } from "../chat/signed.js";

const NOBODY = 401;
const SOMEBODY_ELSE = 412;

/**
 * Make a `fetch` that says who asks and who is shown, and tells when that is not who is signed in.
 * @param {() => import("../chat/signed.js").GetToken | null | undefined} getToken
 * @param {string | null} user the id of the person who is shown; null for nobody
 * @param {() => void} refused
 * @returns {typeof fetch}
 */
export function apiFetch(getToken, user, refused) {
  return async function fetchSigned(input, init = {}) {
    const headers = new Headers(init.headers);
    if (user) headers.set("X-Threadkeeper-User", user);
    const answer = await signed(headers, getToken(), (credentials) => fetch(input, { ...init, headers, credentials }));
    if ([NOBODY, SOMEBODY_ELSE].includes(answer.status)) refused();
    return answer;
  };
}
