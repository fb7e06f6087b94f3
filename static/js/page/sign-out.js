/** Signing out makes this browser forget what it kept for the person. */

import { forgetPerson } from "./memory.js";

/** @param {HTMLFormElement} form */
export function mount(form) {
  form.addEventListener("submit", forgetPerson);
}
