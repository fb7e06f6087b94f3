/** What a site may choose: by the attributes of the script's tag first, then by every `init()`. */

import { html } from "./host.js";
import { make } from "./make.js";
import { tag } from "./place.js";
import { hostScheme } from "./scheme.js";

/** @typedef {Record<string, any>} Options */

const given = /** @type {Options} */ ({});
const text = /^/;
/** A link with an address that cannot be read has no protocol. */
const web = { test: (href) => /^http/.test(/** @type {any} */ (make("a", { href })).protocol) };
const yes = true;
const RIGHT_TO_LEFT = /^(ar|fa|he|ur)\b/i;

/** What each may be: text that matches, or a thing of the same type. */
const KINDS = /** @type {Options} */ ({
  position: /^(right|left)$/,
  theme: /^(auto|light|dark)$/,
  ui: /^(threadkeeper|chatkit)$/,
  color: /^#([\da-f]{3}){1,2}$/i,
  title: /\S/,
  greeting: text,
  placeholder: text,
  language: text,
  domainKey: text,
  apiUrl: web,
  origin: web,
  signIn: text,
  zIndex: 1,
  pageContext: yes,
  quotes: yes,
  fullPage: yes,
  prompts: [],
  getToken: merge,
});

/**
 * Take over what is right, and warn of the rest, which gets its default. So does null.
 * @param {Options | undefined} more
 */
export function merge(more) {
  for (const [name, value] of Object.entries(more ?? {})) {
    delete given[name];
    if (isRight(name, value)) given[name] = value;
    else if (value != null) console.warn(`Threadkeeper: the option "${name}" can't be`, value);
  }
}

/**
 * Take over the `data-` attributes of the script's tag. Those that are not ours belong to others.
 * @param {DOMStringMap | undefined} attributes
 */
export function mergeTag(attributes) {
  for (const [name, text] of Object.entries(attributes ?? {})) {
    if (name in KINDS) merge({ [name]: KINDS[name].test ? text : parsed(text || "true") });
  }
}

/**
 * Return what is chosen, with our defaults, and with what the page has where that is to be followed.
 * What is missing is for the panel to say.
 */
export function options() {
  const language = given.language || html.lang || navigator.language;
  const { direction } = getComputedStyle(document.body ?? html);
  return {
    zIndex: 2147483000,
    title: "Chat",
    ...given,
    origin: new URL(given.origin || tag?.src || "", location).origin,
    language,
    // Who names a language knows how it runs; a page that just has one may run the other way.
    dir: RIGHT_TO_LEFT.test(language) ? "rtl" : given.language ? "ltr" : direction,
    theme: (given.theme !== "auto" && given.theme) || hostScheme(),
  };
}

function isRight(name, value) {
  const [kind, type] = [KINDS[name], typeof value];
  if (kind?.test) return type === "string" ? kind.test(value) : name === "signIn" && type === "function";
  // An array, which has at(), is for the element to look into; and what is no number has no remainder.
  return type === typeof kind && !kind.at === !value?.at && (kind !== 1 || value % 1 === 0);
}

/** @param {string} value JSON, or `one|two|three` */
function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value.includes("|") ? value.split(/ *\| */).map((label) => ({ label, prompt: label })) : value;
  }
}
