/** The conversation or the list of conversations: the list stands in its place, and it goes on behind. */

import { adopt } from "../dom.js";
import { Header } from "../header.js";
import { word } from "../words.js";

/** Shows one of the two below the bar; the list is loaded at its first showing. */
export class Stage {
  #room;
  #header;
  #list = /** @type {import("./history.js").History | null} */ (null);
  #shown = false;
  #wanted = false;
  #whose = "";

  /** @param {any} room */
  constructor(room) {
    this.#room = room;
    this.#header = new Header({ host: room.host, toggleHistory: () => this.toggle(), begin: () => this.begin() });
    room.view.root.prepend(this.#header.element);
  }

  /** The options are new. What was listed for somebody else, or in another language, is forgotten. */
  update(options) {
    const whose = `${options.api.url} ${options.composer.draftOwner} ${options.locale}`;
    if (whose !== this.#whose || options.history.enabled === false) this.forget();
    this.#whose = whose;
    this.#header.update(options);
    this.#list?.update();
  }

  /** Take the list away with all that it knows. */
  forget() {
    this.hide();
    this.#list?.forget();
    this.#list = null;
  }

  async show() {
    const { host, options, tell, view } = this.#room;
    if (this.#shown || options.history.enabled === false) return;
    this.#wanted = true;
    const loaded = await import("./history.js").catch(() => null);
    const sheets = (await loaded?.listStyles()) ?? [];
    if (!loaded) return tell(word("history.unopened"), { remedies: [{ label: word("fault.again"), run: () => this.show() }] });
    // Whoever writes meanwhile has gone on without it.
    if (this.#shown || !this.#wanted) return;
    adopt(host.shadowRoot, sheets, true);
    this.#shown = true;
    this.#list ??= new loaded.History(this.#room, this);
    view.root.append(this.#list.element);
    this.#behind(true);
    this.#list.show();
  }

  /** Go back to the conversation; a focus in the list goes to where it came from. */
  hide() {
    this.#wanted = false;
    if (!this.#shown) return;
    const { host } = this.#room;
    const inside = this.#list.element.contains(host.shadowRoot.activeElement);
    this.#shown = false;
    this.#list.hide();
    this.#behind(false);
    if (inside && !this.#header.focus()) host.focusComposer();
  }

  toggle() {
    return this.#shown ? this.hide() : this.show();
  }

  /** Begin a new conversation. */
  async begin() {
    const { host } = this.#room;
    this.hide();
    // What is written there already stays.
    if (host.threadId !== null || host.busy) await host.setThreadId(null);
    host.focusComposer();
  }

  /**
   * Open a thread, at the message of this id when there is one.
   * @param {{ id: string, title?: string | null }} thread
   * @param {string | null} [itemId]
   */
  async open({ id, title }, itemId = null) {
    const { host, options, view } = this.#room;
    this.hide();
    if (id !== host.threadId) {
      const loaded = this.#loaded(id);
      host.setThreadId(id);
      this.#header.update(options, { title: title ?? null, threadId: id });
      this.#goOn();
      await loaded;
    } else this.#goOn();
    if (itemId === null || id !== host.threadId) return;
    const found = await this.#room.loading?.reach(itemId);
    if (id !== host.threadId) return;
    if (!found) return this.#room.conversation?.empty === false && view.say(word("history.unreached"));
    for (const before of found.parentElement.querySelectorAll(".item-found")) before.classList.remove("item-found");
    found.classList.add("item-found");
    view.showFound(found);
  }

  /** A thread has another name. */
  renamed({ id, title, created_at }) {
    if (id === this.#room.host.threadId) this.#room.emit("threadkeeper.thread.update", { thread: { id, title, created_at } });
  }

  /** A thread is gone. If it was the open one, a new conversation takes its place. */
  gone(threadId) {
    const { emit, forgetDraft, host } = this.#room;
    forgetDraft(threadId);
    emit("threadkeeper.thread.delete", { threadId });
    if (host.threadId === threadId) host.setThreadId(null);
  }

  /** Settles when the newest of a thread was read, or could not be. */
  #loaded(id) {
    const { host } = this.#room;
    return new Promise((done) => {
      const heard = new AbortController();
      const ended = ({ detail }) => detail.threadId === id && (heard.abort(), done(undefined));
      host.addEventListener("chatkit.thread.load.end", ended, { signal: heard.signal });
    });
  }

  #goOn() {
    const { host, view } = this.#room;
    if (matchMedia("(hover: hover)").matches && !view.composer.hidden) host.focusComposer();
    else view.scroller.focus({ preventScroll: true });
  }

  #behind(yes) {
    const { view } = this.#room;
    view.frame.inert = yes;
    view.frame.classList.toggle("frame-behind", yes);
    this.#header.showsHistory = yes;
    this.#room.emit(`chatkit.history.${yes ? "open" : "close"}`);
  }
}
