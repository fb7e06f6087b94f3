/** What a page says of itself with a message: its address, its title, and what the site adds. */

import { warn } from "./options.js";
import { clean } from "./text.js";
import { told } from "./told.js";

const TITLE = 300;
const ADDRESS = 2000;
const BYTES = 8 * 1024;
/** So deep the data may be: servers stop reading JSON some way below. */
const DEEPEST = 50;

/** As the server has them: a title is one line, and an address is of the web. */
const BREAKS = /[\p{Cc}\s\u2028\u2029]+/gu;
const WEB = /^https?:\/\/[^\p{Cc}\s]+$/iu;

/**
 * Return the request's metadata with what a page says of itself, as far as it is allowed to be long.
 * Once something was said in a thread, a page that has nothing to say says so: what was said before
 * is taken back.
 * @param {(() => any) | undefined} pageContext may throw: then nothing is said
 * @param {{ owner?: string | null, threadId: string | null }} where whose thread, and which; null is a new one
 */
export function contextMetadata(pageContext, { owner = null, threadId }) {
  try {
    const context = cut(pageContext?.());
    const says = Object.keys(context).length > 0;
    const before = threadId !== null && told.has(owner, threadId);
    if (says || threadId === null) told.write(owner, threadId, says);
    return says || before ? { threadkeeper_context: context } : {};
  } catch (error) {
    warn(`pageContext failed, the message goes without: ${error}`);
    return {};
  }
}

/** Return only what a server takes, so that no page keeps its own people from writing. */
function cut(given) {
  if (!given || typeof given !== "object") return {};
  const context = {};
  const url = addressOf(given.url);
  if (url !== null) context.url = url;
  if (typeof given.title === "string") context.title = [...clean(given.title).replace(BREAKS, " ").trim()].slice(0, TITLE).join("");
  const data = dataOf(given.data);
  if (data !== undefined) context.data = data;
  if (bytes({ threadkeeper_context: context }) > BYTES) {
    warn(`the data of pageContext is longer than ${BYTES} bytes; it is left out`);
    delete context.data;
  }
  return context;
}

function addressOf(url) {
  if (typeof url !== "string" || !WEB.test(url) || !URL.canParse(url)) return null;
  const { href } = new URL(url);
  return href.length > ADDRESS ? null : href;
}

/** Return the data as it will be sent: what JSON leaves out or can't hold is known now. */
function dataOf(given) {
  if (given === undefined || given === null) return undefined;
  try {
    return JSON.parse(JSON.stringify(given) ?? "null", cleaned) ?? undefined;
  } catch (error) {
    warn(`the data of pageContext can't be sent, and is left out: ${error}`);
    return undefined;
  }
}

/** Called for what is inside before what holds it. */
function cleaned(_key, value) {
  if (typeof value === "string") return clean(value);
  if (value === null || typeof value !== "object") return value;
  if (depthOf(value) > DEEPEST) throw new RangeError(`it is more than ${DEEPEST} levels deep`);
  return Array.isArray(value) ? value : Object.fromEntries(Object.entries(value).map(([key, part]) => [clean(key), part]));
}

/** Stops where it is too deep, so that it is never called for more. */
const depthOf = (value) => (value && typeof value === "object" ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0);

const bytes = (value) => new TextEncoder().encode(JSON.stringify(value)).length;
