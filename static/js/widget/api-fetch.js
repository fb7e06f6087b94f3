/** The `fetch` of the element in the panel. */

import { signed } from "../chat/signed.js";

/**
 * Make a `fetch` that says who asks, and tells when the server knew nobody.
 * @param {() => import("../chat/signed.js").GetToken | null | undefined} getToken
 * @param {() => void} refused
 * @returns {typeof fetch}
 */
export function apiFetch(getToken, refused) {
  return async function fetchSigned(input, init = {}) {
    const headers = new Headers(init.headers);
    const answer = await signed(headers, getToken(), (credentials) => fetch(input, { ...init, headers, credentials }));
    if (answer.status === 401) refused();
    return answer;
  };
}
