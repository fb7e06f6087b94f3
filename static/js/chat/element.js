/**
 * `<threadkeeper-chat>`: a conversation and its composer, for any ChatKit server.
 *
 * It has the surface of the official element: setOptions and the methods below, and events named
 * `chatkit.…`. Put inside a page whose server rendered the messages (`[data-conversation]`), it
 * takes those over; alone, it loads them.
 */

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { faultRow } from "./faults.js";
import { readOptions } from "./options.js";
import { ask, Fault, stream } from "./protocol.js";
import { sheets } from "./styles.js";
import { clean } from "./text.js";
import { runTurn } from "./turn.js";
import { View } from "./view.js";

const PAGE = 20;
const SPOKEN = 1500;
const NO_FILES = "Files can’t be attached here. Please describe or paste the text instead.";
const FAILED = "The answer could not be completed.";
const CLOSED = "This conversation takes no more messages. Please start a new one.";

/** The element; define it with `define()`. */
export class ThreadkeeperChat extends HTMLElement {
  #options = readOptions({});
  #given = false;
  #view = /** @type {View | null} */ (null);
  #conversation = /** @type {Conversation | null} */ (null);
  #composer = new Composer({
    send: (text) => this.sendUserMessage({ text }),
    stop: () => this.#stopping?.abort(),
    changed: (text) => this.#drafts.write(this.#threadId, text),
  });
  #drafts = new Drafts(null);
  #threadId = /** @type {string | null} */ (null);
  #earlier = /** @type {string | null} */ (null);
  #stopping = /** @type {AbortController | null} */ (null);
  #visit = 0;

  /** The open thread's id, or null in a new conversation. */
  get threadId() {
    return this.#threadId;
  }

  async connectedCallback() {
    const styles = await sheets();
    if (!this.isConnected || this.#view) return;
    this.#view = new View(this.#composer.element);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = styles;
    this.#adopt();
    root.append(this.#view.root);
    this.#listen();
    this.setAttribute("data-ready", "");
    this.#begin();
  }

  disconnectedCallback() {
    this.#stopping?.abort();
  }

  /**
   * Set all options at once; what is left out has its default. See options.js for what there is.
   * @param {import("./options.js").ChatOptions} options
   */
  setOptions(options) {
    const first = !this.#given;
    this.#given = true;
    this.#options = readOptions(options);
    this.#drafts = new Drafts(this.#options.draftOwner);
    this.#composer.placeholder = this.#options.placeholder;
    if (first) this.#begin();
    else this.#greet();
  }

  /**
   * Open a thread, or with null a new conversation.
   * @param {string | null} threadId
   */
  async setThreadId(threadId) {
    this.#leave();
    this.#show(threadId);
    this.#emit("chatkit.thread.change", { threadId });
    if (threadId !== null) await this.#load();
  }

  /**
   * Send a message as if it had been typed; the promise settles when the answer is complete.
   * @param {{ text: string, quote?: string, newThread?: boolean }} message
   */
  async sendUserMessage({ text, quote, newThread = false }) {
    if (newThread && this.#threadId !== null) await this.setThreadId(null);
    const words = clean(text);
    if (!words.trim() || this.#stopping || !this.#view) return;
    const content = [{ type: "input_text", text: words }];
    const quoted = quote ? { quoted_text: clean(quote) } : {};
    const input = { content, attachments: [], inference_options: {}, ...quoted };
    const params = this.#threadId === null ? { input } : { input, thread_id: this.#threadId };
    this.#drafts.write(this.#threadId, words);
    this.#composer.text = "";
    this.#view.keepPlace(() => this.#conversation.addSending(words, quote));
    this.#view.toEnd();
    const type = this.#threadId === null ? "threads.create" : "threads.add_user_message";
    await this.#turn(type, params, { text: words, quote });
  }

  /** @param {{ text: string }} value */
  async setComposerValue({ text }) {
    this.#composer.text = clean(text);
    this.#drafts.write(this.#threadId, this.#composer.text);
  }

  async focusComposer() {
    this.#composer.focus();
  }

  /** Read the open thread again, after it was changed elsewhere. */
  async fetchUpdates() {
    if (this.#threadId !== null && !this.#stopping) await this.#load();
  }

  /** Say that files are not taken; for pages that catch a file dropped beside the element. */
  refuseFiles() {
    this.#tell(NO_FILES, { level: "info" });
  }

  // Beginnings

  /** Take over the list that the server rendered, if there is one. */
  #adopt() {
    const rendered = this.querySelector("[data-conversation]");
    const list = rendered?.querySelector("ol");
    this.#conversation = new Conversation(list ?? this.#view.list);
    if (!list) return;
    this.#view.ownConversation.remove();
    const link = rendered.querySelector("[data-earlier]");
    if (!link || this.hasAttribute("read-only")) return;
    this.#earlier = link.getAttribute("data-earlier");
    link.addEventListener("click", (event) => this.#goBack(event));
    this.#view.earlier = link;
  }

  #begin() {
    if (!this.#given || !this.#view) return;
    const rendered = this.querySelector("[data-conversation]") && this.getAttribute("thread-id");
    const wanted = this.#options.initialThread;
    if (rendered && wanted === rendered) {
      this.#threadId = rendered;
      this.#composer.text = this.#drafts.read(rendered);
      this.#setStatus(this.getAttribute("thread-status"));
    } else if (!this.hasAttribute("read-only")) {
      this.#show(wanted);
      if (wanted !== null) this.#load();
    }
    this.#greet();
    this.#emit("chatkit.ready");
  }

  #listen() {
    this.#view.earlier.addEventListener("click", (event) => this.#goBack(event));
    this.addEventListener("dragover", (event) => hasFiles(event.dataTransfer) && event.preventDefault());
    this.addEventListener("drop", (event) => this.#refuse(event, event.dataTransfer));
    this.shadowRoot.addEventListener("paste", (event) => this.#refuse(event, event.clipboardData));
  }

  /** Text that comes along with files, as from a word processor, is pasted as usual. */
  #refuse(event, data) {
    if (!hasFiles(data) || (event.type === "paste" && data.types.includes("text/plain"))) return;
    event.preventDefault();
    this.refuseFiles();
  }

  // Threads

  #leave() {
    this.#visit += 1;
    this.#stopping?.abort();
    this.#stopping = null;
    this.#composer.busy = false;
  }

  #show(threadId) {
    this.#threadId = threadId;
    this.#composer.text = this.#drafts.read(threadId);
    this.#conversation?.replaceAll([]);
    this.#setEarlier(null);
    this.#setStatus("active");
    this.#view?.wait(null);
    this.#view?.faults.replaceChildren();
    this.#greet();
  }

  async #load() {
    const visit = this.#visit;
    const threadId = this.#threadId;
    this.#emit("chatkit.thread.load.start", { threadId });
    try {
      const [thread, page] = await Promise.all([
        ask(this.#options.api, "threads.get_by_id", { thread_id: threadId }),
        this.#page(threadId, null),
      ]);
      if (visit !== this.#visit) return;
      this.#view.keepPlace(() => this.#conversation.replaceAll(page.data.reverse()));
      this.#setEarlier(page.has_more ? page.after : null);
      this.#meet(thread);
      this.#greet();
    } catch (error) {
      if (visit === this.#visit) this.#fail(error, [{ label: "Try again", run: () => this.#load() }]);
    } finally {
      this.#emit("chatkit.thread.load.end", { threadId });
    }
  }

  #page(threadId, after) {
    const params = { thread_id: threadId, limit: PAGE, order: "desc", after };
    return ask(this.#options.api, "items.list", params);
  }

  /** @param {Event} event */
  async #goBack(event) {
    event.preventDefault();
    const { earlier } = this.#view;
    if (this.#earlier === null || earlier.ariaBusy === "true") return;
    const visit = this.#visit;
    earlier.ariaBusy = "true";
    try {
      const page = await this.#page(this.#threadId, this.#earlier);
      if (visit !== this.#visit) return;
      this.#conversation.prepend(page.data.reverse());
      this.#setEarlier(page.has_more ? page.after : null);
    } catch (error) {
      if (visit === this.#visit) this.#fail(error, []);
    } finally {
      earlier.ariaBusy = "false";
    }
  }

  #setEarlier(cursor) {
    this.#earlier = cursor;
    if (this.#view) this.#view.earlier.hidden = cursor === null;
  }

  /** A thread is new, or has a new title or status. */
  #meet(thread) {
    if (this.#threadId !== thread.id) {
      this.#drafts.write(this.#threadId, "");
      this.#threadId = thread.id;
      this.#emit("chatkit.thread.change", { threadId: thread.id });
    }
    this.#setStatus(thread.status?.type, thread.status?.reason);
    const { id, title, created_at } = thread;
    this.#emit("threadkeeper.thread.update", { thread: { id, title, created_at } });
  }

  #setStatus(status, reason) {
    if (!this.#view) return;
    const over = status === "locked" || status === "closed";
    this.#view.composer.hidden = over;
    this.#view.closed.hidden = !over;
    this.#view.closed.textContent = reason || CLOSED;
  }

  #greet() {
    if (!this.#view || !this.#conversation) return;
    const empty = this.#conversation.empty && this.#threadId === null && !this.hasAttribute("read-only");
    this.toggleAttribute("data-empty", empty);
    this.#view.composer.toggleAttribute("hidden", this.hasAttribute("read-only") || !this.#view.closed.hidden);
    if (empty) this.#view.greet(this.#options.start, (text) => this.sendUserMessage({ text }));
  }

  // Turns

  /** Run a turn to its end. `sent` is what the person wrote, given back if the server never took it. */
  async #turn(type, params, sent) {
    const visit = this.#visit;
    const stopping = (this.#stopping = new AbortController());
    const turn = { sent, failed: false };
    this.#startTurn();
    try {
      const events = stream(this.#options.api, type, params, stopping.signal);
      await runTurn(events, this.#turnView(turn, visit), (change) => this.#whileHere(visit, change));
    } catch (error) {
      if (visit === this.#visit && !stopping.signal.aborted) this.#failTurn(error, turn);
    }
    if (visit === this.#visit) this.#endTurn(turn, stopping.signal.aborted);
    this.#emit("chatkit.response.end");
  }

  #startTurn() {
    this.removeAttribute("data-empty");
    this.#view.faults.replaceChildren();
    this.#view.wait("");
    this.#composer.busy = true;
    this.#view.status.textContent = "The assistant is answering.";
    this.#emit("chatkit.response.start");
  }

  #endTurn(turn, stopped) {
    this.#stopping = null;
    this.#composer.busy = false;
    if (turn.sent) this.#giveBack(turn.sent);
    this.#view.keepPlace(() => {
      this.#view.wait(null);
      this.#conversation.endTurn({ stopped: stopped && !turn.sent });
    });
    const answer = this.#conversation.lastAnswer.slice(0, SPOKEN);
    this.#view.status.textContent = stopped ? "Stopped." : turn.failed ? "" : answer;
    this.#greet();
  }

  /** @returns {import("./turn.js").TurnView} */
  #turnView(turn) {
    const conversation = this.#conversation;
    const taken = (item) => {
      if (item.type !== "user_message") return;
      turn.sent = null;
      this.#drafts.write(this.#threadId, this.#composer.text);
    };
    const answering = (item) => item.type !== "user_message" && this.#view.wait(null);
    return {
      thread: (thread) => this.#meet(thread),
      added: (item) => (taken(item), conversation.put(item)),
      done: (item) => (taken(item), answering(item), conversation.finish(item)),
      updated: (itemId, update) => (this.#view.wait(null), conversation.update(itemId, update)),
      removed: (itemId) => conversation.remove(itemId),
      progress: (text) => this.#view.wait(text),
      notice: ({ message, title, level }) => this.#tell(message, { level, title, markdown: true }),
      error: (event) => this.#failTurn(new Fault(event.code, event.message || FAILED, { allowRetry: event.allow_retry }), turn),
      allowCancel: (allowed) => (this.#composer.mayStop = allowed),
    };
  }

  #whileHere(visit, change) {
    if (visit === this.#visit) this.#view.keepPlace(change);
  }

  /** What the server never took goes back to where it was written. */
  #giveBack({ text }) {
    this.#conversation.removeSending();
    const typed = this.#composer.text;
    this.#composer.text = typed.trim() ? `${text}\n\n${typed}` : text;
    this.#drafts.write(this.#threadId, this.#composer.text);
    this.#composer.focus();
  }

  #failTurn(error, turn) {
    turn.failed = true;
    const sent = turn.sent;
    const again = { label: "Try again", run: () => (sent ? this.sendUserMessage({ text: this.#composer.text, quote: sent.quote }) : this.#retry()) };
    const look = { label: "Show what was saved", run: () => this.fetchUpdates() };
    if (error.code === "broken_off" && !sent) this.#fail(error, [look]);
    else this.#fail(error, error.allowRetry ? [again] : []);
  }

  async #retry() {
    const question = this.#conversation.lastQuestion;
    if (question === null || this.#stopping) return;
    this.#conversation.removeAfter(question);
    await this.#turn("threads.retry_after_item", { thread_id: this.#threadId, item_id: question }, null);
  }

  // Telling

  #fail(error, remedies) {
    const known = error instanceof Fault;
    if (!known) console.error("threadkeeper-chat:", error);
    const signIn = known && error.status === 401 && this.#options.signInUrl();
    const offered = signIn ? [{ label: "Sign in", href: signIn }] : remedies;
    this.#tell(known ? error.message : FAILED, { remedies: offered, reference: error.requestId });
    this.#emit("chatkit.error", { error });
  }

  #tell(message, more) {
    this.#view?.faults.replaceChildren(faultRow(message, more));
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** Make the element known to the page; again does nothing. */
export function define() {
  if (!customElements.get("threadkeeper-chat")) customElements.define("threadkeeper-chat", ThreadkeeperChat);
}

/** @param {DataTransfer | null} data */
function hasFiles(data) {
  return Boolean(data?.types.includes("Files"));
}
