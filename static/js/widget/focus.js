/** The focus, where what has it goes away. */

/** @param {ShadowRoot} root The widget's @returns {HTMLElement} */
export const dialogOf = (root) => /** @type {HTMLElement} */ (root.querySelector("section"));

/**
 * Change what is shown. A focus that would fall out of the dialog stays on it, where Escape closes.
 * @param {ShadowRoot} root The widget's
 * @param {() => void} change
 */
export function keepingFocus(root, change) {
  const inside = root.activeElement;
  change();
  if (inside && !root.activeElement) dialogOf(root).focus();
}
