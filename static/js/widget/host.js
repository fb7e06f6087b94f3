/** The element on the host page, its shadow root and its style: nothing of it is in the body. */

import css from "../../css/widget.css";

const changing = new CSSStyleSheet();
const values = /** @type {Record<string, string | number | null>} */ ({});
let painted = "";

export const html = document.documentElement;
export const host = document.createElement("threadkeeper-widget");
export const root = host.attachShadow({ mode: "open" });

root.adoptedStyleSheets = [sheetOf(css), changing];

/** @param {string} text */
export function sheetOf(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}

/**
 * Set custom properties for everything in the shadow root. A style sheet holds them, so that no
 * policy against inline style has anything to forbid.
 * @param {Record<string, string | number | null>} more Names without the two dashes; null takes one away
 */
export function paint(more) {
  Object.assign(values, more);
  let text = "";
  for (const name in values) if (values[name] != null) text += `--${name}:${values[name]};`;
  if (text !== painted) changing.replaceSync(`.tk{${(painted = text)}}`);
}

/**
 * Tell the page, from the element.
 * @param {string} type Without the `threadkeeper.` before it
 * @param {unknown} [detail]
 */
export function emit(type, detail) {
  host.dispatchEvent(new CustomEvent(`threadkeeper.${type}`, { detail, bubbles: true, composed: true }));
}
