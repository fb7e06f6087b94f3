/** What a site may choose: by the attributes of the script's tag first, then by every `init()`. */

import { html } from "./host.js";
import { words } from "./words.js";

/** @typedef {Record<string, any>} Options */

const given = /** @type {Options} */ ({});
const text = /^/;
const yes = true;

/** What each may be: text that matches, or a thing of the same type. */
const KINDS = /** @type {Options} */ ({
  position: /^(right|left)$/,
  theme: /^(auto|light|dark)$/,
  ui: /^(threadkeeper|chatkit)$/,
  color: /^#([\da-f]{3}){1,2}$/i,
  title: text,
  greeting: text,
  placeholder: text,
  language: text,
  domainKey: text,
  apiUrl: text,
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
  for (const name in more) {
    const value = more[name];
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
  for (const name in attributes) {
    if (name in KINDS) merge({ [name]: KINDS[name].test ? attributes[name] : parsed(attributes[name] || "true") });
  }
}

/** Return what is chosen, with our defaults. What is missing is for the panel to say. */
export function options() {
  const language = given.language || html.lang || navigator.language;
  return {
    position: "right",
    theme: "auto",
    zIndex: 2147483000,
    title: words(language).title,
    ...given,
    language,
  };
}

function isRight(name, value) {
  const [kind, type] = [KINDS[name], typeof value];
  if (kind?.test) return type === "string" ? kind.test(value) : name === "signIn" && type === "function";
  // The element looks at each of the prompts.
  return type === typeof kind && Array.isArray(kind) === Array.isArray(value);
}

/** @param {string} value JSON, or `one|two|three` */
function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value.includes("|") ? value.split(/ *\| */).map((label) => ({ label, prompt: label })) : value;
  }
}
