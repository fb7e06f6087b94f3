// @ts-check
/**
 * OpenAI's own element in the widget's shell, in the place of ours: `ui: "chatkit"`. It comes from
 * OpenAI and draws itself in a frame of OpenAI's; who is signed in is our affair here as there.
 */

import panelStyle from "../../css/panel.css";
import style from "../../css/official.css";
import { make } from "../chat/dom.js";
import "../chat/official-words.js";
import { speak, word } from "../chat/words.js";
import { questionOf } from "./asking.js";
import { keepingFocus } from "./focus.js";
import { ANYONE, forgetOthers, GUEST, joined, lastThread, taken, typed } from "./kept.js";
import { OfficialChat } from "./official-chat.js";
import { official } from "./official-script.js";
import { PersonPanel } from "./person-panel.js";
import { holdWhenSmall } from "./small.js";
import { sheetOf } from "./sheet.js";
import { signInCard } from "./sign-in.js";
import { failing, headerButton, opening } from "./states.js";

/** @typedef {import("./asking.js").Question} Question */
/** @typedef {import("./person-panel.js").Somebody} Somebody */
/** @typedef {import("./server.js").Shell} Shell */

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
class OfficialPanel extends PersonPanel {
  #state = make("div", { class: "official-state" });
  #root = make("div", { class: "panel official" }, this.trouble.element, this.#state, this.status);
  #chat = /** @type {OfficialChat | null} */ (null);
  #card = /** @type {ReturnType<typeof signInCard> | null} */ (null);
  /** Draws what stands in the place of the element. */
  #draw = /** @type {(() => Element) | null} */ (null);
  #asked = /** @type {Question[]} */ ([]);

  /** @param {Shell} shell */
  constructor(shell) {
    super(shell);
    this.start(this.#root);
  }

  focus() {
    if (this.#card) this.#card.focus();
    else this.#chat?.focus();
  }

  /**
   * Ask; until there is somebody to ask, the words wait.
   * @param {any} given
   */
  ask(given) {
    const question = questionOf(given);
    if (question) this.#asked.push(question);
    this.known();
  }

  // Who is signed in

  /** What was being written is in OpenAI's frame, and goes with it. */
  leave() {
    this.#show(() => (this.#card = signInCard({ ended: false, way: () => this.way, done: () => this.refresh() })).element);
  }

  /** What was asked before anybody was signed in may be read before it is sent. @param {Somebody} who */
  arrive(who) {
    const owner = who.kind === "person" ? who.id : ANYONE;
    const { text, quote } = taken(owner);
    if (text || quote) this.#asked.unshift({ text, quote: quote || undefined, send: false });
    if (who.kind === "person") forgetOthers(owner);
    this.#build(who, owner);
  }

  /** Hand on what waits. Of nobody it is kept, over the way to sign in and back. */
  known() {
    if (this.who?.kind !== "nobody" && !this.#chat) return;
    for (const asked of this.#asked.splice(0)) {
      if (this.#chat) this.#chat.ask(asked);
      else this.#keep(asked);
    }
  }

  forget() {
    this.#asked = [];
  }

  catchUp() {
    this.#chat?.comeBack();
  }

  /** @param {Somebody} who @param {string} owner */
  async #build(who, owner) {
    this.#show(() => opening(this.say));
    try {
      await official();
    } catch (error) {
      console.error("Threadkeeper: OpenAI's element did not come. Does a Content-Security-Policy forbid it?", error);
      this.shell.emit("error", { error });
      if (this.who === who) this.#show(() => failing(word("official.failed"), () => this.#build(who, owner), this.say));
      return;
    }
    if (this.who !== who) return;
    const plain = who.kind === "anyone";
    this.#show(null);
    this.#chat = new OfficialChat(this.shell, { owner, plain, threadId: lastThread(owner), refused: () => this.refresh() });
    this.#root.append(this.#chat.element);
    this.known();
  }

  /** @param {Question} asked */
  #keep({ text = "", quote = "" }) {
    typed.write(GUEST, null, joined(typed.read(GUEST, null), { text, quote }));
    this.#card?.focus();
    this.say(word("panel.kept"));
  }

  // What is shown

  showOpening() {
    this.#show(() => opening(this.say));
  }

  /** @param {string} message */
  showFault(message) {
    this.#show(() => failing(message, () => this.wait(), this.say));
  }

  show() {
    this.#chat?.update();
    this.#card?.update();
  }

  translate() {
    if (this.#draw) this.#show(this.#draw);
  }

  /** Show this in the place of the element, with a way out; null makes room for one. @param {(() => Element) | null} draw */
  #show(draw) {
    this.#draw = draw;
    this.#card = null;
    const content = draw ? [headerButton(word("panel.close"), () => this.shell.close()), draw()] : [];
    keepingFocus(this.shell.root, () => {
      this.#chat?.element.remove();
      this.#state.replaceChildren(...content);
    });
    this.#chat = null;
    this.#state.hidden = draw === null;
  }
}
