/** Where a message is written: it grows with its text, and its button sends or stops. */

import { icon, make, unseen } from "./dom.js";

const TALLEST = 240;

/**
 * @typedef {object} ComposerCalls
 * @property {(text: string) => void} send
 * @property {() => void} stop
 * @property {(text: string) => void} changed
 */

/** The composer; `element` is its form. */
export class Composer {
  #input = /** @type {HTMLTextAreaElement} */ (
    make("textarea", { class: "composer-input", rows: 1, "aria-label": "Message", enterkeyhint: "send", dir: "auto" })
  );
  #button = /** @type {HTMLButtonElement} */ (make("button", { class: "composer-send", type: "submit" }));
  #busy = false;
  #mayStop = true;
  #calls;

  /** @param {ComposerCalls} calls */
  constructor(calls) {
    this.#calls = calls;
    this.element = make("form", { class: "composer" }, this.#input, this.#button);
    this.element.addEventListener("submit", (event) => this.#submit(event));
    this.element.addEventListener("click", (event) => this.#focusFromFrame(event));
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.placeholder = "Write a message";
    this.#show();
  }

  get text() {
    return this.#input.value;
  }

  /** Setting the text does not count as typing. */
  set text(text) {
    this.#input.value = text;
    this.#show();
  }

  set placeholder(words) {
    this.#input.placeholder = words;
  }

  /** While an answer is written, the button stops it. */
  set busy(busy) {
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
    else this.#send();
  }

  #send() {
    if (this.text.trim()) this.#calls.send(this.text);
  }

  #changed() {
    this.#show();
    this.#calls.changed(this.text);
  }

  /** @param {Event} event */
  #focusFromFrame(event) {
    if (event.target === this.element) this.focus();
  }

  #show() {
    const stops = this.#busy;
    this.#button.replaceChildren(stops ? make("span", { class: "stop-mark" }) : icon("up"), unseen(stops ? "Stop" : "Send"));
    this.#button.disabled = stops ? !this.#mayStop : !this.text.trim();
    this.#button.classList.toggle("composer-stop", stops);
    this.#input.style.height = "auto";
    this.#input.style.height = `${Math.min(this.#input.scrollHeight, TALLEST)}px`;
  }
}
