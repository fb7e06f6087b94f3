// @ts-check
/** OpenAI's element for one person: another person gets another one. */

import { createFetch } from "../chat/fetch.js";
import { rememberThread } from "./kept.js";
import { officialOptions } from "./official-options.js";
import { apiUrl } from "./server.js";

/** @typedef {import("@openai/chatkit").OpenAIChatKit} OpenAIChatKit */
/** @typedef {import("@openai/chatkit").ChatKitEvents} ChatKitEvents */
/** @typedef {import("./server.js").Shell} Shell */
/** @typedef {import("./asking.js").Question} Question */

/**
 * @typedef {object} Mine what the element is made for
 * @property {string} owner
 * @property {boolean} plain whether the server knows neither sign-in nor a full page
 * @property {string | null} threadId
 * @property {() => void} refused the server knew nobody
 */

/** @type {Record<keyof ChatKitEvents, true>} The types say whether one is missing. */
const EVENTS = {
  "chatkit.ready": true,
  "chatkit.error": true,
  "chatkit.effect": true,
  "chatkit.deeplink": true,
  "chatkit.response.start": true,
  "chatkit.response.end": true,
  "chatkit.history.open": true,
  "chatkit.history.close": true,
  "chatkit.thread.change": true,
  "chatkit.thread.load.start": true,
  "chatkit.thread.load.end": true,
  "chatkit.tool.change": true,
  "chatkit.log": true,
};

/** Holds `<openai-chatkit>`, which is defined by now. */
export class OfficialChat {
  #shell;
  #mine;
  #threadId;
  /** Whether its frame is there, so that it hears what it is asked. */
  #ready = false;
  #asked = /** @type {Question[]} */ ([]);
  #fetch;

  /** @param {Shell} shell @param {Mine} mine */
  constructor(shell, mine) {
    this.#shell = shell;
    this.#mine = mine;
    this.#threadId = mine.threadId;
    this.#fetch = this.#makeFetch();
    this.element = document.createElement("openai-chatkit");
    this.#listen();
    this.update();
  }

  /** Set the options as they are now. */
  update() {
    const options = this.#shell.options();
    this.element.setOptions(
      officialOptions(options, {
        url: new URL(apiUrl(this.#shell), document.baseURI).href,
        fetch: this.#fetch,
        threadId: this.#threadId,
        close: () => this.#shell.close(),
        expand: this.#mine.plain || options.fullPage === false ? null : () => this.#expand(),
      }),
    );
  }

  focus() {
    if (this.#ready) this.element.focusComposer();
  }

  /** Say it, as soon as the element listens. @param {Question} asked */
  ask(asked) {
    this.#asked.push(asked);
    this.#askNow();
  }

  /** It does not join an answer that is being written, so it has to look again. */
  comeBack() {
    if (this.#ready && this.#threadId !== null) this.element.fetchUpdates();
  }

  async #askNow() {
    const asked = this.#ready && this.#asked.shift();
    if (!asked) return;
    const { text = "", quote, send = true } = asked;
    if (text && send) await this.element.sendUserMessage({ text, reply: quote });
    else {
      await this.element.setComposerValue({ text, reply: quote });
      await this.element.focusComposer();
    }
    this.#askNow();
  }

  #expand() {
    const address = `${this.#shell.origin}/history/${encodeURIComponent(this.#threadId ?? "new")}`;
    window.open(address, "_blank", "noopener");
  }

  #listen() {
    const { element } = this;
    element.addEventListener("chatkit.ready", () => {
      this.#ready = true;
      this.#askNow();
    });
    element.addEventListener("chatkit.thread.change", ({ detail }) => {
      if (!element.isConnected) return;
      this.#threadId = detail.threadId;
      rememberThread(this.#mine.owner, detail.threadId);
    });
    for (const type of Object.keys(EVENTS)) element.addEventListener(type, (event) => this.#raise(event));
  }

  /** A page listens at the widget's element, whether or not OpenAI's lets its events rise so far. */
  #raise(/** @type {any} */ { type, detail, bubbles, composed }) {
    if (bubbles && composed) return;
    this.#shell.root.host.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** A fetch that says who asks as the options are now, and hears what the server thinks of it. */
  #makeFetch() {
    const { owner, plain } = this.#mine;
    const mine = { context: () => this.#shell.context(), owner, user: plain ? null : owner };
    const byCookie = createFetch(mine);
    const byToken = createFetch({ ...mine, getToken: (how) => this.#shell.options().getToken?.(how) ?? null });
    /** @type {typeof fetch} */
    return async (input, init) => {
      const answer = await (this.#shell.options().getToken ? byToken : byCookie)(input, init);
      if (answer.status === 401 || answer.status === 412) this.#mine.refused();
      // The thread that was open last is gone, and nobody asked for it.
      if (answer.status === 404 && asksFor(init, this.#mine.threadId)) this.element.setThreadId(null);
      return answer;
    };
  }
}

/** @param {RequestInit | undefined} init @param {string | null} threadId */
function asksFor(init, threadId) {
  if (threadId === null || typeof init?.body !== "string") return false;
  const { type, params } = JSON.parse(init.body);
  return type === "threads.get_by_id" && params?.thread_id === threadId;
}
