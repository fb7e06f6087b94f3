/** What is open in one element, and what its parts share: they are lent the room, and tell it. */

import { Composer } from "./composer.js";
import { Drafts } from "./drafts.js";
import { Stage } from "./history/stage.js";
import { applyLooks } from "./looks.js";
import { readOptions } from "./options.js";
import { loadMessages, messagesThere } from "./parts.js";
import { Telling } from "./telling.js";
import { View } from "./view.js";
import { word } from "./words.js";

/** The parts of an element, and its open thread. Parts take functions out of it, hence the arrows. */
export class Room {
  options = readOptions({});
  composer = new Composer({
    send: (message) => this.#host.sendUserMessage(message),
    stop: () => this.turns?.stop(),
    // A list that is still on its way does not come over what is being written.
    changed: () => (this.stage.hide(), this.prepare(), this.keepDraft()),
    unquoted: () => (this.keepDraft(), this.say(word("quote.removed"))),
  });
  view = new View(this.composer.element);
  // What shows messages: null until it is needed, see parts.js.
  conversation = /** @type {import("./conversation.js").Conversation | null} */ (null);
  turns = /** @type {import("./turns.js").Turns | null} */ (null);
  loading = /** @type {import("./loading.js").Loading | null} */ (null);
  place = /** @type {import("./place.js").Place | null} */ (null);
  #host;
  #telling;
  #thread = /** @type {string | null} */ (null);
  #drafts = new Drafts(null);
  #sent = /** @type {{ text: string, quote?: string } | null} */ (null);
  #prepared = false;

  /**
   * @param {any} host the element; a list that the server rendered in it is taken over
   */
  constructor(host) {
    this.#host = host;
    this.#telling = new Telling(host, this.view.faults, () => this.options.signInUrl());
    const rendered = host.querySelector("[data-conversation]:has(ol)");
    this.list = rendered?.querySelector("ol") ?? this.view.list;
    this.rendered = rendered !== null;
    this.view.earlier = rendered?.querySelector("[data-earlier]") ?? this.view.earlier;
    this.stage = new Stage(this);
    this.composer.element.addEventListener("pointerdown", () => this.prepare());
    if (rendered) this.view.ownConversation.remove();
  }

  // What shows messages

  /** Have what shows messages; throw a Fault when it can't be loaded. Again does nothing. */
  async furnish() {
    const messages = messagesThere() ?? (await loadMessages());
    this.furnishNow(messages);
  }

  /** Have what shows messages, if it is there already. */
  furnishNow(messages = messagesThere()) {
    if (!this.turns) messages?.furnish(this);
  }

  /** Somebody begins to write: what sends it is loaded meanwhile. Sending tries again if that fails. */
  prepare() {
    if (this.#prepared) return;
    this.#prepared = true;
    this.furnish().catch(() => {});
  }

  /**
   * Have what shows messages; what fails is told, if the same thread is still open. Return whether
   * both is so.
   * @param {() => void} again
   */
  ready = async (again) => {
    const thread = this.#thread;
    const error = await this.furnish().then(() => null, (caught) => caught);
    if (thread !== this.#thread) return false;
    if (error) this.fail(error, [{ label: word("fault.again"), run: again }]);
    return !error;
  };

  /**
   * Hold a message until what sends it is loaded; return whether it may be sent now. It stays where
   * it was written when it can't be, and when another thread is open by then.
   */
  hold = async ({ text, quote }) => {
    const { composer } = this;
    const thread = this.#thread;
    composer.taken(text, quote);
    this.keepDraft({ text, quote });
    composer.busy = true;
    composer.mayStop = false;
    const there = await this.ready(() => this.#host.sendUserMessage(composer.value));
    if (thread !== this.#thread || !this.#host.isConnected) return false;
    composer.busy = this.busy();
    if (there) return true;
    this.#sent = null;
    this.putBack({ text, quote });
    return false;
  };

  /** Another thread is shown from now on, or none. */
  leave() {
    this.turns?.leave();
    this.#sent = null;
    this.composer.busy = false;
  }

  // What parts ask

  api = () => this.options.api;
  pageContext = () => this.options.pageContext;
  clientTool = () => this.options.onClientTool;
  threadId = () => this.#thread;
  draftOwner = () => this.options.composer.draftOwner;
  outbox = /** @type {() => import("./outbox.js").Outbox} */ (() => undefined);
  // Only a thread that was read, or that the server rendered, has a status.
  setStatus = /** @type {(status?: string | null, reason?: string | null) => void} */ (() => {});
  busy = () => Boolean(this.turns?.busy);

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

  /** Keep what is written, and before it what is sent until the server says that it has it; null: it does. */
  keepDraft = (sent = this.#sent) => {
    const { composer } = this;
    this.#sent = sent;
    this.#drafts.write(this.#thread, composer.before(sent?.text), sent?.quote || composer.quote);
  };

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
    const threadId = this.#thread;
    this.emit("chatkit.thread.load.start", { threadId });
    if (this.turns || (await this.ready(() => this.#host.fetchUpdates()))) await this.loading.newest(how);
    this.emit("chatkit.thread.load.end", { threadId });
    if (!this.busy()) this.offerRetry();
    this.greet();
  };

  // What is open

  /** @param {any} options */
  set given(options) {
    const { draftOwner: before } = this.options.composer;
    this.options = readOptions(options);
    const { draftOwner, placeholder } = this.options.composer;
    if (draftOwner !== before) this.#drafts = new Drafts(draftOwner);
    for (const part of [this.view, this.composer, this.loading, this.place]) part?.reword();
    this.composer.placeholder = placeholder;
    applyLooks(this.#host, this.view, this.options);
    this.stage.update(this.options);
    this.greet();
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
    this.conversation?.replaceAll([]);
    this.loading?.leave();
    this.setStatus("active");
    this.place?.wait(null);
    this.view.faults.replaceChildren();
    this.greet();
  }

  offerRetry() {
    const may = !this.readOnly && this.view.closed.hidden;
    this.conversation?.offerRetry(may ? () => this.turns.retry() : null);
  }

  /** Welcome whoever begins; elsewhere there is nothing to welcome to. */
  greet() {
    const empty = (this.conversation?.empty ?? true) && this.#thread === null && !this.readOnly;
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
    if (text || quote) this.prepare();
  }

  /** What can't be sent now is in the composer again; what is on its way already stays on it. */
  putBack = ({ text, quote }) => {
    this.compose(this.composer.before(text), quote || undefined);
  };

  #readDraft() {
    this.composer.text = this.#drafts.read(this.#thread);
    this.composer.quote = this.#drafts.readQuote(this.#thread);
  }
}
