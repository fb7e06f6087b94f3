/** More of the list: htmx puts the next page in the place of its link; this ties it to what is there. */

import { wordsOf } from "./requests.js";
import { findGroup, findRow, handleOf } from "./rows.js";

/** Whether the link that is replaced had the focus, which then has to go somewhere. */
let left = false;

/** @param {HTMLElement} list */
export function loadMore(list) {
  // With a key held down, a link opens where the reader wants it.
  list.addEventListener("click", (event) => {
    const aside = event.ctrlKey || event.metaKey || event.shiftKey;
    if (aside && event.target.closest("a[data-more]")) event.stopPropagation();
  }, true);
  list.addEventListener("htmx:beforeRequest", ({ target }) => isMore(target) && begin(target));
  list.addEventListener("htmx:beforeSwap", ({ target }) => isMore(target) && (left = target === document.activeElement));
  list.addEventListener("htmx:afterSwap", ({ target, detail }) => join(list, target, detail));
  for (const type of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    list.addEventListener(type, ({ target, detail }) => isMore(target) && failed(target, detail));
  }
}

const isMore = (element) => element.matches("[data-more]");

function begin(link) {
  link.ariaBusy = "true";
  link.textContent = "Loading…";
  link.previousElementSibling?.matches(".threads-problem") && link.previousElementSibling.remove();
}

/** What came last is asked for again by the same link. */
function failed(link, detail) {
  link.ariaBusy = null;
  link.textContent = "Try again";
  const problem = document.createElement("p");
  problem.className = "threads-problem";
  problem.setAttribute("role", "alert");
  problem.textContent = wordsOf(detail);
  link.before(problem);
  // What went wrong must not push its remedy out of sight.
  link.scrollIntoView({ block: "nearest" });
}

/** Called for each element that came: groups, and the next link or the end. */
function join(list, came, detail) {
  const { elt, triggeringEvent } = detail.requestConfig ?? {};
  if (!elt?.matches?.("[data-more]")) return;
  const rows = came.matches(".threads-group") ? merge(list, came) : [];
  // Who asked for more with a key or a click goes on in it; scrolling moves nobody.
  const asked = left || triggeringEvent?.type === "click";
  if (asked && rows.length) {
    left = false;
    detail.requestConfig.triggeringEvent = null;
    handleOf(rows[0])?.focus();
  }
  markOpen(list);
}

function merge(list, group) {
  // A thread that became active meanwhile stands at the top already.
  for (const row of group.querySelectorAll(".thread-row")) {
    if (findRow(list, row.dataset.thread) !== row) row.remove();
  }
  const rows = [...group.querySelectorAll(".thread-row")];
  const known = findGroup(list, group.dataset.group);
  if (known !== group) {
    known.querySelector("ul").append(...rows);
    group.remove();
  } else if (!rows.length) group.remove();
  return rows;
}

function markOpen(list) {
  for (const link of list.querySelectorAll("a.thread-link")) if (link.pathname === location.pathname) link.ariaCurrent = "page";
}
