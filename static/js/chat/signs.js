/** Small signs around the messages: an answer to come, and the way back to the end. */

import { icon, make } from "./dom.js";

/**
 * Make the row of dots that stands for an answer to come, with words once there are some.
 * @param {string} [words]
 */
export function waitingRow(words) {
  const dots = make("span", { class: "dots", "aria-hidden": "true" }, make("i"), make("i"), make("i"));
  return make("div", { class: "waiting" }, dots, words && make("span", {}, words));
}

/** Make the button that leads back to the end of the conversation; the view names it. */
export function latestButton() {
  const attributes = { class: "latest", type: "button", hidden: true };
  return make("button", attributes, icon("down"));
}
