/** What the site asks, `Threadkeeper.ask(…)`, in its order, and what waits until it can be sent. */

import { joined } from "./kept.js";

/** @typedef {{ text?: string, quote?: string, send?: boolean }} Question */

const KINDS = { text: "string", quote: "string", send: "boolean" };

/**
 * Return the question without what is wrong in it, which is said on the console; null if none is left.
 * @param {any} given
 */
export function questionOf(given) {
  const right = /** @type {Question} */ ({});
  for (const [name, kind] of Object.entries(KINDS)) {
    if (typeof given[name] === kind) right[/** @type {keyof Question} */ (name)] = given[name];
    else if (given[name] != null) console.warn(`Threadkeeper: in ask(), ${name} can't be`, given[name]);
  }
  if (right.text?.trim() || right.quote?.trim()) return right;
  console.warn("Threadkeeper: ask() wants a text, or an object with a text or a quote");
  return null;
}

/** Hands questions to the conversation that is open; before it is known whose that is, they wait. */
export class Asking {
  #calls;
  #waiting = /** @type {Question[]} */ ([]);
  #held = /** @type {Question | null} */ (null);
  #handing = false;

  /**
   * @param {{ chat: () => import("./chat.js").Chat | null, kept: () => void, busy: () => void }} calls
   *   `kept`: the words are in the composer of somebody who has to sign in first; `busy`: likewise of
   *   somebody whose answer is still being written
   */
  constructor(calls) {
    this.#calls = calls;
  }

  /** @param {any} given */
  add(given) {
    const question = questionOf(given);
    if (question) this.#waiting.push(question);
    this.handOn();
  }

  forget() {
    this.#waiting = [];
  }

  /** Hand on what waits, if there is somebody to hand it to. */
  async handOn() {
    const chat = this.#calls.chat();
    if (!chat) return;
    await chat.settled();
    // One after another: each adds to what the one before has put into the composer.
    if (this.#handing || chat !== this.#calls.chat()) return;
    this.#handing = true;
    while (this.#waiting.length && chat === this.#calls.chat()) await this.#ask(chat, this.#waiting.shift());
    this.#handing = false;
    if (this.#waiting.length) this.handOn();
  }

  /** Somebody wanted to send before it is known who they are. @param {Question} message */
  async hold({ text, quote }) {
    const chat = this.#calls.chat();
    if (!chat) {
      // It is still in the composer: who sends again sends what is there by then.
      const others = this.#waiting.filter((one) => one !== this.#held);
      this.#waiting = [...others, (this.#held = { text, quote })];
      return;
    }
    await fill(chat, { text, quote });
    this.#calls.kept();
  }

  async #ask(chat, { text = "", quote, send = true }) {
    const sends = send && text.trim();
    if (sends && chat.guest) return this.hold({ text, quote });
    if (sends && !chat.busy) return void chat.send({ text, quote });
    await fill(chat, { text, quote });
    if (sends) this.#calls.busy();
    return chat.element.focusComposer();
  }
}

/** Put words into the composer, after those that are there already. */
function fill({ element }, { text = "", quote = "" }) {
  return element.setComposerValue(joined(element.composerValue, { text, quote }));
}
