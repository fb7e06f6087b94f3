/** Signing out makes this browser forget what it kept for the person, in every tab. */

import { forgetPerson } from "./memory.js";
import { joinTabs } from "./tabs.js";

/** @param {HTMLFormElement} form */
export function mount(form) {
  let leaving = false;
  const tell = joinTabs(({ signedOut }) => {
    if (!signedOut) return;
    forgetPerson();
    location.replace("/sign-in");
  });
  form.addEventListener("submit", () => {
    leaving = true;
    forgetPerson();
  });
  // Once the next page comes, the session has ended.
  window.addEventListener("pagehide", () => leaving && tell({ signedOut: true }));
}
