/**
 * A `fetch` for OpenAI's own element, `<openai-chatkit>`: with it, answers belong to the server, a
 * message is stored once, and Stop means stop while leaving the page does not.
 */

import { contextMetadata } from "./context.js";
import { newKey } from "./outbox.js";
import { signed } from "./signed.js";
import { EventParser } from "./sse.js";
import { turnAddress } from "./streams.js";
import { told } from "./told.js";

/** What carries words of a person, and so what their page says of itself. */
const SAYING = new Set(["threads.create", "threads.add_user_message"]);
const MESSAGES = new Set([...SAYING, "threads.retry_after_item"]);
/** How long a page may seem to leave before it turns out that it stayed: a download, a question. */
const LEAVING = 2000;

/**
 * Make a function for the option `api.fetch`.
 * @param {object} [options]
 * @param {string} [options.baseUrl] where relative addresses lead
 * @param {import("./signed.js").GetToken} [options.getToken] returns a bearer token, once more with
 *   `{ refresh: true }` if that one is refused; without it requests carry the page's cookies
 * @param {() => object | null} [options.context] what the page says of itself, `{ url, title, data }`;
 *   it goes with a message as data, at most 8 KiB of it; null takes back what was said in the thread
 * @param {string | null} [options.owner] whose threads these are: with it, the tab knows after a reload too
 *   where something was said
 * @param {string | null} [options.user] the id of the person who is shown: the server stores nothing
 *   for somebody else who has signed in meanwhile, and answers 412
 * @returns {typeof fetch}
 */
export function createFetch({ baseUrl = location.href, getToken, context, owner = null, user = null } = {}) {
  const waiting = /** @type {Map<string, { key: string, body: string }>} */ (new Map());
  const leaving = watchLeaving();

  return async function fetchOnce(input, init = {}) {
    const request = new Request(input instanceof Request ? input : new URL(input, baseUrl), init);
    const given = request.method === "POST" ? await request.clone().text() : "";
    const asked = readBody(given);
    const headers = new Headers(request.headers);
    headers.set("X-Threadkeeper-Turn", "keep");
    if (user) headers.set("X-Threadkeeper-User", user);
    if (!MESSAGES.has(asked?.type)) {
      return signed(headers, getToken, (credentials) => fetch(request.clone(), { headers, credentials }));
    }

    const threadId = asked.params?.thread_id ?? null;
    const metadata = () => contextMetadata(context, { owner, threadId });
    const { key, body } = messageOf(waiting, given, asked, metadata);
    headers.set("Idempotency-Key", key);
    const turn = new StoppableTurn(request.url, threadId, headers, { leaving: () => leaving.now, began: (id) => told.move(owner, id) });
    const options = { method: "POST", headers, body, signal: turn.signal };
    const sent = signed(headers, getToken, (credentials) => fetch(request.url, { ...options, credentials }));
    const response = await turn.follow(request.signal, sent);
    // The server has it: the same words again are another message.
    if (response.ok) waiting.delete(given);
    return response;
  };
}

/**
 * The same body that was not answered yet is the same message: it has the same key, and as a key
 * belongs to its bytes, what the page said of itself at first.
 */
function messageOf(waiting, given, asked, metadata) {
  const known = waiting.get(given);
  if (known) return known;
  const more = SAYING.has(asked.type) ? metadata() : {};
  const body = Object.keys(more).length
    ? JSON.stringify({ ...asked, metadata: { ...asked.metadata, ...more } })
    : given;
  const message = { key: newKey(), body };
  waiting.set(given, message);
  return message;
}

function readBody(body) {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Whether the page is going away. One that comes back, or never left, is staying again. */
function watchLeaving() {
  const state = { now: false };
  let timer = 0;
  window.addEventListener("pagehide", () => (state.now = true));
  window.addEventListener("pageshow", () => (state.now = false));
  window.addEventListener("beforeunload", () => {
    state.now = true;
    clearTimeout(timer);
    timer = setTimeout(() => (state.now = false), LEAVING);
  });
  return state;
}

/** One answer: an abort while the page stays asks the server to stop it. */
class StoppableTurn {
  #url;
  #threadId;
  #headers;
  #calls;
  #aborted = false;
  #listener = /** @type {ReadableStreamDefaultController | null} */ (null);
  #abort = new AbortController();

  /** @param {{ leaving: () => boolean, began: (threadId: string) => void }} calls a new thread has its id */
  constructor(url, threadId, headers, calls) {
    this.#url = url;
    this.#threadId = threadId;
    this.#headers = headers;
    this.#calls = calls;
  }

  /** Of the request itself: a new thread has to tell its id before the answer can be stopped. */
  get signal() {
    return this.#abort.signal;
  }

  /**
   * Return the response; its body goes on being read here, whoever listens. An abort rejects at
   * once, as with any fetch.
   * @param {AbortSignal} signal
   * @param {Promise<Response>} response
   * @returns {Promise<Response>}
   */
  follow(signal, response) {
    return new Promise((resolve, reject) => {
      const aborted = () => {
        reject(signal.reason);
        this.#listener?.error(signal.reason);
        this.#end();
      };
      response.then((answer) => resolve(answer.body ? new Response(this.#read(answer.body), answer) : answer), reject);
      signal.addEventListener("abort", aborted, { once: true });
      if (signal.aborted) aborted();
    });
  }

  #read(body) {
    return new ReadableStream({
      start: (controller) => {
        this.#listener = controller;
        this.#pump(body.getReader()).then(() => !this.#aborted && controller.close(), (error) => controller.error(error));
      },
      cancel: () => this.#end(),
    });
  }

  async #pump(reader) {
    const parser = new EventParser();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (this.#threadId === null) {
        for (const data of parser.push(decoder.decode(value, { stream: true }))) this.#hear(data);
      }
      if (!this.#aborted) this.#listener.enqueue(value);
    }
  }

  #hear(data) {
    const id = readBody(data)?.thread?.id;
    if (!id || this.#threadId !== null) return;
    this.#threadId = id;
    this.#calls.began(id);
    if (this.#aborted) this.#stop();
  }

  #end() {
    if (this.#aborted) return;
    this.#aborted = true;
    if (this.#calls.leaving()) this.#abort.abort();
    else if (this.#threadId !== null) this.#stop();
  }

  /** `keepalive` lets the request outlive the page, should it leave right now. */
  #stop() {
    const address = `${turnAddress({ url: this.#url }, this.#threadId)}/stop`;
    const headers = new Headers(this.#headers);
    for (const name of ["Idempotency-Key", "Content-Type"]) headers.delete(name);
    const credentials = headers.has("Authorization") ? "omit" : "include";
    fetch(address, { method: "POST", headers, credentials, keepalive: true }).catch(() => {});
    this.#abort.abort();
  }
}
