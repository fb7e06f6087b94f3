// @ts-check
/**
 * OpenAI's own element in the widget's shell, in the place of ours: `ui: "chatkit"`. It comes from
 * OpenAI and draws itself in a frame of OpenAI's; who is signed in is our affair here as there.
 */

import panelStyle from "../../css/panel.css";
import style from "../../css/official.css";
import { make } from "../chat/dom.js";
import { Drafts } from "../chat/drafts.js";
import { speak, word } from "../chat/words.js";
import { ANYONE, forgetOthers, GUEST, joined, lastThread } from "./kept.js";
import { OfficialChat } from "./official-chat.js";
import { official } from "./official-script.js";
import { Watch } from "./person.js";
import { holdWhenSmall } from "./small.js";
import { apiBase } from "./server.js";
import { sheetOf } from "./sheet.js";
import { signInCard, wayToSignIn } from "./sign-in.js";
import { banner, failing, headerButton, opening } from "./states.js";
import { joinTabs } from "./tabs.js";

/** @typedef {import("./person.js").Who} Who */
/** @typedef {import("./server.js").Shell} Shell */
/** @typedef {import("./official-chat.js").Asked} Asked */

/**
 * Build the conversation into the shell. Without a domain key the element would not start, so our
 * own one is shown.
 * @param {Shell} shell
 */
export async function mount(shell) {
  if (!shell.options().domainKey) {
    console.error(
      'Threadkeeper: ui "chatkit" needs domainKey, the key that OpenAI gave this domain. Our own element is shown instead.',
    );
    const own = await import("./panel.js");
    return own.mount(shell);
  }
  shell.root.adoptedStyleSheets = [...shell.root.adoptedStyleSheets, sheetOf(panelStyle), sheetOf(style)];
  await speak(shell.options().language);
  holdWhenSmall(shell.root);
  return new OfficialPanel(shell);
}

/** The same panel to the launcher as ours, with another element in it. */
class OfficialPanel {
  #shell;
  #status = make("div", { class: "panel-status", role: "status" });
  #trouble = banner((words) => this.#say(words));
  #state = make("div", { class: "official-state" });
  #root = make("div", { class: "panel official" }, this.#trouble.element, this.#state, this.#status);
  #chat = /** @type {OfficialChat | null} */ (null);
  #who = /** @type {Who | null} */ (null);
  #card = /** @type {ReturnType<typeof signInCard> | null} */ (null);
  #signInUrl = /** @type {string | null} */ (null);
  #asked = /** @type {Asked[]} */ ([]);
  #open = false;
  #watch;
  #tell;

