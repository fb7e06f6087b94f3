/** On the page that asks before a thread is deleted. */

import { forgetThread } from "./memory.js";

/** @param {HTMLFormElement} form */
export function mount(form) {
  form.addEventListener("submit", () => forgetThread(form.dataset.thread ?? ""));
}
