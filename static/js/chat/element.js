/**
 * `<threadkeeper-chat>`: a conversation and its composer, for any ChatKit server.
 *
 * It has the surface of the official element: setOptions and the methods below, and events named
 * `chatkit.…`. Put inside a page whose server rendered the messages (`[data-conversation]`), it
 * takes those over; alone, it loads them.
 */

import { adopt } from "./dom.js";
import { catchFiles } from "./files.js";
import { warn } from "./options.js";
import { loadMessages, messagesGiven } from "./parts.js";
import { Room } from "./room.js";
import { saidIn } from "./said.js";
import { styles } from "./styles.js";
import { areMissed, speak, word } from "./words.js";

/** The element; define it with `define()`. */
export class ThreadkeeperChat extends HTMLElement {
  #given = /** @type {any} */ (null);
  #room = /** @type {Room | null} */ (null);
  #sheets;
  #ready = false;
  #learning = /** @type {Promise<boolean> | null} */ (null);
  #begun = Promise.withResolvers();

  /** The open thread's id, or null in a new conversation. */
  get threadId() {
    return this.#room?.threadId() ?? null;
  }

  /** Whether an answer is being written here. */
  get busy() {
    return Boolean(this.#room?.busy());
  }

  /** What is in the composer, and not sent. */
  get composerValue() {
    const { text = "", quote = "" } = this.#room?.composer ?? {};
    return { text, quote };
  }

  async connectedCallback() {
    // Messages that stand on the page already are taken over at once.
    const messages = messagesGiven() || this.querySelector("[data-conversation]") ? loadMessages() : null;
    const [sheets] = await Promise.all([styles(), messages]);
    if (!this.isConnected) return;
    // It was moved: the answer that was being written is joined again.
    if (this.#room) return this.fetchUpdates();
    this.#sheets = sheets;
    this.#room = new Room(this);
    this.#begin();
  }

  disconnectedCallback() {
    this.#room?.leave();
  }

  /**
   * Set all options at once; what is left out has its default. See options.js for what there is. The
   * first thread is that of the first time.
   * @param {import("./options.js").ChatOptions} options
   */
  setOptions(options) {
    this.#given = options ?? {};
    this.#learning = speak(this.#given.locale);
    this.#learning?.then((learnt) => this.#learnt(learnt));
    if (!this.#ready) return this.#begin();
    this.#room.given = this.#given;
  }

  /**
   * Open a thread, or with null a new conversation.
   * @param {string | null} threadId
   */
  async setThreadId(threadId) {
    const room = await this.#opened();
    room.leave();
    room.show(threadId);
    room.emit("chatkit.thread.change", { threadId });
    if (threadId !== null) await this.fetchUpdates();
  }

  /**
   * Send a message; the promise settles when the answer is complete. What is in the composer stays,
   * unless it is the same. With files nothing is sent.
   * @param {{ text?: string, content?: any[], quote?: string, reply?: string, attachments?: any[],
   *   newThread?: boolean, toolChoice?: { id: string }, model?: string }} message
   */
  async sendUserMessage(message) {
    const room = await this.#opened();
    const { attachments, newThread, toolChoice, model } = message;
    if (attachments?.length) return this.refuseFiles();
    if (newThread && this.threadId !== null) await this.setThreadId(null);
    const { text, quote } = saidIn(message);
    if (!text.trim() || room.view.composer.hidden) return;
    if (!this.dispatchEvent(new CustomEvent("threadkeeper.send", { detail: { text, quote }, cancelable: true }))) return;
    room.stage.hide();
    room.emit("chatkit.log", { name: "composer.submit", data: { threadId: this.threadId } });
    if (room.turns || (await room.hold({ text, quote }))) await room.turns.send({ text, quote, toolChoice, model });
  }

  /** Ask for another answer to the last message; the old one stays until the new one is complete. */
  async retry() {
    const room = await this.#opened();
    if (await room.ready(() => this.retry())) await room.turns.retry();
  }

  /**
   * Put words into the composer, and above them a quote; what is left out stays.
   * @param {{ text?: string, content?: any[], quote?: string, reply?: string, attachments?: any[],
   *   files?: File[], selectedToolId?: string | null, selectedModelId?: string }} value
   */
  async setComposerValue(value) {
    const room = await this.#opened();
    if (value.attachments?.length || value.files?.length) return this.refuseFiles();
    if (value.selectedToolId ?? value.selectedModelId) warn("there are no tools and models to select here");
    const { text, quote } = saidIn(value);
    room.compose(value.text ?? value.content ? text : undefined, (value.quote ?? value.reply) === undefined ? undefined : quote);
  }

  async focusComposer() {
    const { composer, stage } = await this.#opened();
    stage.hide();
    composer.focus();
  }

  /**
   * Send an action of the site's own to its server, and show what follows.
   * @param {{ type: string, payload?: object }} action
   * @param {string} [itemId] the widget that it belongs to
   */
  async sendCustomAction(action, itemId) {
    const room = await this.#opened();
    if (this.threadId === null) return warn("an action needs an open conversation");
    if (!(await room.ready(() => this.sendCustomAction(action, itemId)))) return;
    await room.turns.go("threads.custom_action", () => ({ action, item_id: itemId ?? null }));
  }

  /** Read the open thread again, after it was changed elsewhere; join the answer being written. */
  async fetchUpdates() {
    const room = await this.#opened();
    if (this.threadId === null || this.busy || room.readOnly) return;
    await room.reload();
    await room.turns?.lookFor();
  }

  /** Show the list of conversations instead of the open one, which goes on. */
  async showHistory() {
    const room = await this.#opened();
    await room.stage.show();
  }

  /** Show the open conversation again. */
  async hideHistory() {
    this.#room?.stage.hide();
  }

  /** Say that files are not taken; for pages that catch a file dropped beside the element. */
  async refuseFiles() {
    const room = await this.#opened();
    // It is told where one writes.
    room.stage.hide();
    room.tell(word("files.refused"), { level: "info" });
    room.emit("chatkit.log", { name: "files.refused" });
  }

  /** The words of another language came, or did not. What is shown already is said again in them. */
  #learnt(learnt) {
    this.#learning = null;
    if (!this.#ready) return this.#begin();
    if (!learnt) return;
    this.#room.given = this.#given;
    this.fetchUpdates();
  }

  /** Methods may be called before there is anything here; they wait for it. */
  async #opened() {
    if (!this.#ready) await this.#begun.promise;
    return /** @type {Room} */ (this.#room);
  }

  #begin() {
    if (!this.#given || !this.#room || this.#ready) return;
    // Nothing is shown in English first that is to be in another language, if that may come soon.
    if (this.#learning && !areMissed(this.#given.locale)) return;
    const room = this.#room;
    const root = this.attachShadow({ mode: "open" });
    adopt(root, this.#sheets);
    room.furnishNow();
    root.append(room.view.root);
    catchFiles(this, () => this.refuseFiles());
    this.setAttribute("data-ready", "");
    room.given = this.#given;
    const rendered = this.querySelector("[data-conversation]") && this.getAttribute("thread-id");
    const wanted = room.options.initialThread;
    const typed = /** @type {HTMLTextAreaElement | null} */ (this.querySelector(".message-box"))?.value;
    if (rendered && wanted === rendered) this.#adopt(rendered);
    else if (!room.readOnly) room.show(wanted);
    // Somebody may have begun to write before this module was there.
    if (typed && typed !== room.composer.text) room.putBack({ text: typed });
    room.greet();
    this.#ready = true;
    this.#begun.resolve();
    if (wanted !== rendered) this.fetchUpdates();
    room.emit("chatkit.ready");
  }

  #adopt(threadId) {
    const room = /** @type {Room} */ (this.#room);
    room.adopt(threadId);
    const found = this.querySelector(".item-found");
    if (found) room.view.showFound(found);
    if (this.hasAttribute("data-writing")) room.turns.join();
  }
}

/** Make the element known to the page; again does nothing. */
export function define() {
  if (!customElements.get("threadkeeper-chat")) customElements.define("threadkeeper-chat", ThreadkeeperChat);
}
