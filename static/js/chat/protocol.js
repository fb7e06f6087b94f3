/** ChatKit's protocol: every request is one POST; some answer JSON, some a stream of events. */

import { eventData } from "./sse.js";

/**
 * @typedef {object} Api
 * @property {string} url
 * @property {typeof fetch} [fetch]
 */

const SENTENCES = {
  unreachable: "The server can’t be reached. Please check your connection and try again.",
  offline: "You are offline. Your message is kept here until you are back.",
  broken_off: "The connection broke off before the answer was complete.",
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

/** @param {keyof SENTENCES} code */
const fault = (code) => new Fault(code, SENTENCES[code], { allowRetry: true });

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
 * Send a request that streams; yield its events, and throw a Fault when the stream breaks.
 * @param {Api} api
 * @param {string} type
 * @param {object} params
 * @param {AbortSignal} signal
 */
export async function* stream(api, type, params, signal) {
  const response = await post(api, type, params, signal);
  if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body) {
    throw fault("not_understood");
  }
  try {
    for await (const data of eventData(response.body)) yield parsed(data);
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
 * @param {AbortSignal} [signal]
 */
async function post(api, type, params, signal) {
  const send = api.fetch ?? globalThis.fetch.bind(globalThis);
  let response;
  try {
    response = await send(api.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream, application/json" },
      body: JSON.stringify({ type, params, metadata: {} }),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw fault(navigator.onLine === false ? "offline" : "unreachable");
  }
  if (!response.ok) throw await refusal(response);
  return response;
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
