/** Writing to the clipboard, also on pages without https. */

import { make } from "./dom.js";

/**
 * Copy a text; throw when the browser does not let us.
 * @param {string} text
 */
export async function write(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Forbidden in this frame or this browser: a selection may still be copied.
    }
  }
  copySelected(text);
}

/** @param {string} text */
function copySelected(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.shadowRoot?.activeElement ?? document.activeElement);
  const box = /** @type {HTMLTextAreaElement} */ (make("textarea", { class: "unseen", "aria-hidden": "true", tabindex: -1 }));
  box.value = text;
  document.body.append(box);
  box.select();
  const copied = document.execCommand("copy");
  box.remove();
  focused?.focus({ preventScroll: true });
  if (!copied) throw new Error("the browser does not let us copy");
}
