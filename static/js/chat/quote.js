/** What a message is about: words of the page, above what is written about them. */

import { icon, make, unseen } from "./dom.js";
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
  #words = make("q", { class: "quote-words", dir: "auto" });

  /** @param {() => void} removed */
  constructor(removed) {
    const name = word("quote.remove");
    const button = make("button", { class: "quote-remove", type: "button", title: name }, icon("close"), unseen(name));
    this.element = make("div", { class: "quote", hidden: true }, unseen(word("quote.about")), this.#words, button);
    button.addEventListener("click", () => {
      this.text = "";
      removed();
    });
  }

  get text() {
    return this.#words.textContent;
  }

  set text(text) {
    this.#words.textContent = text;
    this.element.hidden = !text;
  }
}
