/** What an answer, or a step on the way to it, refers to. */

import { make } from "./dom.js";
import { safeLink } from "./markdown.js";

/**
 * Make a list of sources, or return null when there are none.
 * @param {any[]} sources
 */
export function sourceList(sources) {
  if (!sources.length) return null;
  const rows = sources.map((source) => make("li", {}, sourceLink(source)));
  return make("ul", { class: "sources", "aria-label": "Sources" }, ...rows);
}

function sourceLink(source) {
  const name = source.title || source.url || source.filename || "";
  const href = source.type === "url" && safeLink(source.url);
  if (!href) return make("span", {}, name);
  return make("a", { href, target: "_blank", rel: "nofollow noopener noreferrer" }, name);
}
