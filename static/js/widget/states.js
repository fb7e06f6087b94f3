/** What the panel shows in the place of a greeting, and above the conversation: opening, failing, offline. */

import { icon, make } from "../chat/dom.js";
import { word } from "../chat/words.js";

const SLOW = 4_000;
const EXPAND = "M14 5h5v5M19 5l-6 6M10 19H5v-5M5 19l6-6";

/**
 * Say that the conversation is on its way, and after a while that it takes long.
 * @param {(words: string) => void} say
 */
export function opening(say) {
  const words = make("span", {}, word("panel.opening"));
  const dots = make("span", { class: "panel-dots", "aria-hidden": "true" }, make("i"), make("i"), make("i"));
  const row = make("div", { class: "panel-card", slot: "card" }, dots, words);
  say(word("panel.opening"));
  setTimeout(() => {
    if (!row.isConnected) return;
    words.textContent = word("panel.slow");
    say(word("panel.slow"));
  }, SLOW);
  return row;
}

/**
 * Say what went wrong, with a way to try again.
 * @param {string} message
 * @param {() => void} retry
 * @param {(words: string) => void} [say]
 */
export function failing(message, retry, say) {
  const again = make("button", { class: "panel-button", type: "button" }, word("fault.again"));
  again.addEventListener("click", retry);
  say?.(message);
  return make("div", { class: "panel-card", slot: "card" }, make("p", { class: "panel-words" }, message), again);
}

/**
 * Make a line above the conversation, hidden until it is told something.
 * @param {(words: string) => void} say
 */
export function banner(say) {
  const words = make("span", {});
  const again = make("button", { class: "panel-again", type: "button" });
  const element = make("div", { class: "panel-banner", hidden: true }, words, again);
  let run = /** @type {(() => void) | undefined} */ (undefined);
  again.addEventListener("click", () => run?.());
  return {
    element,
    /** @param {string | null} message null takes it away @param {() => void} [retry] */
    tell(message, retry) {
      if (words.textContent !== (message ?? "")) say(message ?? "");
      words.textContent = message ?? "";
      again.textContent = word("fault.again");
      run = retry;
      again.hidden = !retry;
      element.hidden = message === null;
    },
  };
}

/** @param {string} label */
export function fullPageLink(label) {
  const attributes = { slot: "header-end", target: "_blank", rel: "noopener", "aria-label": label, title: label };
  return make("a", { class: "panel-icon", ...attributes }, icon(EXPAND));
}

/** @param {string} label @param {() => void} press */
export function headerButton(label, press) {
  const attributes = { slot: "header-end", type: "button", "aria-label": label, title: label };
  const button = make("button", { class: "panel-icon", ...attributes }, icon("close"));
  button.addEventListener("click", press);
  return button;
}
