/** The rows of a list of threads, and the groups that they stand in. */

export const PINNED = "Pinned";
const TODAY = "Today";

/** @typedef {HTMLElement} List the element with `data-module="threads"` */

export const findRow = (list, id) => list.querySelector(`.thread-row[data-thread="${CSS.escape(id)}"]`);

export const findGroup = (list, name) => list.querySelector(`.threads-group[data-group="${CSS.escape(name)}"]`);

export const rowsOf = (list) => [...list.querySelectorAll(".thread-row")];

export const momentOf = (row) => Date.parse(row.querySelector("time").dateTime);

/** What of a row takes the focus: its link, or its box. */
export const handleOf = (row) => row?.querySelector("a.thread-link, .pick");

/**
 * Return the group of rows under that heading; a new one stands at the end of the groups.
 * @param {List} list
 * @param {string} name
 */
export function groupOf(list, name) {
  const known = findGroup(list, name);
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
  const last = [...list.querySelectorAll(".threads-group")].at(-1);
  if (last) last.after(group);
  else list.prepend(group);
  return group;
}

/** Take a row out, and its group if nothing is left in it; return how to find its place again. */
export function takeAway(row) {
  const group = row.closest(".threads-group");
  const place = { row, group: group.dataset.group };
  row.remove();
  if (!group.querySelector(".thread-row")) group.remove();
  return place;
}

/** The row before or after in the list, for the focus of one that goes. */
export function neighbour(list, row) {
  const rows = rowsOf(list);
  const at = rows.indexOf(row);
  return rows[at + 1] ?? rows[at - 1] ?? null;
}

/**
 * Put a row where its last message belongs, under this heading; not where further pages begin.
 * @param {List} list
 * @param {HTMLElement} row
 * @param {string} name
 */
export function putByMoment(list, row, name) {
  const others = rowsOf(list).filter((one) => one.closest(".threads-group").dataset.group !== PINNED);
  const older = others.find((one) => momentOf(one) < momentOf(row));
  if (!older && list.querySelector("[data-more]")) return;
  const known = findGroup(list, name);
  const group = known ?? groupOf(list, name);
  if (!known && older) older.closest(".threads-group").before(group);
  const inGroup = older?.closest(".threads-group") === group ? older : null;
  group.querySelector("ul").insertBefore(row, inGroup);
}

/** What is talked about now belongs at the top, under today; a pinned row stays where it is. */
export function putFirst(list, row) {
  const time = row.querySelector("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if ("pinned" in row.dataset) return;
  const left = row.closest(".threads-group");
  todayGroup(list).querySelector("ul").prepend(row);
  if (left && !left.querySelector(".thread-row")) left.remove();
}

function todayGroup(list) {
  const known = findGroup(list, TODAY);
  if (known) return known;
  list.querySelector(".threads-empty")?.remove();
  const group = groupOf(list, TODAY);
  const pinned = findGroup(list, PINNED);
  if (pinned) pinned.after(group);
  else list.querySelector(".threads-group").before(group);
  return group;
}

/** A row as the server makes them, filled in. */
export function newRow(id) {
  const row = document.getElementById("thread-row").content.firstElementChild.cloneNode(true);
  row.dataset.thread = id;
  for (const [name, spelled] of [["href", encodeURIComponent(id)], ["formaction", encodeURIComponent(id)], ["id", id], ["popovertarget", id]]) {
    for (const part of row.querySelectorAll(`[${name}*="ID"]`)) {
      part.setAttribute(name, part.getAttribute(name).replace("ID", () => spelled));
    }
  }
  return row;
}

/** Show another title, wherever the row has it. */
export function setTitle(row, title) {
  for (const part of row.querySelectorAll(".thread-title, [data-title]")) {
    if (part.textContent !== title) part.textContent = title;
  }
}

/** Let the row know whether it is pinned, and its menu offer the other. */
export function setPinned(row, pinned) {
  row.toggleAttribute("data-pinned", pinned);
  const button = row.querySelector("[data-pin]");
  if (!button) return;
  const [offered, label] = pinned ? ["unpin", "Unpin"] : ["pin", "Pin"];
  button.setAttribute("formaction", button.getAttribute("formaction").replace(/[^/]*$/, offered));
  button.querySelector("span").textContent = label;
}
