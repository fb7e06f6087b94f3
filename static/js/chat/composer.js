/** Where a message is written: it grows with its text, and its button sends or stops. */

import { icon, make, unseen } from "./dom.js";
import { Quote } from "./quote.js";
import { clean } from "./text.js";
import { word } from "./words.js";

const TALLEST = 240;
/** Milliseconds in which nobody sees that a button has become another one. */
const REACTION = 250;

/**
 * @typedef {object} ComposerCalls
 * @property {(message: { text: string, quote: string }) => void} send
 * @property {() => void} stop
 * @property {() => void} changed
 * @property {() => void} unquoted
 */

/** The composer; `element` is its form. */
export class Composer {
  #input = /** @type {HTMLTextAreaElement} */ (
    make("textarea", { class: "composer-input", rows: 1, enterkeyhint: "send", dir: "auto" })
  );
  #button = /** @type {HTMLButtonElement} */ (make("button", { class: "composer-send", type: "submit" }));
  #quote = new Quote(() => this.#unquoted());
  #busy = false;
  #mayStop = true;
  #endedAt = -REACTION;
  #calls;

  /** @param {ComposerCalls} calls */
  constructor(calls) {
    this.#calls = calls;
    this.element = make("form", { class: "composer" }, this.#quote.element, this.#input, this.#button);
    this.element.addEventListener("submit", (event) => this.#submit(event));
    this.element.addEventListener("click", (event) => this.#focusFromFrame(event));
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.reword();
  }

  get text() {
    return this.#input.value;
  }

  /** What would be sent now. */
  get value() {
    return { text: clean(this.text), quote: this.quote };
  }

  /** Setting the text does not count as typing. */
  set text(text) {
    this.#input.value = text;
    this.#show();
  }

  /** What the message is about; it goes with the text. */
  get quote() {
    return this.#quote.text;
  }

  set quote(quote) {
    this.#quote.text = quote;
  }

  /** What was written here is on its way; what came from elsewhere leaves the composer alone. */
  taken(text, quote) {
    if (this.value.text !== text || this.quote !== quote) return;
    this.text = "";
    this.quote = "";
  }

  /** Return the words with those that are here after them. */
  before(text = "") {
    return text && this.text.trim() ? `${text}\n\n${this.text}` : text || this.text;
  }

  /** The language may have become another one. */
  reword() {
    this.#input.ariaLabel = word("write.label");
    this.#quote.reword();
    this.#show();
  }

  set placeholder(words) {
    this.#input.placeholder = words;
  }

  /** While an answer is written, the button stops it. */
  set busy(busy) {
    if (this.#busy && !busy) this.#endedAt = performance.now();
    this.#busy = busy;
    if (busy) this.#mayStop = true;
    this.#show();
  }

  set mayStop(allowed) {
    this.#mayStop = allowed;
    this.#show();
  }

  focus() {
    this.#input.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, Enter picks a word. Safari ends composing first, hence 229.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!this.#busy) this.#send();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (this.#busy) this.#calls.stop();
    // A hand that was on its way to Stop when the answer ended sends nothing.
    else if (performance.now() - this.#endedAt > REACTION) this.#send();
    // Whoever pressed it with a mouse or a key types on.
    if (matchMedia("(hover: hover)").matches) this.focus();
  }

  #send() {
    if (this.text.trim()) this.#calls.send(this.value);
  }

  #changed() {
    this.#endedAt = -REACTION;
    this.#show();
    this.#calls.changed();
  }

  #unquoted() {
    this.#calls.unquoted();
    this.focus();
  }

  /** @param {Event} event */
  #focusFromFrame(event) {
    if (event.target === this.element) this.focus();
  }

  #show() {
    const stops = this.#busy;
    this.#button.replaceChildren(stops ? make("span", { class: "stop-mark" }) : icon("up"), unseen(word(stops ? "write.stop" : "write.send")));
    this.#button.disabled = stops ? !this.#mayStop : !this.text.trim();
    this.#button.classList.toggle("composer-stop", stops);
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, TALLEST)}px`;
  }
}
