/** Keeps the list of threads as the server has it, without moving what the reader looks at. */

const POLL = 3000;
const SOON = 300;

/**
 * Watch the list: while an answer is being written, when the reader comes back, and when another
 * tab tells of a change.
 * @param {HTMLElement} list
 * @param {() => void} renewed is called when the list has changed
 */
export function watch(list, renewed) {
  const refresh = once(() => renew(list, renewed));
  let timer = 0;
  const plan = (pause = POLL) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      if (document.hidden) return;
      await refresh();
      if (list.querySelector('[data-state="writing"]')) plan();
    }, pause);
  };
  document.addEventListener("visibilitychange", () => plan(0));
  window.addEventListener("focus", () => plan(0));
  window.addEventListener("online", () => plan(0));
  window.addEventListener("pageshow", (event) => event.persisted && plan(0));
  if (list.querySelector('[data-state="writing"]')) plan();
  return { plan, soon: () => plan(SOON) };
}

/** Never two at a time: who asks meanwhile gets the answer that is on its way. */
function once(act) {
  let running = null;
  return () => (running ??= act().finally(() => (running = null)));
}

async function renew(list, renewed) {
  // Only the first page can be asked for again as it is.
  if (!("first" in list.dataset) || document.querySelector("dialog[open]")) return;
  const html = await fetchList().catch(() => null);
  if (html === null) return;
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = [...page.querySelectorAll(".thread-row")];
  const shown = [...list.querySelectorAll(".thread-row")];
  const further = furtherRows(shown, fresh);
  const inOrder = fresh.every((row, at) => row.dataset.thread === shown[at]?.dataset.thread);
  // Rows that stay where they are keep their elements, and with them a click that has begun.
  if (inOrder && shown.length === fresh.length + further.length) fresh.forEach((row, at) => fill(shown[at], row));
  else keepingFocus(list, () => replace(list, page.body, further));
  renewed();
}

async function fetchList() {
  const response = await fetch("/history", { headers: { "X-Part": "threads" } });
  return response.ok && !response.redirected ? response.text() : null;
}

/** The rows of further pages that were loaded: older than all of the first page. */
function furtherRows(shown, fresh) {
  const known = new Set(fresh.map((row) => row.dataset.thread));
  const end = Math.min(...fresh.map(momentOf));
  return fresh.length ? shown.filter((row) => !known.has(row.dataset.thread) && momentOf(row) < end) : [];
}

const PARTS = [".thread-title", "[data-state-words]", ".thread-time", "[data-title]"];

function fill(row, fresh) {
  for (const part of PARTS) {
    const [old, now] = [row.querySelector(part), fresh.querySelector(part)];
    if (old.textContent !== now.textContent) old.textContent = now.textContent;
    if (now.dateTime) old.dateTime = now.dateTime;
  }
  if (fresh.dataset.state) row.dataset.state = fresh.dataset.state;
  else delete row.dataset.state;
}

/** Put the first page in the place of what is shown of it; further pages stay behind it. */
function replace(list, page, further) {
  // The further pages have an end or a "Load more" of their own.
  const ending = ":scope > :is(.threads-more, .threads-end)";
  const tail = further.length ? list.querySelector(ending) : null;
  const groups = further.map((row) => [row, row.closest(".threads-group").dataset.group]);
  list.replaceChildren();
  if (tail) page.querySelector(ending)?.remove();
  list.append(...page.children);
  for (const [row, name] of groups) groupOf(list, name).querySelector("ul").append(row);
  if (tail) list.append(tail);
}

const momentOf = (row) => Date.parse(row.querySelector("time").dateTime);

/**
 * Return the group of rows under that heading; a new one stands at the end.
 * @param {HTMLElement} list
 * @param {string} name
 */
export function groupOf(list, name) {
  const known = list.querySelector(`.threads-group[data-group="${CSS.escape(name)}"]`);
  if (known) return known;
  const group = document.createElement("section");
  group.className = "threads-group";
  group.dataset.group = name;
  const heading = document.createElement("h2");
  heading.className = "threads-day";
  heading.textContent = name;
  const rows = document.createElement("ul");
  rows.className = "threads-rows";
  group.append(heading, rows);
  list.append(group);
  return group;
}

/** Change the list; the focus stays on the same thread's link or button, and nothing scrolls. */
function keepingFocus(list, change) {
  const { scrollTop } = list;
  const focused = list.contains(document.activeElement) ? document.activeElement : null;
  const threadId = focused?.closest(".thread-row")?.dataset.thread;
  const part = focused?.matches("a") ? "a" : "button";
  change();
  list.scrollTop = scrollTop;
  if (!focused || focused.isConnected) return;
  const row = threadId && list.querySelector(`.thread-row[data-thread="${CSS.escape(threadId)}"]`);
  (row ? row.querySelector(part) : (list.querySelector(".threads-more") ?? list)).focus({ preventScroll: true });
}
