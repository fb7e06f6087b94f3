/** The list of threads: more of it in place, new and renamed threads at once, deleting after asking. */

import { askToDelete } from "./delete.js";

const TODAY = "Today";

/** @param {HTMLElement} list */
export function mount(list) {
  list.addEventListener("click", (event) => {
    const more = event.target.closest("[data-more]");
    if (more) loadMore(event, more);
  });
  list.addEventListener("submit", (event) => askToDelete(event, list));
  document.addEventListener("threadkeeper.thread.update", (event) => showThread(list, event.detail.thread));
  document.addEventListener("chatkit.thread.change", (event) => markOpen(list, event.detail.threadId));
  document.addEventListener("chatkit.response.start", () => moveOpenUp(list));
}

/** Fetch the next page as a fragment; if that fails, the link leads to it as a page. */
async function loadMore(event, link) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  try {
    const response = await fetch(link.href, { headers: { "X-Part": "threads" } });
    if (!response.ok || response.redirected) throw new Error(`status ${response.status}`);
    appendPage(link, await response.text());
  } catch {
    location.assign(link.href);
  }
}

function appendPage(link, html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const list = link.parentElement;
  const first = page.querySelector(".thread-link");
  for (const group of page.querySelectorAll(".threads-group")) {
    const known = findGroup(list, group.dataset.group);
    // A thread that became active meanwhile stands at the top already.
    for (const row of group.querySelectorAll(".thread-row")) if (findRow(list, row.dataset.thread)) row.remove();
    if (known) known.querySelector("ul").append(...group.querySelectorAll(".thread-row"));
    else if (group.querySelector(".thread-row")) link.before(group);
  }
  const rest = page.querySelector("[data-more], .threads-end");
  if (rest) link.replaceWith(rest);
  else link.remove();
  const open = location.pathname;
  for (const row of list.querySelectorAll(".thread-link")) if (row.pathname === open) row.ariaCurrent = "page";
  first?.focus();
}

const findRow = (list, id) => list.querySelector(`.thread-row[data-thread="${CSS.escape(id)}"]`);

const findGroup = (list, name) => list.querySelector(`.threads-group[data-group="${CSS.escape(name)}"]`);

/** Show a thread's title, and the thread itself if it is new. */
function showThread(list, thread) {
  const row = findRow(list, thread.id) ?? addRow(list, thread.id);
  const title = thread.title || "New conversation";
  row.querySelector(".thread-title").textContent = title;
  row.querySelector("[data-title]").textContent = title;
  markOpen(list, thread.id);
}

/** A row as the server makes them, filled in. */
function addRow(list, id) {
  const template = document.getElementById("thread-row").content.firstElementChild;
  const row = template.cloneNode(true);
  row.dataset.thread = id;
  for (const [selector, name] of [["a", "href"], ["form", "action"]]) {
    const part = row.querySelector(selector);
    part.setAttribute(name, part.getAttribute(name).replace("ID", encodeURIComponent(id)));
  }
  putFirst(list, row);
  return row;
}

/** What is talked about now belongs at the top, under today. */
function putFirst(list, row) {
  const left = row.closest(".threads-group");
  todayGroup(list).querySelector("ul").prepend(row);
  if (left && !left.querySelector(".thread-row")) left.remove();
  const time = row.querySelector("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

function todayGroup(list) {
  const known = findGroup(list, TODAY);
  if (known) return known;
  list.querySelector(".threads-empty")?.remove();
  const group = document.createElement("section");
  group.className = "threads-group";
  group.dataset.group = TODAY;
  const heading = document.createElement("h2");
  heading.className = "threads-day";
  heading.textContent = TODAY;
  const rows = document.createElement("ul");
  rows.className = "threads-rows";
  group.append(heading, rows);
  const first = list.querySelector(".threads-group");
  if (first) first.before(group);
  else list.prepend(group);
  return group;
}

function moveOpenUp(list) {
  const row = list.querySelector('.thread-link[aria-current="page"]')?.closest(".thread-row");
  if (row && row !== list.querySelector(".thread-row")) putFirst(list, row);
}

function markOpen(list, threadId) {
  const sidebar = list.closest("nav");
  for (const link of sidebar.querySelectorAll("[aria-current]")) link.ariaCurrent = null;
  const row = threadId && findRow(list, threadId);
  if (row) row.querySelector("a").ariaCurrent = "page";
  else if (!threadId) sidebar.querySelector(".new-chat").ariaCurrent = "page";
}
