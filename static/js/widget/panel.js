/** What is inside the widget's shell once it was opened: the conversation of whoever is signed in. */

import css from "../../css/panel.css";
import { make } from "../chat/dom.js";
import { define } from "../chat/element.js";
import { word } from "../chat/words.js";
import { apiFetch } from "./api-fetch.js";
import { apiUrl, Chat } from "./chat.js";
import { ANYONE, ended, forgetOthers, GUEST, joined, lastThread, typed } from "./kept.js";
import { Watch } from "./person.js";
import { holdPage } from "./phone.js";
import { signInCard, wayToSignIn } from "./sign-in.js";
import { banner, failing, opening } from "./states.js";
import { joinTabs } from "./tabs.js";

/** Words that stand there already are not said again: they go for a moment. */
const SAYING = 50;
const NOTHING = { text: "", quote: "" };

/**
 * Build the conversation into the shell.
 * @param {any} shell see docs/decisions/0037
 */
export async function mount(shell) {
  define();
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shell.root.adoptedStyleSheets = [...shell.root.adoptedStyleSheets, sheet];
  holdPage(shell.root);
  return new Panel(shell);
}

/** The panel; what it shows follows from who is signed in. */
class Panel {
  #shell;
  #status = make("div", { class: "panel-status", role: "status" });
  #say = (text) => {
    this.#status.textContent = "";
    setTimeout(() => (this.#status.textContent = text), SAYING);
  };
  #trouble = banner(this.#say);
  #note = banner(this.#say);
  #root = make("div", { class: "panel" }, this.#trouble.element, this.#note.element, this.#status);
  #who = /** @type {import("./person.js").Who | null} */ (null);
  #signInUrl = /** @type {string | null} */ (null);
  #chat = /** @type {Chat | null} */ (null);
  #card = /** @type {ReturnType<typeof signInCard> | null} */ (null);
  #asked = /** @type {{ text?: string, quote?: string, send?: boolean } | null} */ (null);
  #guestWrote = Boolean(typed.read(GUEST, null).text);
  #open = false;
  #server;
  #seen = "";
  #watch;
  #tell;

  constructor(shell) {
    this.#shell = shell;
    this.#seen = this.#options();
    this.#server = this.#address();
    this.#watch = new Watch({
      address: () => `${this.#address()}/session`,
      getToken: () => shell.options().getToken,
      found: (who, how) => this.#found(who, how),
      failed: (fault) => this.#failed(fault),
    });
    this.#tell = joinTabs(() => this.#address(), (news) => this.#heard(news));
    window.addEventListener("offline", () => this.#trouble.tell(word("panel.offline")));
    shell.body.replaceChildren(this.#root);
    this.#wait();
    this.opened();
  }

  // What the launcher calls

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
    const now = this.#options();
    if (now === this.#seen) return;
    this.#seen = now;
    if (this.#address() !== this.#server) {
      this.#server = this.#address();
      this.#who = null;
      this.#watch.drop();
      this.#wait();
    }
    this.#chat?.update();
    if (this.#who?.kind === "nobody") this.#askToSignIn();
    this.#watch.look();
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

  /**
   * Ask in the open conversation; before it is known whose that is, the words wait.
   * @param {{ text?: string, quote?: string, send?: boolean }} asked
   */
  ask(asked) {
    this.#asked = asked;
    this.#askNow();
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
    if (this.#who === null) this.#chat.card = failing(fault.message, () => this.#wait());
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
    this.#askNow();
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
    this.#asked = null;
    this.#who ??= { kind: "anyone", id: null };
    this.#become({ kind: "nobody", id: null, signInUrl: this.#signInUrl }, true);
  }

  // What is shown

  #wait() {
    if (!this.#chat?.guest) this.#build(GUEST, null);
    this.#chat.card = opening(this.#say);
    this.#watch.look();
  }

  #askToSignIn() {
    const way = () => wayToSignIn({ signIn: this.#shell.options().signIn, origin: this.#shell.origin }, this.#signInUrl);
    this.#card = signInCard({ ended: ended.read() !== null, way, done: () => this.refresh() });
    this.#chat.card = this.#card.element;
  }

  #build(owner, threadId) {
    const before = this.#chat;
    const focused = before && this.#shell.root.activeElement === before.element;
    const getToken = () => this.#shell.options().getToken;
    this.#card = null;
    this.#note.tell(null);
    this.#chat = new Chat(this.#shell, {
      owner,
      threadId,
      plain: this.#who?.kind === "anyone",
      fetch: apiFetch(getToken, () => this.refresh()),
      signInUrl: () => this.#signInAddress(),
      held: (message) => this.#hold(message),
      failed: (error) => this.#shell.emit("error", { error }),
      ended: () => this.#note.tell(null),
    });
    before?.element.remove();
    this.#root.append(this.#chat.element);
    if (focused) this.#chat.settled().then(() => this.#chat?.element.focusComposer());
  }

  #signInAddress() {
    const way = wayToSignIn({ signIn: this.#shell.options().signIn, origin: this.#shell.origin }, this.#signInUrl);
    return "href" in way ? way.href : "";
  }

  // Words

  async #askNow() {
    const chat = this.#chat;
    if (!chat || !this.#asked || this.#who === null) return;
    await chat.settled();
    const asked = this.#asked;
    if (chat !== this.#chat || !asked) return;
    this.#asked = null;
    const { text = "", quote, send = true } = asked;
    if (chat.guest && send && text) return this.#hold({ text, quote });
    if (text && send && !chat.element.busy) return chat.element.sendUserMessage({ text, quote });
    await this.#fill({ text, quote });
    if (text && send) this.#note.tell(word("panel.busy"));
    chat.element.focusComposer();
  }

  /** Somebody wanted to send before it is known who they are. */
  async #hold({ text, quote }) {
    if (this.#who === null) return this.ask({ text, quote });
    await this.#fill({ text, quote });
    this.#card?.focus();
    this.#say(word("panel.kept"));
  }

  /** Put words into the composer, after those that are there already. */
  #fill({ text = "", quote = "" }) {
    const { element, owner, threadId } = this.#chat;
    return element.setComposerValue(joined(typed.read(owner, threadId), { text, quote }));
  }

  /** All options in one value. A function counts as itself, whatever it is: it is looked up at each use. */
  #options() {
    return JSON.stringify(Object.entries(this.#shell.options()));
  }

  #address() {
    const url = new URL(apiUrl(this.#shell), document.baseURI);
    return `${url.origin}${url.pathname.replace(/\/$/, "")}`;
  }
}
