/** Keeps the list of threads as the server has it, without moving what the reader looks at. */

import { PINNED, findRow, groupOf, momentOf, rowsOf, setPinned, setTitle } from "./rows.js";

const POLL = 3000;
const SOON = 300;
const BUSY = "dialog[open], .menu:popover-open, .rename";

/**
 * Watch the list: while an answer is being written, when the reader comes back, and when another
 * tab tells of a change.
 * @param {HTMLElement} list
 * @param {() => void} renewed is called when the list has changed
 */
export function watch(list, renewed) {
  let changes = 0;
  const refresh = once(() => {
    const before = changes;
    return renew(list, renewed, () => changes !== before);
  });
  let timer = 0;
  const plan = (pause = POLL) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (document.hidden) return;
      const waits = document.querySelector(BUSY);
      const late = !waits && (await refresh());
      if (late) plan(SOON);
      else if (waits || list.querySelector('[data-state="writing"]')) plan();
    }, pause);
  };
  document.addEventListener("visibilitychange", () => plan(0));
  window.addEventListener("focus", () => plan(0));
  window.addEventListener("online", () => plan(0));
  window.addEventListener("pageshow", (event) => event.persisted && plan(0));
  if (list.querySelector('[data-state="writing"]')) plan();
  const soon = () => {
    changes += 1;
    plan(SOON);
  };
  return { plan, soon };
}

/** Never two at a time: who asks meanwhile gets the answer that is on its way. */
function once(act) {
  let running = null;
  return () => (running ??= act().finally(() => (running = null)));
}

/** Return whether the answer came too late: something was changed here after it was asked for. */
async function renew(list, renewed, isLate) {
  // Only the first page can be asked for again as it is.
  if (!("first" in list.dataset)) return false;
  const html = await fetchList(list).catch(() => null);
  if (isLate()) return true;
  // What began meanwhile must not be pulled away from under the reader.
  if (html === null || document.querySelector(BUSY)) return false;
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = rowsOf(page);
  const shown = rowsOf(list);
  const further = furtherRows(list, fresh);
  const inOrder = fresh.every((row, at) => row.dataset.thread === shown[at]?.dataset.thread);
  const inGroups = inOrder && fresh.every((row, at) => groupName(row) === groupName(shown[at]));
  // Rows that stay where they are keep their elements, and with them a click that has begun.
  if (inGroups && fresh.length && shown.length === fresh.length + further.length) {
    fresh.forEach((row, at) => fill(shown[at], row));
  } else keepingFocus(list, () => replace(list, page.body, further));
  window.htmx?.process(list);
  renewed();
  return false;
}

async function fetchList(list) {
  const response = await fetch(list.dataset.address, { headers: { "HX-Request": "true" } });
  return response.ok && !response.redirected ? response.text() : null;
}

const groupName = (row) => row.closest(".threads-group").dataset.group;

/** The rows of further pages that were loaded: older than all of the first page but the pinned. */
function furtherRows(list, fresh) {
  const known = new Set(fresh.map((row) => row.dataset.thread));
  const unpinned = fresh.filter((row) => groupName(row) !== PINNED);
  const end = Math.min(...unpinned.map(momentOf));
  const old = (row) => groupName(row) !== PINNED && !known.has(row.dataset.thread) && momentOf(row) < end;
  return unpinned.length ? rowsOf(list).filter(old) : [];
}

const PARTS = ["[data-state-words]", ".thread-time", ".thread-preview"];

function fill(row, fresh) {
  setTitle(row, fresh.querySelector(".thread-title").textContent);
  for (const part of PARTS) {
    const [old, now] = [row.querySelector(part), fresh.querySelector(part)];
    if (old.textContent !== now.textContent) old.textContent = now.textContent;
    if (now.dateTime) old.dateTime = now.dateTime;
  }
  setPinned(row, "pinned" in fresh.dataset);
  row.dataset.day = fresh.dataset.day;
  if (fresh.dataset.state) row.dataset.state = fresh.dataset.state;
  else delete row.dataset.state;
}

/** Put the first page in the place of what is shown of it; further pages stay behind it. */
function replace(list, page, further) {
  // The further pages have an end or a "Load more" of their own.
  const ending = ":scope > :is(.threads-more, .threads-end)";
  const tail = further.length ? list.querySelector(ending) : null;
  const groups = further.map((row) => [row, groupName(row)]);
  // A thread that is shown already keeps its row, wherever that now stands.
  for (const fresh of rowsOf(page)) {
    const known = findRow(list, fresh.dataset.thread);
    if (!known) continue;
    fill(known, fresh);
    fresh.replaceWith(known);
  }
  list.replaceChildren();
  if (tail) page.querySelector(ending)?.remove();
  list.append(...page.children);
  for (const [row, name] of groups) groupOf(list, name).querySelector("ul").append(row);
  if (tail) list.append(tail);
}

/** Change the list; the focus stays on the same thread's link or button, and nothing scrolls. */
function keepingFocus(list, change) {
  const { scrollTop } = list;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const threadId = focused?.closest(".thread-row")?.dataset.thread;
  change();
  list.scrollTop = scrollTop;
  if (!focused || document.activeElement === focused) return;
  const row = threadId && findRow(list, threadId);
  const again = focused.isConnected ? focused : row ? row.querySelector("a, .pick") : list.querySelector(".threads-more");
  (again ?? list).focus({ preventScroll: true });
}
