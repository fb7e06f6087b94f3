/**
 * `<threadkeeper-chat>`: a conversation and its composer, for any ChatKit server.
 *
 * It has the surface of the official element: setOptions and the methods below, and events named
 * `chatkit.…`. Put inside a page whose server rendered the messages (`[data-conversation]`), it
 * takes those over; alone, it loads them.
 */

import { Actions } from "./actions.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { faultRow } from "./faults.js";
import { catchFiles } from "./files.js";
import { Loading } from "./loading.js";
import { readOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { Fault } from "./protocol.js";
import { closedWords } from "./status.js";
import { sheets } from "./styles.js";
import { clean } from "./text.js";
import { Turns } from "./turns.js";
import { View } from "./view.js";

const NO_FILES = "Files can’t be attached here. Please describe or paste the text instead.";
const FAILED = "Something went wrong here. Please try again.";

/** The element; define it with `define()`. */
export class ThreadkeeperChat extends HTMLElement {
  #options = readOptions({});
  #given = false;
  #view = /** @type {View | null} */ (null);
  #conversation = /** @type {Conversation | null} */ (null);
  #composer = new Composer({
    send: (text) => this.sendUserMessage({ text }),
    stop: () => this.#turns?.stop(),
    changed: (text) => this.#drafts.write(this.#threadId, text),
  });
  #drafts = new Drafts(null);
  #outbox = new Outbox(null);
  #threadId = /** @type {string | null} */ (null);
  #loading = /** @type {Loading | null} */ (null);
  #turns = /** @type {Turns | null} */ (null);

  /** The open thread's id, or null in a new conversation. */
  get threadId() {
    return this.#threadId;
  }

  /** Whether an answer is being written here. */
  get busy() {
    return Boolean(this.#turns?.busy);
  }

  async connectedCallback() {
    const styles = await sheets();
    if (!this.isConnected || this.#view) return;
    this.#view = new View(this.#composer.element);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = styles;
    const list = this.#adopt();
    const room = this.#room();
    this.#turns = new Turns(room);
    this.#loading = new Loading(room);
    new Actions(room).listen(list ?? this.#view.list);
    if (list) this.#loading.setEarlier(this.#view.earlier.dataset.earlier ?? null);
    root.append(this.#view.root);
    catchFiles(this, () => this.refuseFiles());
    this.setAttribute("data-ready", "");
    this.#begin();
  }

  disconnectedCallback() {
    this.#turns?.leave();
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
    this.#outbox = new Outbox(this.#options.draftOwner);
    this.#composer.placeholder = this.#options.placeholder;
    if (first) this.#begin();
    else this.#greet();
  }

  /**
   * Open a thread, or with null a new conversation.
   * @param {string | null} threadId
   */
  async setThreadId(threadId) {
    if (!this.#view) {
      this.#options.initialThread = threadId;
      return;
    }
    this.#turns?.leave();
    this.#show(threadId);
    this.#emit("chatkit.thread.change", { threadId });
    if (threadId !== null) await this.fetchUpdates();
  }

  /**
   * Send a message as if it had been typed; the promise settles when the answer is complete.
   * @param {{ text: string, quote?: string, newThread?: boolean }} message
   */
  async sendUserMessage({ text, quote, newThread = false }) {
    if (newThread && this.#threadId !== null) await this.setThreadId(null);
    const words = clean(text);
    if (words.trim()) await this.#turns?.send(words, quote ? clean(quote) : undefined);
  }

  /** Ask for another answer to the last message; the old one stays until the new one is complete. */
  async retry() {
    await this.#turns?.retry();
  }

  /** @param {{ text: string }} value */
  async setComposerValue({ text }) {
    this.#composer.text = clean(text);
    this.#drafts.write(this.#threadId, this.#composer.text);
  }

  async focusComposer() {
    this.#composer.focus();
  }

  /** Read the open thread again, after it was changed elsewhere; join the answer being written. */
  async fetchUpdates() {
    if (this.#threadId === null || this.busy || this.#readOnly) return;
    await this.#load();
    await this.#turns?.lookFor();
  }

  /** Say that files are not taken; for pages that catch a file dropped beside the element. */
  refuseFiles() {
    this.#tell(NO_FILES, { level: "info" });
  }

  // Beginnings

  /** Whether this page is not the thread's newest: there one reads and does not write. */
  get #readOnly() {
    return this.hasAttribute("read-only");
  }

  /** Take over the list that the server rendered, and return it if there is one. */
  #adopt() {
    const rendered = this.querySelector("[data-conversation]");
    const list = rendered?.querySelector("ol");
    this.#conversation = new Conversation(list ?? this.#view.list);
    if (!list) return null;
    this.#view.ownConversation.remove();
    this.#view.earlier = rendered.querySelector("[data-earlier]") ?? this.#view.earlier;
    this.#conversation.adopt();
    return list;
  }

  #begin() {
    if (!this.#given || !this.#view) return;
    const rendered = this.querySelector("[data-conversation]") && this.getAttribute("thread-id");
    const wanted = this.#options.initialThread;
    const typed = /** @type {HTMLTextAreaElement | null} */ (this.querySelector(".message-box"))?.value;
    if (rendered && wanted === rendered) {
      this.#threadId = rendered;
      this.#composer.text = this.#drafts.read(rendered);
      this.#setStatus(this.getAttribute("thread-status"), this.getAttribute("thread-reason"));
      this.#offerRetry();
      const found = this.querySelector(".item-found");
      if (found) this.#view.showFound(found);
      if (this.hasAttribute("data-writing")) this.#turns?.join();
    } else if (!this.#readOnly) {
      this.#show(wanted);
      if (wanted !== null) this.fetchUpdates();
    }
    // Somebody may have begun to write before this module was there.
    if (typed && !this.#composer.text) this.setComposerValue({ text: typed });
    this.#greet();
    this.#emit("chatkit.ready");
  }

  // Threads

  #show(threadId) {
    this.removeAttribute("read-only");
    this.#threadId = threadId;
    this.#composer.text = this.#drafts.read(threadId);
    this.#conversation?.replaceAll([]);
    this.#loading?.leave();
    this.#setStatus("active");
    this.#view?.wait(null);
    this.#view?.faults.replaceChildren();
    this.#greet();
  }

  /** Read the thread as it is now. */
  async #load(how) {
    await this.#loading?.newest(how);
    if (!this.busy) this.#offerRetry();
    this.#greet();
  }

  #offerRetry() {
    const may = !this.#readOnly && this.#view?.closed.hidden;
    this.#conversation?.offerRetry(may ? () => this.retry() : null);
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
    const words = closedWords(status, reason);
    this.#view.composer.hidden = words !== null;
    this.#view.closed.hidden = words === null;
    this.#view.closed.textContent = words ?? "";
  }

  #greet() {
    if (!this.#view || !this.#conversation) return;
    const empty = this.#conversation.empty && this.#threadId === null && !this.#readOnly;
    this.toggleAttribute("data-empty", empty);
    this.#view.composer.toggleAttribute("hidden", this.#readOnly || !this.#view.closed.hidden);
    if (empty) this.#view.greet(this.#options.start, (text) => this.sendUserMessage({ text }));
  }

  /** What turns need of this element. */
  #room() {
    return {
      view: this.#view,
      conversation: this.#conversation,
      composer: this.#composer,
      api: () => this.#options.api,
      threadId: () => this.#threadId,
      busy: () => this.busy,
      outbox: () => this.#outbox,
      keepDraft: (text) => this.#drafts.write(this.#threadId, text),
      meet: (thread) => this.#meet(thread),
      begun: () => this.removeAttribute("data-empty"),
      ended: () => this.#greet(),
      reload: (how) => this.#load(how),
      tellTurn: (writing, sent = false) => this.#tellTurn(writing, sent),
      say: (words) => this.#view?.say(words),
      tell: (message, more) => this.#tell(message, more),
      fail: (error, remedies) => this.#fail(error, remedies),
      emit: (type, detail) => this.#emit(type, detail),
    };
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

  /** An answer begins or ends here: lists of threads show it, and other tabs join it. */
  #tellTurn(writing, sent) {
    this.#emit("threadkeeper.turn.change", { threadId: this.#threadId, writing, sent });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** Make the element known to the page; again does nothing. */
export function define() {
  if (!customElements.get("threadkeeper-chat")) customElements.define("threadkeeper-chat", ThreadkeeperChat);
}
