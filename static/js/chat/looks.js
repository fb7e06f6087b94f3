/** What options change about the looks: scheme, colours, type, language, and what is shown at all. */

import { loadMessages, messagesThere } from "./parts.js";
import { spokenLanguage, word } from "./words.js";

const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i;
const direction = (locale) => (RIGHT_TO_LEFT.test(locale) ? "rtl" : "ltr");

/**
 * @param {HTMLElement} host
 * @param {import("./view.js").View} view
 * @param {ReturnType<typeof import("./options.js").readOptions>} options
 */
export function applyLooks(host, view, { theme, locale, frameTitle, disclaimer, threadItemActions }) {
  const { colorScheme } = theme;
  if (colorScheme === "light" || colorScheme === "dark") host.dataset.scheme = colorScheme;
  else delete host.dataset.scheme;
  paint(view.root, theme);
  mark(view.root, "lang", locale && spokenLanguage());
  // What the page says of the element itself goes before what its language says.
  mark(view.root, "dir", host.dir || (locale && direction(locale)));
  view.scroller.ariaLabel = frameTitle ?? word("view.conversation");
  for (const kind of ["feedback", "retry"]) host.toggleAttribute(`data-no-${kind}`, !threadItemActions[kind]);
  view.disclaimer.hidden = !disclaimer.text;
  view.disclaimer.classList.toggle("disclaimer-plain", Boolean(disclaimer.highContrast));
  write(view.disclaimer, disclaimer.text ?? "");
}

/** It is Markdown, and plain words until that can be read. */
async function write(place, text) {
  place.textContent = text;
  if (!text) return;
  const messages = messagesThere() ?? (await loadMessages().catch(() => null));
  if (!messages || place.textContent !== text) return;
  place.replaceChildren();
  messages.renderMarkdown(place, text);
}

const painted = /** @type {WeakMap<CSSStyleDeclaration, object>} */ (new WeakMap());

/** Few sites give colours or type: what makes a theme of them is loaded for those. */
async function paint({ style }, theme) {
  const { color, typography } = theme;
  painted.set(style, theme);
  const values = color || typography ? await valuesOf(theme) : {};
  if (painted.get(style) !== theme) return;
  for (const name of [...style]) if (!values[name]) style.removeProperty(name);
  for (const [name, value] of Object.entries(values)) if (value) style.setProperty(name, value);
}

/** Without them everything has the colours that it has elsewhere. */
async function valuesOf(theme) {
  try {
    return (await import("./colours.js")).propertiesOf(theme);
  } catch (error) {
    console.warn("threadkeeper-chat: no colours.js:", error);
    return {};
  }
}

function mark(element, name, value) {
  if (value) element.setAttribute(name, value);
  else element.removeAttribute(name);
}
