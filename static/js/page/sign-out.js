/** Signing out makes this browser forget what it kept of people, in every tab, the widget's as well. */

import { forgetEverybody, hearSignOut } from "../widget/forget.js";
import { forgetPlace } from "./memory.js";

/** @param {HTMLFormElement} form */
export function mount(form) {
  let leaving = false;
  hearSignOut(() => {
    forgetPlace();
    location.replace("/sign-in");
  });
  form.addEventListener("submit", () => (leaving = true));
  // Once the next page comes, the session has ended: only then other tabs may look.
  window.addEventListener("pagehide", () => {
    if (!leaving) return;
    forgetPlace();
    forgetEverybody();
  });
}
