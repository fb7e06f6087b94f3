/** Where this script came from, which is where everything else comes from. */

/**
 * A plugin of the site may have put this script into a bundle of its own: that is not where. Nor is a
 * picture that somebody's comment names `currentScript`.
 */
const isOurs = (script) => script instanceof HTMLScriptElement && /\/widget\.js(\?|$)/.test(script.src);

/**
 * The script's tag, found by its address in a module. Where a bundle took its place, it is the one
 * that says `data-origin`.
 */
export const tag = /** @type {HTMLScriptElement | null} */ (
  [document.currentScript, ...document.scripts].find(isOurs) ?? document.querySelector("script[data-origin]")
);

/** The server puts the path of the built files in the place of the word. */
export const folder = "__PANEL__";
