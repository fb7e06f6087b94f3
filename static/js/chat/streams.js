/**
 * Answers that stream in. Beside ChatKit's protocol, our server lets a page come back to an answer
 * that is being written, and stop it.
 */

import { Fault, fault, KEEP, known, post, refusal, send } from "./protocol.js";
import { eventData } from "./sse.js";

/** Errors that end the reading and not the answer. Who joins again is told what can be done. */
const READING_ENDED = new Set(["session_ended", "another_person"]);

/**
 * Send a request that streams; return its events, which throw a Fault when the stream breaks.
 * @param {import("./protocol.js").Api} api
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
 * @param {import("./protocol.js").Api} api
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
 * @param {import("./protocol.js").Api} api
 * @param {string} threadId
 */
export async function stop(api, threadId) {
  const init = { method: "POST", headers: { Accept: "application/json", ...KEEP } };
  const response = await send(api, `${turnAddress(api, threadId)}/stop`, init);
  if (response.status >= 500 || response.status === 429) throw await refusal(response);
  return response.ok;
}

/**
 * Return where a thread's turn is found.
 * @param {import("./protocol.js").Api} api
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
    for await (const data of eventData(body)) {
      const event = parsed(data);
      if (READING_ENDED.has(event?.error_code)) throw fault("broken_off");
      yield event;
    }
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
