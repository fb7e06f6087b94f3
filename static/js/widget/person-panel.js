// @ts-check
/** What each panel of the widget has to know and do about who is signed in. */

import { make } from "../chat/dom.js";
import { announcer } from "../chat/saying.js";
import { speak, word } from "../chat/words.js";
import { ended, forgetOthers } from "./kept.js";
import { Watch } from "./person.js";
import { apiBase } from "./server.js";
import { wayToSignIn } from "./sign-in.js";
import { banner } from "./states.js";
import { joinTabs } from "./tabs.js";

/** @typedef {import("./person.js").Who} Who */
/** @typedef {Exclude<Who, { kind: "nobody" }>} Somebody */
/** @typedef {import("./server.js").Shell} Shell */

/**
 * A panel, as the launcher knows it. Those that are made of it say what is shown: the methods below
 * that do nothing here. They begin with `start()`.
 */
export class PersonPanel {
  /** @type {Who | null} null until the server has said it */
  who = null;
  status = make("div", { class: "panel-status", role: "status" });
  say = announcer(this.status);
  trouble = banner(this.say);
  #signInUrl = /** @type {string | null} */ (null);
  #fault = "";
  #server;
  #seen;
  #language;
  #watch;
  #tell;

  /** @param {Shell} shell */
  constructor(shell) {
    this.shell = shell;
    this.#seen = this.#options();
    this.#language = shell.options().language;
    this.#server = apiBase(shell);
    this.#watch = new Watch({
      address: () => `${apiBase(shell)}/session`,
      getToken: () => shell.options().getToken,
      found: (who, how) => this.#found(who, how),
      failed: (fault) => this.#failed(fault),
    });
    this.#tell = joinTabs(() => apiBase(shell), (news) => this.#heard(news));
    window.addEventListener("offline", () => this.trouble.tell(word("panel.offline")));
  }

  /** @param {Element} element all of it */
  start(element) {
    this.shell.body.replaceChildren(element);
    this.wait();
    this.opened();
  }

  // What is shown

  /** It is being asked who is signed in: nothing of anybody. */
  showOpening() {}

  /** It could not be found out. @param {string} _message */
  showFault(_message) {}

  /** Somebody came. @param {Somebody} _who */
  arrive(_who) {}

  /**
   * Nobody is signed in now.
   * @param {Who | null} _before
   * @param {boolean} _away whether nobody was writing here
   */
  leave(_before, _away) {}

  /** The question who is signed in has an answer. */
  known() {}

  /** Forget what was asked and typed. */
  forget() {}

  /** The server is there again, or who is here came back to this tab: another may have gone on. */
  catchUp() {}

  /** Options may be others. */
  show() {}

  /** The language is another one. */
  translate() {}

  // What the launcher calls

  /** What its button is called while the dialog is open. */
  get closes() {
    return word("panel.close");
  }

  opened() {
    this.#watch.open = true;
  }

  closed() {
    this.#watch.open = false;
  }

  /** Options may have changed, or how the page looks. */
  update() {
    const [before, now] = [this.#seen, this.#options()];
    if (now.every((one, at) => one === before[at])) return;
    this.#seen = now;
    this.#learn();
    const moved = this.#server !== (this.#server = apiBase(this.shell));
    if (moved) this.#lose();
    this.show();
    // With another getToken it may be another person.
    if (!moved && now[0] !== before[0]) this.refresh();
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

  // Who is signed in

  /** Ask, and show that. */
  wait() {
    this.#fault = "";
    this.showOpening();
    this.refresh();
  }

  get way() {
    return wayToSignIn(this.shell, this.#signInUrl);
  }

  /** @param {Who} who @param {{ came: boolean }} how */
  #found(who, { came }) {
    const troubled = !this.trouble.element.hidden;
    this.trouble.tell(null);
    const before = this.who;
    if (who.kind === "nobody") this.#signInUrl = who.signInUrl;
    if (before?.kind === who.kind && before.id === who.id) {
      if (troubled || came) this.catchUp();
      return;
    }
    this.#become(who, came);
    if (before) this.#tell({ type: "changed", owner: who.id });
  }

  /** A server that can't say who is here has not said that nobody is. @param {any} fault */
  #failed(fault) {
    this.shell.emit("error", { error: fault });
    if (this.who !== null) {
      if (fault.code !== "no_session") this.trouble.tell(fault.message, () => this.refresh());
    } else if (fault.message !== this.#fault) {
      // Asking goes on by itself: what fails the same way again is neither shown nor said again.
      this.#fault = fault.message;
      this.showFault(fault.message);
    }
  }

  /** @param {import("./tabs.js").News} news */
  #heard(news) {
    if (news.type === "signed-out") return this.#empty();
    if (this.who === null || news.owner === this.who.id) return this.refresh();
    if (news.owner !== null) {
      forgetOthers(news.owner);
      return this.#lose();
    }
    this.#watch.drop();
    return this.#becomeNobody();
  }

  /** Who it was counts no more, and neither does what is being answered about it. */
  #lose() {
    this.who = null;
    this.#watch.drop();
    this.wait();
  }

  /** Nothing of one person is left when another one comes. @param {Who} who @param {boolean} away */
  #become(who, away) {
    const before = this.who;
    this.who = who;
    if (who.kind === "nobody") this.leave(before, away);
    else this.arrive(who);
    this.shell.emit("person", { user: who.kind === "person" ? { id: who.id, name: who.name } : null });
    if (who.kind === "nobody") this.shell.emit("signin");
    this.known();
  }

  #becomeNobody() {
    this.#become({ kind: "nobody", id: null, signInUrl: this.#signInUrl }, true);
  }

  #empty() {
    this.#watch.drop();
    forgetOthers(null);
    ended.clear();
    this.who = null;
    this.forget();
    this.#becomeNobody();
  }

  // Options

  /** Say everything in the language that is wanted now; the words of another may have to come first. */
  async #learn() {
    const { language } = this.shell.options();
    if (language === this.#language) return;
    this.#language = language;
    await speak(language);
    this.#fault = "";
    this.translate();
  }

  /** All options, so that one sees whether they are others. A function counts as itself. */
  #options() {
    const { getToken, signIn, ...all } = this.shell.options();
    return [getToken, signIn, JSON.stringify(all)];
  }
}
