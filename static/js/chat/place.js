/** The end of a conversation, where new words appear, and the reader's place in what stands before. */

import { latestButton, waitingRow } from "./signs.js";
import { word } from "./words.js";

const NEAR_END = 48;

/** The reader's place; at the end they stay there, whatever is added. */
export class Place {
  #scroller;
  #waiting;
  #latest = latestButton();

  /** @param {import("./view.js").View} view */
  constructor({ foot, scroller, waiting }) {
    this.#scroller = scroller;
    this.#waiting = waiting;
    foot.prepend(this.#latest);
    scroller.addEventListener("scroll", () => (this.#latest.hidden = this.#atEnd), { passive: true });
    this.#latest.addEventListener("click", () => this.toEnd());
    this.reword();
  }

  /** The language may have become another one. */
  reword() {
    this.#latest.ariaLabel = word("view.latest");
  }

  get #atEnd() {
    return -this.#scroller.scrollTop < NEAR_END;
  }

  /** Show the end of the conversation. The scroller runs backwards, so that is its zero. */
  toEnd() {
    this.#scroller.scrollTop = 0;
  }

  /**
   * Change what is at the end; a reader who has scrolled up keeps seeing the same lines.
   * @param {() => void} change
   */
  keep(change) {
    if (this.#atEnd) {
      change();
      this.toEnd();
      return;
    }
    const { scrollTop, scrollHeight } = this.#scroller;
    change();
    this.#scroller.scrollTop = scrollTop - (this.#scroller.scrollHeight - scrollHeight);
  }

  /** Whether the dots of an answer to come are shown. */
  get waits() {
    return this.#waiting.childElementCount > 0;
  }

  /** Show the dots of an answer to come, with words or without; null takes them away. */
  wait(words) {
    if (words === null) this.#waiting.replaceChildren();
    else this.#waiting.replaceChildren(waitingRow(words));
  }
}
