/** On a small screen the dialog covers the page. What that takes is loaded there only. */

import { dialogOf } from "./focus.js";

const SMALL = "(max-width: 480px), (max-height: 420px)";

/**
 * Hold the page behind the dialog whenever it covers the page.
 * @param {ShadowRoot} root The widget's
 */
export function holdWhenSmall(root) {
  const small = matchMedia(SMALL);
  const hold = () =>
    import("./phone.js").then(
      ({ holdPage }) => holdPage(root, dialogOf(root), small),
      (error) => console.warn("threadkeeper: the page behind the chat is not held still:", error),
    );
  if (small.matches) hold();
  else small.addEventListener("change", hold, { once: true });
}
