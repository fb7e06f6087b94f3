/** What a message is about: words of the page, above what is written about them. */

import { icon, make, named, unseen } from "./dom.js";
import { clean } from "./text.js";
import { word } from "./words.js";

const LONGEST = 4000;

/**
 * Return a quote as it may be sent: without what a database refuses, and not too long.
 * @param {unknown} words
 */
export function quoteOf(words) {
  const said = [...clean(words).trim()];
  return said.length > LONGEST ? `${said.slice(0, LONGEST - 1).join("").trimEnd()}…` : said.join("");
}

/** The quote in the composer; it is not shown while there is none. */
export class Quote {
  #about = unseen("");
  #words = make("q", { class: "quote-words", dir: "auto" });
  #button = make("button", { class: "quote-remove", type: "button" }, icon("close"), unseen(""));

  /** @param {() => void} removed */
  constructor(removed) {
    this.element = make("div", { class: "quote", hidden: true }, this.#about, this.#words, this.#button);
    this.#button.addEventListener("click", () => {
      this.text = "";
      removed();
    });
  }

  /** The language may have become another one. */
  reword() {
    this.#about.textContent = word("quote.about");
    named(this.#button, word("quote.remove"));
  }

  get text() {
    return this.#words.textContent;
  }

  set text(text) {
    this.#words.textContent = text;
    this.element.hidden = !text;
  }
}
