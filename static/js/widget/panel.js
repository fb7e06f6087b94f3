/** What is inside the widget's shell once it was opened: the conversation of whoever is signed in. */

import css from "../../css/panel.css";
import { make } from "../chat/dom.js";
import { define } from "../chat/element.js";
import { catchFiles } from "../chat/files.js";
import { announcer } from "../chat/saying.js";
import { speak, word } from "../chat/words.js";
import { apiFetch } from "./api-fetch.js";
import { Asking } from "./asking.js";
import { Chat } from "./chat.js";
import { dialogOf, keepingFocus } from "./focus.js";
import { ANYONE, ended, forgetOthers, GUEST, joined, lastThread, typed } from "./kept.js";
import { Watch } from "./person.js";
import { holdWhenSmall } from "./small.js";
import { apiBase } from "./server.js";
import { sheetOf } from "./sheet.js";
import { signInCard, wayToSignIn } from "./sign-in.js";
import { banner, failing, opening } from "./states.js";
import { joinTabs } from "./tabs.js";

const NOTHING = { text: "", quote: "" };

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

/** The panel; what it shows follows from who is signed in. */
class Panel {
  #shell;
  #status = make("div", { class: "panel-status", role: "status" });
  #say = announcer(this.#status);
  #trouble = banner(this.#say);
  #note = banner(this.#say);
  #root = make("div", { class: "panel" }, this.#trouble.element, this.#note.element, this.#status);
  #who = /** @type {import("./person.js").Who | null} */ (null);
  #signInUrl = /** @type {string | null} */ (null);
  #chat = /** @type {Chat | null} */ (null);
  #card = /** @type {ReturnType<typeof signInCard> | null} */ (null);
  #asking = new Asking({
    chat: () => this.#who && this.#chat,
    kept: () => (this.#card?.focus(), this.#say(word("panel.kept"))),
    busy: () => this.#note.tell(word("panel.busy")),
  });
  #fault = "";
  #guestWrote = false;
  #open = false;
  #server;
  #seen = /** @type {unknown[]} */ ([]);
  #language;
  #watch;
  #tell;

  constructor(shell) {
    this.#shell = shell;
    this.#seen = this.#options();
    this.#language = shell.options().language;
    this.#server = this.#address();
    this.#watch = new Watch({
      address: () => `${this.#address()}/session`,
      getToken: () => shell.options().getToken,
      found: (who, how) => this.#found(who, how),
      failed: (fault) => this.#failed(fault),
    });
    this.#tell = joinTabs(() => this.#address(), (news) => this.#heard(news));
    this.#guestWrote = Boolean(typed.read(GUEST, null).text);
    window.addEventListener("offline", () => this.#trouble.tell(word("panel.offline")));
    catchFiles(dialogOf(shell.root), () => this.#chat?.element.refuseFiles());
    shell.body.replaceChildren(this.#root);
    this.#wait();
    this.opened();
  }

  // What the launcher calls

  /** What its button is called while the dialog is open. */
  get closes() {
    return word("panel.close");
  }

  opened() {
    if (this.#open) return;
    this.#open = true;
    this.#watch.open = true;
  }

  closed() {
    this.#open = false;
    this.#watch.open = false;
  }

  focus() {
    if (this.#card) this.#card.focus();
    else this.#chat?.element.focusComposer();
  }

  /** Options may have changed, or how the page looks. */
  update() {
    const [before, now] = [this.#seen, this.#options()];
    if (now.every((one, at) => one === before[at])) return;
    this.#seen = now;
    this.#learn();
    if (this.#address() !== this.#server) {
      this.#server = this.#address();
      this.#who = null;
      this.#watch.drop();
      this.#wait();
    }
    this.#chat?.update();
    this.#card?.update();
    // With another getToken it may be another person.
    if (now[0] !== before[0]) this.#watch.look();
  }

  /** Say everything in the language that is wanted now; the words of another may have to come first. */
  async #learn() {
    const { language } = this.#shell.options();
    if (language === this.#language) return;
    this.#language = language;
    await speak(language);
    const { owner, threadId } = this.#chat;
    this.#build(owner, threadId);
    if (this.#who === null) this.#showOpening();
    else if (this.#who.kind === "nobody") this.#askToSignIn();
  }

  /** Who is signed in may have changed. */
  refresh() {
    this.#watch.look();
  }

  /** Somebody signed out: nothing of anybody stays. */
  signedOut() {
    this.#tell({ type: "signed-out" });
    this.#empty();
  }

  /** Ask in the open conversation. @param {import("./asking.js").Question} asked */
  ask(asked) {
    this.#asking.add(asked);
  }

  // Who is signed in

  #found(who, { came }) {
    const troubled = !this.#trouble.element.hidden;
    this.#trouble.tell(null);
    const before = this.#who;
    if (who.kind === "nobody") this.#signInUrl = who.signInUrl;
    if (before?.kind === who.kind && before.id === who.id) {
      if (troubled) this.#chat?.element.fetchUpdates();
      return;
    }
    this.#become(who, came);
    if (before) this.#tell({ type: "changed", owner: who.id });
  }

  #failed(fault) {
    this.#shell.emit("error", { error: fault });
    // A server that can't say who is here has not said that nobody is.
    if (this.#who === null) this.#showFault(fault.message);
    else if (fault.code !== "no_session") this.#trouble.tell(fault.message, () => this.refresh());
  }

  #heard(news) {
    if (news.type === "signed-out") return this.#empty();
    if (this.#who === null || news.owner === this.#who.id) return this.refresh();
    this.#watch.drop();
    if (news.owner === null) return this.#become({ kind: "nobody", id: null, signInUrl: this.#signInUrl }, true);
    forgetOthers(news.owner);
    this.#who = null;
    this.#wait();
    return this.refresh();
  }

  /** @param {import("./person.js").Who} who @param {boolean} [away] whether nobody was writing here */
  #become(who, away = false) {
    const before = this.#who;
    this.#who = who;
    if (who.kind === "nobody") this.#leave(before, away);
    else this.#arrive(who);
    this.#shell.emit("person", { user: who.kind === "person" ? { id: who.id, name: who.name } : null });
    if (who.kind === "nobody") this.#shell.emit("signin");
    this.#asking.handOn();
  }

  /** A session ended: what was being written stays in sight; what nobody was at waits unseen. */
  #leave(before, away) {
    const chat = this.#chat;
    if (before?.kind === "person" && chat && !away) {
      typed.write(GUEST, null, typed.read(chat.owner, chat.threadId));
      ended.write(chat.owner, chat.threadId);
    }
    if (before) this.#build(GUEST, null);
    this.#guestWrote = true;
    this.#askToSignIn();
  }

  #arrive(who) {
    const owner = who.kind === "person" ? who.id : ANYONE;
    const guest = typed.read(GUEST, null);
    const whose = ended.read();
    ended.clear();
    typed.write(GUEST, null, NOTHING);
    if (who.kind === "person") forgetOthers(owner);
    let threadId = lastThread(owner);
    if (whose?.owner === owner) {
      threadId = whose.threadId;
      typed.write(owner, threadId, guest);
    } else if (!whose && (guest.text || guest.quote)) {
      if (this.#guestWrote) threadId = null;
      typed.write(owner, threadId, joined(typed.read(owner, threadId), guest));
    }
    this.#guestWrote = false;
    this.#build(owner, threadId);
  }

  #empty() {
    this.#watch.drop();
    forgetOthers(null);
    ended.clear();
    this.#asking.forget();
    this.#who ??= { kind: "anyone", id: null };
    this.#become({ kind: "nobody", id: null, signInUrl: this.#signInUrl }, true);
  }

  // What is shown

  #wait() {
    if (!this.#chat?.guest) this.#build(GUEST, null);
    this.#showOpening();
    this.#watch.look();
  }

  #showOpening() {
    this.#fault = "";
    this.#chat.card = opening(this.#say);
  }

  /** Asking goes on by itself: what fails the same way again is neither shown nor said again. */
  #showFault(message) {
    if (message === this.#fault) return;
    this.#fault = message;
    this.#chat.card = failing(message, () => this.#wait(), this.#say);
  }

  #askToSignIn() {
    const way = () => wayToSignIn(this.#shell, this.#signInUrl);
    this.#card = signInCard({ ended: ended.read() !== null, way, done: () => this.refresh() });
    this.#chat.card = this.#card.element;
  }

  #build(owner, threadId) {
    const before = this.#chat;
    const { root } = this.#shell;
    const focused = before?.element.contains(root.activeElement);
    const getToken = () => this.#shell.options().getToken;
    this.#card = null;
    this.#note.tell(null);
    this.#chat = new Chat(this.#shell, {
      owner,
      threadId,
      plain: this.#who?.kind === "anyone",
      fetch: apiFetch(getToken, this.#who?.id ?? null, () => this.refresh()),
      signInUrl: () => this.#signInAddress(),
      held: (message) => this.#asking.hold(message),
      failed: (error) => this.#shell.emit("error", { error }),
      ended: () => this.#note.tell(null),
    });
    keepingFocus(root, () => before?.element.remove());
    this.#root.append(this.#chat.element);
    if (focused) this.#chat.settled().then(() => root.activeElement === dialogOf(root) && this.focus());
  }

  #signInAddress() {
    const way = wayToSignIn(this.#shell, this.#signInUrl);
    return "href" in way ? way.href : "";
  }

  /** All options, so that one sees whether they are others. A function counts as itself. */
  #options() {
    const { getToken, signIn, ...all } = this.#shell.options();
    return [getToken, signIn, JSON.stringify(all)];
  }

  #address() {
    return apiBase(this.#shell);
  }
}
