/** The days under which threads are listed, as chat/web/pages.py names them. */

import { dated, word } from "../words.js";

const DAY = 86_400_000;
const ZONED = /(?:Z|[+-]\d\d:?\d\d)$/i;

/** Return a date of the protocol, which has no time zone where ChatKit stamped it: UTC then. */
export const momentOf = (date) => new Date(ZONED.test(date) ? date : `${date}Z`);

/**
 * Return threads under the names of days, in their order.
 *
 * The protocol tells when a thread was made, and a server may list by what was last said. Whoever
 * stands above a thread was active after it was made, so no day comes twice.
 * @param {any[]} threads
 * @returns {[string, any[]][]}
 */
export function grouped(threads, now = new Date()) {
  /** @type {[string, any[]][]} */
  const groups = [];
  let latest = 0;
  for (const thread of [...threads].reverse()) {
    latest = Math.max(latest, momentOf(thread.created_at).getTime() || 0);
    const name = latest ? dayName(new Date(latest), now) : "";
    if (groups[0]?.[0] !== name) groups.unshift([name, []]);
    groups[0][1].unshift(thread);
  }
  return groups;
}

function dayName(moment, now) {
  const age = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / DAY);
  if (age < 1) return word("history.day.today");
  if (age < 2) return word("history.day.yesterday");
  if (age < 8) return word("history.day.week");
  if (age < 31) return word("history.day.month");
  return dateWords(moment, now, { month: "long" });
}

/** Return a date in the reader's language, with the year if it is not this one. */
export function dateWords(moment, now, parts) {
  const year = moment.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return dated(moment, { ...parts, year });
}
