/** How an answer ended that did not end well; templates/history/_items.html says the same. */

import { make } from "./dom.js";

export const OUTCOMES = {
  stopped: "You stopped this answer.",
  interrupted: "This answer was interrupted.",
  failed: "This answer failed.",
};

/**
 * Make the line that stands under such an answer.
 * @param {keyof OUTCOMES} outcome
 * @param {string} [words]
 */
export function outcomeLine(outcome, words) {
  const said = make("span", { class: "outcome-words" }, words || OUTCOMES[outcome]);
  return make("p", { class: `outcome outcome-${outcome}` }, said);
}

/**
 * Offer to ask again where the conversation ends in an answer that did not come to its end.
 * @param {HTMLElement} list
 * @param {(() => void) | null} retry null takes the offer away
 */
export function offerRetry(list, retry) {
  for (const button of list.querySelectorAll(".outcome-retry")) button.remove();
  const line = list.lastElementChild?.querySelector(":scope > .outcome:not(.outcome-stopped, .outcome-final)");
  if (!line || !retry) return;
  const button = make("button", { class: "button button-small outcome-retry", type: "button" }, "Retry");
  button.addEventListener("click", retry);
  line.append(button);
}
