/**
 * The list of threads: more of it in place, new and renamed threads at once, what is done with them,
 * and marks for answers that are being written or were not read yet.
 */

import { askBeforeDeleting } from "./delete.js";
import { moveByKeys } from "./keys.js";
import { tendMenus } from "./menu.js";
import { loadMore } from "./more.js";
import { say, warn } from "./notices.js";
import { watch } from "./refresh.js";
import { renameInPlace } from "./rename.js";
import { findRow, handleOf, neighbour, newRow, putByMoment, putFirst, setPinned, setTitle, takeAway } from "./rows.js";
import { joinTabs } from "./tabs.js";
import { setTop, titled, topId } from "./top.js";

/** @param {HTMLElement} list */
export function mount(list) {
  const chat = document.querySelector("threadkeeper-chat");
  const openId = () => chat?.threadId ?? topId();
  loadMore(list);
  moveByKeys(list);
  tendMenus();
  renameInPlace();
  askBeforeDeleting(list, openId);
  follow(list, chat, openId);
}

/** Follow what happens to threads here, in other tabs and on other devices. */
function follow(list, chat, openId) {
  // Null after an answer that was written here: what the server then says of it is no news.
  let active = activityOf(list, openId());
  const { plan, soon } = watch(list, () => {
    markOpen(list, openId());
    if (chat?.busy) setState(list, chat.threadId, "writing");
    // Something happened in the open thread that did not happen here.
    const now = activityOf(list, openId());
    if (chat && !chat.busy && active !== null && now && now !== active) chat.fetchUpdates();
    active = now;
  });
  const tell = joinTabs((news) => {
    if ("writing" in news && news.writing && news.threadId === chat?.threadId && !chat.busy) chat.fetchUpdates();
    else change(list, news, openId());
    if (news.gone?.includes(openId())) warn("This conversation was deleted in another tab.");
    soon();
  });
  document.addEventListener("threads-changed", ({ detail: { elt, ...news } }) => {
    say(news.said);
    change(list, news, openId());
    tell(news);
    soon();
  });
  document.addEventListener("threadkeeper.thread.update", ({ detail: { thread } }) => {
    showThread(list, thread);
    if (thread.title) tell({ id: thread.id, title: thread.title });
  });
  document.addEventListener("chatkit.thread.change", ({ detail: { threadId } }) => {
    markOpen(list, threadId);
    setTop(threadId);
  });
  document.addEventListener("threadkeeper.turn.change", ({ detail }) => {
    if (detail.threadId === null) return;
    if (detail.sent) moveOpenUp(list);
    setState(list, detail.threadId, detail.writing ? "writing" : "");
    active = null;
    tell({ threadId: detail.threadId, writing: detail.writing });
    // A message brings a thread back from the archive.
    if (detail.sent && document.querySelector("[data-archived]")) setTop(detail.threadId);
    if (!detail.writing) plan();
  });
}

/**
 * Show at once what is known of a change; the list as the server has it follows.
 * @param {{ id?: string, ids?: string[], gone?: string[], title?: string, pinned?: boolean, archived?: boolean }} news
 * @param {string | null} open
 */
function change(list, news, open) {
  const ids = news.ids ?? (news.id ? [news.id] : []);
  for (const row of ids.map((id) => findRow(list, id)).filter(Boolean)) {
    if (news.title) setTitle(row, news.title);
    if (news.archived === (list.dataset.shelf === "newest")) leave(list, row);
    else if (news.pinned !== undefined) moveByPin(list, row, news.pinned);
  }
  for (const id of news.gone ?? []) {
    const row = findRow(list, id);
    if (row) leave(list, row);
  }
  if (open === null || ![...ids, ...(news.gone ?? [])].includes(open)) return;
  if (news.title) titled(news.title);
  else if (!news.gone) setTop(open);
}

/** Take a row away; the focus that was in it goes to the next. */
function leave(list, row) {
  const next = row.contains(document.activeElement) ? neighbour(list, row) ?? list : null;
  takeAway(row);
  if (next) (handleOf(next) ?? list).focus();
}

function moveByPin(list, row, pinned) {
  setPinned(row, pinned);
  // Where a pinned one stands, the server's list says; one that is not any more goes to its day.
  if (pinned || row.closest(".threads-group").dataset.group !== "Pinned") return;
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  takeAway(row);
  putByMoment(list, row, row.dataset.day);
  if (focused) (row.isConnected ? focused : list).focus();
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

/** Show a thread's title, and the thread itself if it is new. */
function showThread(list, thread) {
  let row = findRow(list, thread.id);
  if (!row) {
    row = newRow(thread.id);
    putFirst(list, row);
    window.htmx?.process(row);
  }
  setTitle(row, thread.title || "New conversation");
  markOpen(list, thread.id);
}

function moveOpenUp(list) {
  const row = list.querySelector('.thread-link[aria-current="page"]')?.closest(".thread-row");
  if (row && row !== list.querySelector(".thread-row")) putFirst(list, row);
}

function markOpen(list, threadId) {
  const sidebar = list.closest("nav");
  if (!sidebar) return;
  for (const link of sidebar.querySelectorAll("[aria-current]")) link.ariaCurrent = null;
  const row = threadId && findRow(list, threadId);
  if (row) row.querySelector("a").ariaCurrent = "page";
  else if (!threadId) sidebar.querySelector(".new-chat").ariaCurrent = "page";
}
