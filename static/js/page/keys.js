/** Arrows, Home and End go through the rows of a list. */

import { handleOf, rowsOf } from "./rows.js";

/** @param {HTMLElement} list */
export function moveByKeys(list) {
  list.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.closest(".menu, .rename")) return;
    const rows = rowsOf(list);
    const at = rows.indexOf(event.target.closest(".thread-row"));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (next === undefined || !rows.length) return;
    event.preventDefault();
    const last = event.key === "ArrowDown" && next === rows.length;
    const goal = last ? list.querySelector("[data-more]") : handleOf(rows[Math.max(next, 0)]);
    goal?.focus();
  });
}
