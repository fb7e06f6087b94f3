/**
 * ChatKit's protocol: every request is one POST; some answer JSON, some a stream of events, which
 * streams.js reads.
 */

import { errorWords, word } from "./words.js";

/**
 * @typedef {object} Api
 * @property {string} url
 * @property {typeof fetch} [fetch]
 */

// Our server goes on with the answer when its reader leaves; other servers ignore the header.
export const KEEP = { "X-Threadkeeper-Turn": "keep" };

/** Something went wrong, with a sentence for the person. */
export class Fault extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ status?: number, requestId?: string, allowRetry?: boolean }} [more]
   */
  constructor(code, message, { status = 0, requestId = "", allowRetry = false } = {}) {
    super(message);
    this.name = "Fault";
    Object.assign(this, { code, status, requestId, allowRetry });
  }
}

/**
 * Make one of our own faults.
 * @param {string} code `fault.<code>` is its sentence
 */
export const fault = (code, allowRetry = true) => new Fault(code, word(`fault.${code}`), { allowRetry });

/**
 * Send a request that answers JSON; throw a Fault otherwise.
 * @param {Api} api
 * @param {string} type
 * @param {object} params
 * @returns {Promise<any>}
 */
export async function ask(api, type, params) {
  const response = await post(api, type, params);
  try {
    return await response.json();
  } catch {
    throw fault("not_understood");
  }
}

/** Whether a server knows what it was asked for. */
export const known = ({ status }) => status !== 404 && status !== 405;

/**
 * @param {Api} api
 * @param {string} type
 * @param {object} params
 * @param {{ signal?: AbortSignal, key?: string, metadata?: object }} [more]
 */
export async function post(api, type, params, { signal, key, metadata = {} } = {}) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream, application/json", ...KEEP };
  const init = { method: "POST", body: JSON.stringify({ type, params, metadata }), signal };
  const response = await send(api, api.url, {
    ...init,
    headers: key ? { ...headers, "Idempotency-Key": key } : headers,
  });
  if (!response.ok) throw await refusal(response);
  return response;
}

/**
 * @param {Api} api
 * @param {string} url
 * @param {RequestInit} init
 */
export async function send(api, url, init) {
  const fetching = api.fetch ?? globalThis.fetch.bind(globalThis);
  try {
    return await fetching(url, init);
  } catch (error) {
    if (init.signal?.aborted || error instanceof Fault) throw error;
    throw fault(navigator.onLine === false ? "offline" : "unreachable");
  }
}

/** @param {Response} response */
export async function refusal(response) {
  const body = await response.json().catch(() => null);
  const said = body?.error ?? {};
  const words = typeof said.message === "string" && said.message;
  return new Fault(said.code ?? "http_error", errorWords(said.code, words) || word("fault.http_error", { status: String(response.status) }), {
    status: response.status,
    requestId: said.request_id,
    // A quota lasts for a day.
    allowRetry: response.status >= 500 || (response.status === 429 && said.code !== "quota_reached"),
  });
}
