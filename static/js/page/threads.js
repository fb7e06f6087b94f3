/**
 * The list of threads: more of it in place, new and renamed threads at once, deleting after asking,
 * and marks for answers that are being written or were not read yet.
 */

import { askToDelete } from "./delete.js";
import { groupOf, watch } from "./refresh.js";
import { joinTabs } from "./tabs.js";

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
  follow(list);
}

/** Follow the answers that are written here, in other tabs and on other devices. */
function follow(list) {
  const chat = document.querySelector("threadkeeper-chat");
  const openId = () => chat?.threadId ?? list.querySelector("[aria-current]")?.closest(".thread-row").dataset.thread;
  // Null after an answer that was written here: what the server then says of it is no news.
  let active = activityOf(list, openId());
  const { plan, soon } = watch(list, () => {
    markOpen(list, openId() ?? null);
    if (chat?.busy) setState(list, chat.threadId, "writing");
    // Something happened in the open thread that did not happen here.
    const now = activityOf(list, openId());
    if (chat && !chat.busy && active !== null && now && now !== active) chat.fetchUpdates();
    active = now;
  });
  const tell = joinTabs(({ threadId, writing }) => {
    soon();
    if (writing && threadId === chat?.threadId && !chat.busy) chat.fetchUpdates();
  });
  document.addEventListener("threadkeeper.turn.change", ({ detail }) => {
    if (detail.threadId === null) return;
    if (detail.sent) moveOpenUp(list);
    setState(list, detail.threadId, detail.writing ? "writing" : "");
    active = null;
    tell({ threadId: detail.threadId, writing: detail.writing });
    if (!detail.writing) plan();
  });
}

/** What tells one moment of a thread from another: its last message, and whether it is written. */
function activityOf(list, threadId) {
  const row = threadId && findRow(list, threadId);
  if (!row) return "";
  const writing = row.dataset.state === "writing" ? "writing" : "";
  return `${Date.parse(row.querySelector("time").dateTime)} ${writing}`;
}

const WORDS = { writing: "answer being written", unread: "unread" };

function setState(list, threadId, state) {
  const row = findRow(list, threadId);
  if (!row) return;
  if (state) row.dataset.state = state;
  else delete row.dataset.state;
  row.querySelector("[data-state-words]").textContent = WORDS[state] ?? "";
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
  const group = groupOf(list, TODAY);
  list.querySelector(".threads-group")?.before(group);
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
