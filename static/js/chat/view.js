/** What is inside the shadow root: the scrolling conversation, the welcome, and the composer. */

import { make } from "./dom.js";
import { latestButton, waitingRow } from "./signs.js";

const NEAR_END = 48;
/** Words that stand there already are not said again: they go for a moment. */
const SAYING = 50;

/** The parts of the element, and the reader's place in them. */
export class View {
  /** @param {HTMLElement} composer */
  constructor(composer) {
    this.slot = make("slot");
    this.earlier = make("button", { class: "conversation-earlier", type: "button", hidden: true }, "Earlier messages");
    this.list = make("ol", { class: "messages" });
    this.waiting = make("div", { class: "waiting-place" });
    this.faults = make("div", { class: "faults" });
    this.status = make("div", { class: "unseen", role: "status" });
    this.latest = latestButton();
    // The days are headings, one level below this.
    const heading = make("h2", { class: "unseen" }, "Messages");
    this.ownConversation = make("section", { class: "conversation", "aria-label": "Messages" }, heading, this.earlier, this.list);
    this.content = make("div", { class: "content" }, this.slot, this.ownConversation, this.waiting);
    this.scroller = make("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "Conversation" }, this.content);
    this.welcome = make("div", { class: "welcome" });
    this.composer = composer;
    this.closed = make("p", { class: "closed", hidden: true });
    this.disclaimer = make("div", { class: "disclaimer prose", hidden: true });
    this.foot = make("div", { class: "foot" }, this.latest, this.faults, composer, this.closed, this.disclaimer);
    this.frame = make("div", { class: "frame", part: "frame" }, this.scroller, this.welcome, this.foot, this.status);
    // A bar stands above the frame, and a list may stand in its place.
    this.root = make("div", { class: "whole" }, this.frame);
    this.scroller.addEventListener("scroll", () => this.#showLatest(), { passive: true });
    this.latest.addEventListener("click", () => this.toEnd());
  }

  /** Let a screen reader say a few words, also the same ones again. */
  say(words) {
    this.status.textContent = "";
    setTimeout(() => (this.status.textContent = words), SAYING);
  }

  /** Show a message that was looked for, and lead a keyboard and a screen reader to it. */
  showFound(item) {
    item.tabIndex = -1;
    item.scrollIntoView({ block: "center" });
    item.focus({ preventScroll: true });
  }

  /** Whether the reader is at the end, where new words appear. */
  get atEnd() {
    return -this.scroller.scrollTop < NEAR_END;
  }

  /** Show the end of the conversation. The scroller runs backwards, so that is its zero. */
  toEnd() {
    this.scroller.scrollTop = 0;
  }

  /**
   * Change what is at the end; a reader who has scrolled up keeps seeing the same lines.
   * @param {() => void} change
   */
  keepPlace(change) {
    if (this.atEnd) {
      change();
      this.toEnd();
      return;
    }
    const { scrollTop, scrollHeight } = this.scroller;
    change();
    this.scroller.scrollTop = scrollTop - (this.scroller.scrollHeight - scrollHeight);
  }

  /** Whether the dots of an answer to come are shown. */
  get waits() {
    return this.waiting.childElementCount > 0;
  }

  /** Show the dots of an answer to come, with words or without; null takes them away. */
  wait(words) {
    if (words === null) this.waiting.replaceChildren();
    else this.waiting.replaceChildren(waitingRow(words));
  }

  /** Show a greeting and what one could ask, instead of an empty page. */
  greet({ greeting, prompts }, ask) {
    const buttons = prompts.map((prompt) => {
      const button = make("button", { class: "prompt", type: "button" }, prompt.label);
      const said = typeof prompt.prompt === "string" ? "text" : "content";
      button.addEventListener("click", () => ask({ [said]: prompt.prompt }));
      return make("li", {}, button);
    });
    const list = buttons.length > 0 && make("ul", { class: "prompts" }, ...buttons);
    this.welcome.replaceChildren(make("slot", { name: "card" }, make("p", { class: "greeting" }, greeting), list));
  }

  #showLatest() {
    this.latest.hidden = this.atEnd;
  }
}
