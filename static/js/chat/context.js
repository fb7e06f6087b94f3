/** What a page says of itself with a message: its address, its title, and what the site adds. */

import { warn } from "./options.js";
import { clean } from "./text.js";

const TITLE = 300;
const ADDRESS = 2000;
const BYTES = 8 * 1024;

/**
 * Return the request's metadata with what a page says of itself, as far as it is allowed to be long.
 * @param {(() => any) | undefined} pageContext may throw: then nothing is said
 */
export function contextMetadata(pageContext) {
  try {
    const context = cut(pageContext?.());
    return context ? { threadkeeper_context: context } : {};
  } catch (error) {
    warn(`pageContext failed, the message goes without: ${error}`);
    return {};
  }
}

function cut(given) {
  if (!given || typeof given !== "object") return null;
  const { url, title, data } = given;
  const context = {};
  if (typeof url === "string" && url.length <= ADDRESS) context.url = clean(url);
  if (typeof title === "string") context.title = [...clean(title)].slice(0, TITLE).join("");
  // As it will be sent: what JSON leaves out or can't hold is known now.
  if (data !== undefined && data !== null) context.data = JSON.parse(JSON.stringify(data) ?? "null", cleaned);
  if (bytes({ threadkeeper_context: context }) > BYTES) {
    warn(`the data of pageContext is longer than ${BYTES} bytes; it is left out`);
    delete context.data;
  }
  return Object.keys(context).length ? context : null;
}

const cleaned = (_key, value) => (typeof value === "string" ? clean(value) : value);

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value)).length;
