/** Where this script came from, which is where everything else comes from. */

/** Without `currentScript`, as in a module, it is found by its address. */
export const tag = /** @type {HTMLScriptElement | null} */ (
  document.currentScript ?? document.querySelector('script[src*="/widget.js"]')
);

export const { origin } = new URL(tag?.src || location.href);

/** The server puts the path of the built files in the place of the word. */
export const folder = origin + "__PANEL__";
