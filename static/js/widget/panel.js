/** What is inside the widget's shell once it was opened: the conversation of whoever is signed in. */

import css from "../../css/panel.css";
import { make } from "../chat/dom.js";
import { define } from "../chat/element.js";
import { catchFiles } from "../chat/files.js";
import { speak, word } from "../chat/words.js";
import { apiFetch } from "./api-fetch.js";
import { Asking } from "./asking.js";
import { Chat } from "./chat.js";
import { dialogOf, keepingFocus } from "./focus.js";
import { ANYONE, ended, forgetOthers, GUEST, joined, lastThread, taken, typed } from "./kept.js";
import { PersonPanel } from "./person-panel.js";
import { holdWhenSmall } from "./small.js";
import { sheetOf } from "./sheet.js";
import { signInCard } from "./sign-in.js";
import { banner, failing, opening } from "./states.js";

/**
 * Build the conversation into the shell.
 * @param {import("./server.js").Shell} shell
 */
export async function mount(shell) {
  define();
  shell.root.adoptedStyleSheets = [...shell.root.adoptedStyleSheets, sheetOf(css)];
  await speak(shell.options().language);
  holdWhenSmall(shell.root);
  return new Panel(shell);
}

/** The panel with our own element in it. */
class Panel extends PersonPanel {
  #note = banner(this.say);
  #root = make("div", { class: "panel" }, this.trouble.element, this.#note.element, this.status);
  #chat = /** @type {Chat | null} */ (null);
  #card = /** @type {ReturnType<typeof signInCard> | null} */ (null);
  #asking = new Asking({
    chat: () => this.who && this.#chat,
    kept: () => (this.#card?.focus(), this.say(word("panel.kept"))),
    busy: () => this.#note.tell(word("panel.busy")),
  });
  #guestWrote = Boolean(typed.read(GUEST, null).text);

  constructor(shell) {
    super(shell);
    catchFiles(dialogOf(shell.root), () => this.#chat?.element.refuseFiles());
    this.start(this.#root);
  }

  focus() {
    if (this.#card) this.#card.focus();
    else this.#chat?.element.focusComposer();
  }

  /** Ask in the open conversation. @param {import("./asking.js").Question} asked */
  ask(asked) {
    this.#asking.add(asked);
  }

  // Who is signed in

  /** A session ended: what was being written stays in sight; what nobody was at waits unseen. */
  leave(before, away) {
    const chat = this.#chat;
    if (before?.kind === "person" && !away) {
      typed.write(GUEST, null, typed.read(chat.owner, chat.threadId));
      ended.write(chat.owner, chat.threadId);
    }
    if (!chat.guest) this.#build(GUEST, null);
    this.#guestWrote = true;
    this.#askToSignIn();
  }

  arrive(who) {
    const owner = who.kind === "person" ? who.id : ANYONE;
    const { thread, ...words } = taken(owner);
    if (who.kind === "person") forgetOthers(owner);
    let threadId = lastThread(owner);
    if (thread) {
      threadId = thread.id;
      typed.write(owner, threadId, words);
    } else if (words.text || words.quote) {
      if (this.#guestWrote) threadId = null;
      typed.write(owner, threadId, joined(typed.read(owner, threadId), words));
    }
    this.#guestWrote = false;
    this.#build(owner, threadId);
  }

  known() {
    this.#asking.handOn();
  }

  forget() {
    this.#asking.forget();
    this.#build(GUEST, null);
  }

  catchUp() {
    this.#chat.element.fetchUpdates();
  }

  // What is shown

  showOpening() {
    if (!this.#chat?.guest) this.#build(GUEST, null);
    this.#chat.card = opening(this.say);
  }

  showFault(message) {
    this.#chat.card = failing(message, () => this.wait(), this.say);
  }

  show() {
    this.#chat.update();
    this.#card?.update();
  }

  translate() {
    const { owner, threadId } = this.#chat;
    this.#build(owner, threadId);
    if (this.who === null) this.showOpening();
    else if (this.who.kind === "nobody") this.#askToSignIn();
  }

  #askToSignIn() {
    this.#card = signInCard({ ended: ended.read() !== null, way: () => this.way, done: () => this.refresh() });
    this.#chat.card = this.#card.element;
  }

  #build(owner, threadId) {
    const before = this.#chat;
    const { root } = this.shell;
    const focused = before?.element.contains(root.activeElement);
    const getToken = () => this.shell.options().getToken;
    this.#card = null;
    this.#note.tell(null);
    this.#chat = new Chat(this.shell, {
      owner,
      threadId,
      plain: this.who?.kind === "anyone",
      fetch: apiFetch(getToken, this.who?.id ?? null, () => this.refresh()),
      signInUrl: () => this.way.href ?? "",
      held: (message) => this.#asking.hold(message),
      failed: (error) => this.shell.emit("error", { error }),
      ended: () => this.#note.tell(null),
    });
    keepingFocus(root, () => before?.element.remove());
    this.#root.append(this.#chat.element);
    // Whoever types types on: a thread that is to come back may take a while.
    if (focused) this.#chat.element.focusComposer();
  }
}
