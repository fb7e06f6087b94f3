/** The conversation of one person in the panel; another person gets another one. */

import { word } from "../chat/words.js";
import { keepingFocus } from "./focus.js";
import { GUEST, rememberThread } from "./kept.js";
import { apiUrl } from "./server.js";
import { fullPageLink, headerButton } from "./states.js";

/**
 * @typedef {object} Mine what the conversation is made for
 * @property {string} owner
 * @property {boolean} plain whether the server knows neither sign-in nor search nor a full page
 * @property {string | null} threadId
 * @property {typeof fetch} fetch
 * @property {() => string} signInUrl
 * @property {(message: { text: string, quote?: string }) => void} held what a guest wanted to send
 * @property {(error: any) => void} failed
 * @property {() => void} ended an answer is complete
 */

/** Holds `<threadkeeper-chat>` and what is put into it. */
export class Chat {
  #shell;
  #mine;
  #loading = 0;
  #sending = 0;
  #restoring;
  #waiting = /** @type {((_: unknown) => void)[]} */ ([]);
  #ready = false;
  #card = /** @type {Element | null} */ (null);
  #link = fullPageLink(word("panel.full_page"));

  /** @param {import("./server.js").Shell} shell @param {Mine} mine */
  constructor(shell, mine) {
    this.#shell = shell;
    this.#mine = mine;
    this.#restoring = mine.threadId;
    this.element = /** @type {any} */ (document.createElement("threadkeeper-chat"));
    this.element.className = "panel-chat";
    this.element.append(this.#link, headerButton(word("panel.close"), () => shell.close()));
    this.#listen();
    this.update();
  }

  get owner() {
    return this.#mine.owner;
  }

  get guest() {
    return this.owner === GUEST;
  }

  get threadId() {
    return this.#ready ? this.element.threadId : this.#mine.threadId;
  }

  /** What stands in the place of the greeting. */
  set card(card) {
    const before = this.#card;
    this.#card = card;
    keepingFocus(this.#shell.root, () => before?.remove());
    if (card) this.element.append(card);
  }

  /** Whether an answer is being written, or what leads to one is on its way. */
  get busy() {
    return this.#sending > 0 || this.element.busy;
  }

  /** Send it, and wait for the answer. @param {{ text: string, quote?: string }} message */
  async send(message) {
    this.#sending += 1;
    await this.element.sendUserMessage(message).finally(() => (this.#sending -= 1));
  }

  /** Options may have changed. */
  update() {
    const options = this.#shell.options();
    this.element.dir = options.dir;
    this.element.setOptions(this.#optionsOf(options));
    this.#link.hidden = this.guest || this.#mine.plain || options.fullPage === false;
    this.#lead();
  }

  /** Wait until what is to be shown at first is there. */
  async settled() {
    while (!this.#ready || this.#restoring !== null || this.#loading > 0) await new Promise((done) => this.#waiting.push(done));
  }

  #optionsOf({ title, greeting, prompts, placeholder, language, theme, color }) {
    const { guest } = this;
    const { owner, plain, threadId, fetch, signInUrl } = this.#mine;
    return {
      api: { url: apiUrl(this.#shell), fetch },
      initialThread: threadId,
      locale: language,
      theme: { colorScheme: theme === "auto" ? "system" : theme, color: color && { accent: { primary: color, level: 1 } } },
      header: { title: { text: title }, begin: !guest },
      history: { enabled: !guest },
      startScreen: { greeting, prompts },
      composer: { placeholder, draftOwner: owner },
      threadItemActions: { feedback: true, retry: true },
      pageContext: () => this.#shell.context(),
      search: !guest && !plain,
      signInUrl,
    };
  }

  #listen() {
    const { element } = this;
    const on = (type, heard) => element.addEventListener(type, (event) => event.target === element && heard(event));
    on("chatkit.ready", () => ((this.#ready = true), this.#settle()));
    on("chatkit.thread.load.start", () => (this.#loading += 1));
    on("chatkit.thread.load.end", () => ((this.#loading -= 1), this.#loaded()));
    on("chatkit.thread.change", ({ detail }) => this.#changed(detail.threadId));
    on("chatkit.response.start", () => this.#used());
    on("chatkit.response.end", () => this.#mine.ended());
    on("chatkit.error", ({ detail }) => this.#failed(detail.error));
    on("threadkeeper.send", (event) => this.guest && (event.preventDefault(), this.#mine.held(event.detail)));
  }

  #loaded() {
    this.#restoring = null;
    this.#settle();
  }

  #settle() {
    for (const done of this.#waiting.splice(0)) done(null);
  }

  #changed(threadId) {
    if (!this.element.isConnected || this.guest) return;
    this.#restoring = null;
    rememberThread(this.owner, threadId);
    this.#lead();
  }

  /** What is used last is what a new tab opens. */
  #used() {
    if (this.threadId !== null) this.#changed(this.threadId);
  }

  #failed(error) {
    // A thread that came back by itself and is gone was not asked for.
    if (this.#restoring !== null && error?.status === 404) this.#begin();
    else this.#mine.failed(error);
  }

  /** What was typed for the thread that is gone goes along. */
  async #begin() {
    const typed = this.element.composerValue;
    await this.element.setThreadId(null);
    if (typed.text || typed.quote) this.element.setComposerValue(typed);
  }

  #lead() {
    this.#link.setAttribute("href", `${this.#shell.origin}/history/${encodeURIComponent(this.threadId ?? "new")}`);
  }
}