  /** @param {Shell} shell */
  constructor(shell) {
    this.#shell = shell;
    this.#watch = new Watch({
      address: () => `${this.#address()}/session`,
      getToken: () => shell.options().getToken,
      found: (who) => this.#found(who),
      failed: (fault) => this.#failed(fault),
    });
    this.#tell = joinTabs(() => this.#address(), (news) => this.#heard(news));
    document.addEventListener("visibilitychange", () => this.#comeBack());
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
    else this.#chat?.focus();
  }

  /** Options have changed. What is said from now on is said in the language that they name. */
  update() {
    speak(this.#shell.options().language);
    this.#chat?.update();
    this.#card?.update();
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
   * Ask; until there is somebody to ask, the words wait.
   * @param {Asked} asked
   */
  ask(asked) {
    this.#asked.push(asked);
    this.#askNow();
  }

  // Who is signed in

  /** @param {Who} who */
  #found(who) {
    this.#trouble.tell(null);
    if (who.kind === "nobody") this.#signInUrl = who.signInUrl;
    const before = this.#who;
    if (before?.kind === who.kind && before.id === who.id) return;
    this.#become(who);
    if (before) this.#tell({ type: "changed", owner: who.id });
  }

  /** @param {any} fault */
  #failed(fault) {
    this.#shell.emit("error", { error: fault });
    // A server that can't say who is here has not said that nobody is.
    if (this.#who === null) this.#show(failing(fault.message, () => this.#wait(), (words) => this.#say(words)));
    else this.#trouble.tell(fault.message, () => this.refresh());
  }

  /** @param {import("./tabs.js").News} news */
  #heard(news) {
    if (news.type === "signed-out") this.#empty();
    else if (this.#who !== null && news.owner !== this.#who.id) this.refresh();
  }

  #empty() {
    forgetOthers(null);
    this.#asked = [];
    this.#become({ kind: "nobody", id: null, signInUrl: this.#signInUrl });
  }

  /** Nothing of one person is left when another one comes. @param {Who} who */
  #become(who) {
    this.#who = who;
    this.#chat?.element.remove();
    this.#chat = null;
    this.#card = null;
    this.#shell.emit("person", { user: who.kind === "person" ? { id: who.id, name: who.name } : null });
    if (who.kind === "nobody") {
      this.#shell.emit("signin");
      this.#askToSignIn();
      this.#askNow();
    } else {
      this.#asked.unshift(...typedBefore());
      if (who.kind === "person") forgetOthers(who.id);
      this.#build(who);
    }
  }

  #askToSignIn() {
    const way = () => wayToSignIn(this.#shell, this.#signInUrl);
    this.#card = signInCard({ ended: false, way, done: () => this.refresh() });
    this.#show(this.#card.element);
  }

  /** @param {Who} who */
  async #build(who) {
    this.#show(this.#opening());
    try {
      await official();
    } catch (error) {
      console.error("Threadkeeper: OpenAI's element did not come. Does a Content-Security-Policy forbid it?", error);
      this.#shell.emit("error", { error });
      if (this.#who === who) this.#show(failing(word("official.failed"), () => this.#build(who), (words) => this.#say(words)));
      return;
    }
    if (this.#who !== who) return;
    const owner = who.kind === "person" ? who.id : ANYONE;
    const plain = who.kind === "anyone";
    this.#chat = new OfficialChat(this.#shell, { owner, plain, threadId: lastThread(owner), refused: () => this.refresh() });
    this.#show(null);
    this.#root.append(this.#chat.element);
    this.#askNow();
  }

  #comeBack() {
    if (document.visibilityState === "visible" && this.#open) this.#chat?.comeBack();
  }

  // Words

  #askNow() {
    if (this.#who?.kind !== "nobody" && !this.#chat) return;
    for (const asked of this.#asked.splice(0)) {
      if (this.#chat) this.#chat.ask(asked);
      else this.#keep(asked);
    }
  }

  /** Over the way to sign in and back. @param {Asked} asked */
  #keep({ text = "", quote = "" }) {
    const drafts = new Drafts(GUEST);
    const kept = joined({ text: drafts.read(null), quote: drafts.readQuote(null) }, { text, quote });
    drafts.write(null, kept.text, kept.quote);
    this.#card?.focus();
    this.#say(word("panel.kept"));
  }

  // What is shown

  #wait() {
    this.#show(this.#opening());
    this.#watch.look();
  }

  #opening() {
    return opening((/** @type {string} */ words) => this.#say(words));
  }

  /** Show this in the place of the element, with a way out; null is for the element. @param {Element | null} content */
  #show(content) {
    const close = headerButton(word("panel.close"), () => this.#shell.close());
    this.#state.replaceChildren(...(content ? [close, content] : []));
    this.#state.hidden = content === null;
  }

  /** @param {string} words */
  #say(words) {
    this.#status.textContent = words;
  }

  #address() {
    return apiBase(this.#shell);
  }
}

/** What was asked before anybody was signed in; it may be read before it is sent. @returns {Asked[]} */
function typedBefore() {
  const drafts = new Drafts(GUEST);
  const [text, quote] = [drafts.read(null), drafts.readQuote(null)];
  drafts.write(null, "");
  return text || quote ? [{ text, quote: quote || undefined, send: false }] : [];
}
