/** The element on the host page, its shadow root and its style: nothing of it is in the body. */

import css from "../../css/widget.css";
import { sheetOf } from "./sheet.js";

const changing = new CSSStyleSheet();
let values = /** @type {Record<string, string | number | null>} */ ({});
let painted = "";

export const html = document.documentElement;
export const host = document.createElement("threadkeeper-widget");
export const root = host.attachShadow({ mode: "open" });

root.adoptedStyleSheets = [sheetOf(css), changing];

/**
 * Set custom properties for everything in the shadow root. A style sheet holds them, so that no
 * policy against inline style has anything to forbid.
 * @param {Record<string, string | number | null>} more Names without the two dashes; null takes one away
 */
export function paint(more) {
  values = { ...values, ...more };
  let text = "";
  for (const [name, value] of Object.entries(values)) if (value != null) text += `--${name}:${value};`;
  if (text !== painted) changing.replaceSync(`.tk{${(painted = text)}}`);
}

/**
 * Tell the page, from the element.
 * @param {string} type Without the `threadkeeper.` before it
 * @param {unknown} [detail]
 * @param {EventTarget} [from]
 */
export function emit(type, detail, from = host) {
  from.dispatchEvent(new CustomEvent(`threadkeeper.${type}`, { detail, bubbles: true, composed: true }));
}
