/**
 * ChatKit's protocol: every request is one POST; some answer JSON, some a stream of events. Beside
 * it, our server lets a page come back to an answer that is being written, and stop it.
 */

import { eventData } from "./sse.js";

/**
 * @typedef {object} Api
 * @property {string} url
 * @property {typeof fetch} [fetch]
 */

// Our server goes on with the answer when its reader leaves; other servers ignore the header.
const KEEP = { "X-Threadkeeper-Turn": "keep" };

const SENTENCES = {
  unreachable: "The server can’t be reached. Please check your connection and try again.",
  offline: "You are offline. Your message is kept here until you are back.",
  broken_off: "The connection broke off before the answer was complete.",
  lost: "The connection to the answer was lost. It may be complete meanwhile.",
  not_stopped: "The server can’t be reached, so the answer may still be going on.",
  not_understood: "The server sent something that this page does not understand.",
};

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
 * @param {keyof SENTENCES} code
 */
export const fault = (code) => new Fault(code, SENTENCES[code], { allowRetry: true });

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

/**
 * Send a request that streams; return its events, which throw a Fault when the stream breaks.
 * @param {Api} api
 * @param {string} type
 * @param {object} params
 * @param {{ signal: AbortSignal, key?: string, metadata?: object }} more `key` makes it safe to send the
 *   same again
 */
export async function stream(api, type, params, more) {
  return eventsOf(await post(api, type, params, more), more.signal);
}

/**
 * Join the answer that is being written in a thread: what there is of it so far, then what follows.
 * Return null when none is, or when the server knows nothing of joining.
 * @param {Api} api
 * @param {string} threadId
 * @param {AbortSignal} signal
 */
export async function join(api, threadId, signal) {
  const init = { headers: { Accept: "text/event-stream", ...KEEP }, signal };
  const response = await send(api, turnAddress(api, threadId), init);
  if (response.status === 204 || !known(response)) return null;
  if (!response.ok) throw await refusal(response);
  return eventsOf(response, signal);
}

/**
 * Ask for the end of the answer that is being written in a thread. Return false when the server
 * knows nothing of stopping; throw a Fault when it can't be asked.
 * @param {Api} api
 * @param {string} threadId
 */
export async function stop(api, threadId) {
  const init = { method: "POST", headers: { Accept: "application/json", ...KEEP } };
  const response = await send(api, `${turnAddress(api, threadId)}/stop`, init);
  if (response.status >= 500 || response.status === 429) throw await refusal(response);
  return response.ok;
}

/**
 * Look for words in all that was said; null when the server knows nothing of searching.
 * @param {Api} api
 * @param {string} words
 * @param {string | null} after where the page before ended
 * @param {AbortSignal} signal
 */
export async function find(api, words, after, signal) {
  const url = new URL(api.url, location.href);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/search`;
  url.searchParams.set("q", words);
  if (after !== null) url.searchParams.set("after", after);
  const response = await send(api, url.href, { headers: { Accept: "application/json" }, signal });
  if (!known(response)) return null;
  if (!response.ok) throw await refusal(response);
  return response.json();
}

const known = (response) => response.status !== 404 && response.status !== 405;

/**
 * Return where a thread's turn is found.
 * @param {Api} api
 * @param {string} threadId
 */
export function turnAddress(api, threadId) {
  const url = new URL(api.url, location.href);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/turns/${encodeURIComponent(threadId)}`;
  return url.href;
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 */
function eventsOf(response, signal) {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
    throw fault("not_understood");
  }
  return parsedEvents(response.body, signal);
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {AbortSignal} signal
 */
async function* parsedEvents(body, signal) {
  try {
    for await (const data of eventData(body)) yield parsed(data);
  } catch (error) {
    if (error instanceof Fault || signal.aborted) throw error;
    throw fault("broken_off");
  }
}

/** @param {string} data */
function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw fault("not_understood");
  }
}

/**
 * @param {Api} api
 * @param {string} type
 * @param {object} params
 * @param {{ signal?: AbortSignal, key?: string, metadata?: object }} [more]
 */
async function post(api, type, params, { signal, key, metadata = {} } = {}) {
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
async function send(api, url, init) {
  const fetching = api.fetch ?? globalThis.fetch.bind(globalThis);
  try {
    return await fetching(url, init);
  } catch (error) {
    if (init.signal?.aborted || error instanceof Fault) throw error;
    throw fault(navigator.onLine === false ? "offline" : "unreachable");
  }
}

/** @param {Response} response */
async function refusal(response) {
  const body = await response.json().catch(() => null);
  const said = body?.error ?? {};
  const words = typeof said.message === "string" && said.message;
  return new Fault(said.code ?? "http_error", words || `The server answered with an error (${response.status}).`, {
    status: response.status,
    requestId: said.request_id,
    allowRetry: response.status >= 500 || response.status === 429,
  });
}
