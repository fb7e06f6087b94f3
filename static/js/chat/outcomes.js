/** How an answer ended that did not end well; templates/history/_items.html says the same. */

import { actionButton } from "./actions.js";
import { make } from "./dom.js";
import { word } from "./words.js";

export const OUTCOMES = new Set(["stopped", "interrupted", "failed"]);
/** What our server says of a stop, in whichever language the page is. */
export const STOPPED = "You stopped this answer.";

/**
 * Make the line that stands under such an answer.
 * @param {string} outcome one of OUTCOMES
 * @param {string} [words]
 */
export function outcomeLine(outcome, words) {
  const said = make("span", { class: "outcome-words" }, words || word(`outcome.${outcome}`));
  return make("p", { class: `outcome outcome-${outcome}` }, said);
}

/**
 * Offer to ask again where the conversation ends: in words when the answer did not come to its end.
 * @param {HTMLElement} list
 * @param {(() => void) | null} retry null takes the offer away
 */
export function offerRetry(list, retry) {
  for (const button of list.querySelectorAll(".outcome-retry, .item-retry")) button.remove();
  const last = list.lastElementChild;
  if (!last || !retry) return;
  const line = last.querySelector(":scope > .outcome:not(.outcome-stopped, .outcome-final)");
  if (!line && last.matches(".item-user")) return;
  const button = line ? retryInWords() : actionButton("retry", "again", word("outcome.retry"));
  if (line) line.append(button);
  else retryPlace(last).append(button);
  button.classList.add(line ? "outcome-retry" : "item-retry");
  button.addEventListener("click", retry);
}

function retryInWords() {
  return make("button", { class: "button button-small", type: "button" }, word("outcome.retry"));
}

function retryPlace(item) {
  const foot = item.querySelector(":scope > .item-foot");
  const actions = foot.querySelector(".item-actions") ?? make("span", { class: "item-actions" });
  if (!actions.isConnected) foot.prepend(actions);
  return actions;
}
