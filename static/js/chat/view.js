/** What is inside the shadow root: the scrolling conversation, the welcome, and the composer. */

import { make } from "./dom.js";
import { word } from "./words.js";

/** Words that stand there already are not said again: they go for a moment. */
const SAYING = 50;

/** The parts of the element. */
export class View {
  #greeting = "";

  /** @param {HTMLElement} composer */
  constructor(composer) {
    this.slot = make("slot");
    this.earlier = make("button", { class: "conversation-earlier", type: "button", hidden: true });
    this.list = make("ol", { class: "messages" });
    this.waiting = make("div", { class: "waiting-place" });
    this.faults = make("div", { class: "faults" });
    this.status = make("div", { class: "unseen", role: "status" });
    // The days are headings, one level below this.
    this.heading = make("h2", { class: "unseen" });
    this.ownConversation = make("section", { class: "conversation" }, this.heading, this.earlier, this.list);
    this.content = make("div", { class: "content" }, this.slot, this.ownConversation, this.waiting);
    this.scroller = make("div", { class: "scroller", tabindex: 0, role: "region" }, this.content);
    this.welcome = make("div", { class: "welcome" });
    this.composer = composer;
    this.closed = make("p", { class: "closed", hidden: true });
    this.disclaimer = make("div", { class: "disclaimer prose", hidden: true });
    this.foot = make("div", { class: "foot" }, this.faults, composer, this.closed, this.disclaimer);
    this.frame = make("div", { class: "frame", part: "frame" }, this.scroller, this.welcome, this.foot, this.status);
    // A bar stands above the frame, and a list may stand in its place.
    this.root = make("div", { class: "whole" }, this.frame);
    this.reword();
  }

  /** The language may have become another one. */
  reword() {
    this.heading.textContent = this.ownConversation.ariaLabel = word("view.messages");
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

  /** Show a greeting and what one could ask, instead of an empty page. */
  greet({ greeting, prompts }, ask) {
    // What has the focus, or is just being pressed, is not made anew.
    const all = JSON.stringify([greeting, prompts]);
    if (all === this.#greeting) return;
    this.#greeting = all;
    const buttons = prompts.map((prompt) => {
      const button = make("button", { class: "prompt", type: "button" }, prompt.label);
      const said = typeof prompt.prompt === "string" ? "text" : "content";
      button.addEventListener("click", () => ask({ [said]: prompt.prompt }));
      return make("li", {}, button);
    });
    const list = buttons.length > 0 && make("ul", { class: "prompts" }, ...buttons);
    this.welcome.replaceChildren(make("slot", { name: "card" }, make("p", { class: "greeting" }, greeting), list));
  }
}
