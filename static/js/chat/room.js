/** What is open in one element, and what its parts share: they are lent the room, and tell it. */

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { Stage } from "./history/stage.js";
import { Loading } from "./loading.js";
import { applyLooks } from "./looks.js";
import { readOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { closedWords } from "./status.js";
import { Telling } from "./telling.js";
import { Turns } from "./turns.js";
import { View } from "./view.js";
import { word } from "./words.js";

/** The parts of an element, and its open thread. Parts take functions out of it, hence the arrows. */
export class Room {
  options = readOptions({});
  composer = new Composer({
    send: (message) => this.#host.sendUserMessage(message),
    stop: () => this.turns.stop(),
    changed: () => this.keepDraft(),
    unquoted: () => (this.keepDraft(), this.say(word("quote.removed"))),
  });
  view = new View(this.composer.element);
  #host;
  #telling;
  #thread = /** @type {string | null} */ (null);
  #drafts = new Drafts(null);
  #outbox = new Outbox(null);

  /**
   * @param {any} host the element; a list that the server rendered in it is taken over
   */
  constructor(host) {
    this.#host = host;
    this.#telling = new Telling(host, this.view.faults, () => this.options.signInUrl());
    const rendered = host.querySelector("[data-conversation]:has(ol)");
    this.list = rendered?.querySelector("ol") ?? this.view.list;
    this.conversation = new Conversation(this.list);
    this.view.earlier = rendered?.querySelector("[data-earlier]") ?? this.view.earlier;
    this.turns = new Turns(this);
    this.loading = new Loading(this);
    this.stage = new Stage(this);
    if (!rendered) return;
    this.view.ownConversation.remove();
    this.conversation.adopt();
    this.loading.setEarlier(this.view.earlier.dataset.earlier ?? null);
  }

  // What parts ask

  api = () => this.options.api;
  pageContext = () => this.options.pageContext;
  clientTool = () => this.options.onClientTool;
  threadId = () => this.#thread;
  busy = () => this.turns.busy;
  outbox = () => this.#outbox;

  /** The element itself. */
  get host() {
    return this.#host;
  }

  /** Whether this page is not the thread's newest: there one reads and does not write. */
  get readOnly() {
    return this.#host.hasAttribute("read-only");
  }

  // What parts tell

  emit = (type, detail) => this.#telling.emit(type, detail);
  tell = (message, more) => this.#telling.tell(message, more);
  fail = (error, remedies) => this.#telling.fail(error, remedies);
  say = (words) => this.view.say(words);
  begun = () => this.#host.removeAttribute("data-empty");
  ended = () => this.greet();
  keepDraft = (text = this.composer.text, quote = this.composer.quote) => this.#drafts.write(this.#thread, text, quote);

  forgetDraft = (threadId) => this.#drafts.write(threadId, "");

  /** An answer begins or ends here: lists of threads show it, and other tabs join it. */
  tellTurn = (writing, sent = false) => {
    this.emit("threadkeeper.turn.change", { threadId: this.#thread, writing, sent });
  };

  /** A thread is new, or has a new title or status. */
  meet = (thread) => {
    if (this.#thread !== thread.id) {
      this.#drafts.write(this.#thread, "");
      this.#thread = thread.id;
      this.emit("chatkit.thread.change", { threadId: thread.id });
    }
    this.setStatus(thread.status?.type, thread.status?.reason);
    const { id, title, created_at } = thread;
    this.emit("threadkeeper.thread.update", { thread: { id, title, created_at } });
  };

  /** Read the thread as it is now. */
  reload = async (how) => {
    await this.loading.newest(how);
    if (!this.turns.busy) this.offerRetry();
    this.greet();
  };

  // What is open

  /** @param {any} options */
  set given(options) {
    const { draftOwner: before } = this.options.composer;
    this.options = readOptions(options);
    const { draftOwner, placeholder } = this.options.composer;
    if (draftOwner !== before) {
      this.#drafts = new Drafts(draftOwner);
      this.#outbox = new Outbox(draftOwner);
    }
    this.composer.placeholder = placeholder;
    applyLooks(this.#host, this.view, this.options);
    this.stage.update(this.options);
  }

  /** The server rendered this thread, and it stays as it stands. */
  adopt(threadId) {
    this.#thread = threadId;
    this.#readDraft();
    this.setStatus(this.#host.getAttribute("thread-status"), this.#host.getAttribute("thread-reason"));
    this.offerRetry();
  }

  /** Show another thread, empty at first; null is a new one. */
  show(threadId) {
    this.#host.removeAttribute("read-only");
    this.#thread = threadId;
    this.#readDraft();
    this.conversation.replaceAll([]);
    this.loading.leave();
    this.setStatus("active");
    this.view.wait(null);
    this.view.faults.replaceChildren();
    this.greet();
  }

  setStatus(status, reason) {
    const words = closedWords(status, reason);
    this.view.composer.hidden = words !== null;
    this.view.closed.hidden = words === null;
    this.view.closed.textContent = words ?? "";
  }

  offerRetry() {
    const may = !this.readOnly && this.view.closed.hidden;
    this.conversation.offerRetry(may ? () => this.turns.retry() : null);
  }

  /** Welcome whoever begins; elsewhere there is nothing to welcome to. */
  greet() {
    const empty = this.conversation.empty && this.#thread === null && !this.readOnly;
    this.#host.toggleAttribute("data-empty", empty);
    this.view.composer.hidden = this.readOnly || !this.view.closed.hidden;
    if (empty) this.view.greet(this.options.startScreen, (message) => this.#host.sendUserMessage(message));
  }

  /** Put words into the composer; what is undefined stays. */
  compose(text = this.composer.text, quote = this.composer.quote) {
    if (quote && quote !== this.composer.quote) this.say(word("quote.added"));
    this.composer.text = text;
    this.composer.quote = quote;
    this.keepDraft();
  }

  /** What can't be sent now is in the composer again. */
  putBack = ({ text, quote }) => this.compose(this.composer.before(text), quote || undefined);

  #readDraft() {
    this.composer.text = this.#drafts.read(this.#thread);
    this.composer.quote = this.#drafts.readQuote(this.#thread);
  }
}
