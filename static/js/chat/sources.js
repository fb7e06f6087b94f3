/** What an answer, or a step on the way to it, refers to. */

import { safeLink } from "./addresses.js";
import { make } from "./dom.js";
import { word } from "./words.js";

/**
 * Make a list of sources, or return null when there are none.
 * @param {any[]} sources
 */
export function sourceList(sources) {
  if (!sources.length) return null;
  const rows = sources.map((source) => make("li", {}, sourceLink(source)));
  return make("ul", { class: "sources", "aria-label": word("view.sources") }, ...rows);
}

function sourceLink(source) {
  const name = source.title || source.url || source.filename || "";
  const href = source.type === "url" && safeLink(source.url);
  if (!href) return make("span", {}, name);
  return make("a", { href, target: "_blank", rel: "nofollow noopener noreferrer" }, name);
}
