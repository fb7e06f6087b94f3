/** When something was said, in the reader's time zone; chat/web/days.py names the days alike. */

import { make } from "./dom.js";
import { dated, spokenLanguage, word } from "./words.js";

const ZONED = /(?:Z|[+-]\d\d:?\d\d)$/i;

/** Whether a date says itself in which time zone it is. */
const zoned = (date) => typeof date === "string" && ZONED.test(date);

/**
 * Return the item of a turn that runs now, with its moment: ChatKit's own has no time zone.
 * @param {any} item
 * @param {string} [known] the moment that it was shown with before
 */
export function stamped(item, known) {
  if (item.said_at || zoned(item.created_at)) return item;
  return { ...item, said_at: known || new Date().toISOString() };
}

/**
 * Make the line under an item, with the time at which it was said.
 * @param {any} item
 * @param {...(Node | null | false | undefined)} more
 */
export function foot(item, ...more) {
  const date = item.said_at ?? item.created_at;
  const moment = new Date(zoned(date) ? date : `${date}Z`);
  const known = !Number.isNaN(moment.getTime());
  const datetime = known && `${moment.toISOString().slice(0, 19)}Z`;
  const time = known && make("time", { class: "item-time", datetime }, clock(moment));
  return make("p", { class: "item-foot" }, time, ...more);
}

/**
 * Let a heading stand wherever a day begins among the items of a list, and nowhere else.
 * @param {HTMLElement} list
 * @param {Date} [now]
 */
export function markDays(list, now = new Date()) {
  let last = "";
  for (const item of [...list.children]) {
    if (item.matches(".day")) {
      if (!item.nextElementSibling?.matches(".item")) item.remove();
      continue;
    }
    const time = timeOf(item);
    const heading = item.previousElementSibling?.matches(".day") ? item.previousElementSibling : null;
    const moment = time && new Date(time.dateTime);
    const day = moment ? dayOf(moment) : last;
    if (day === last) heading?.remove();
    else if (heading) heading.replaceChildren(...headingOf(moment, day, now).childNodes);
    else item.before(headingOf(moment, day, now));
    last = day;
  }
}

/**
 * Say the times of what the server rendered as the reader's own clock shows them.
 * @param {HTMLElement} list
 */
export function setClocks(list) {
  for (const item of list.children) {
    const time = timeOf(item);
    if (time) time.textContent = clock(new Date(time.dateTime));
  }
}

/** @returns {HTMLTimeElement | null} */
export function timeOf(item) {
  return item.querySelector(":scope > .item-foot > .item-time");
}

function headingOf(moment, day, now) {
  const time = make("time", { datetime: day }, dayWords(moment, now));
  return make("li", { class: "day" }, make("h3", {}, time));
}

/**
 * Return a day as a heading: Today, Yesterday, Monday 3 November, or with another year.
 * @param {Date} moment
 * @param {Date} now
 */
export function dayWords(moment, now) {
  const age = Math.round((noonOf(now) - noonOf(moment)) / 86_400_000);
  if (age === 0) return word("history.day.today");
  if (age === 1) return word("history.day.yesterday");
  const year = moment.getFullYear() === now.getFullYear() ? undefined : "numeric";
  const words = dated(moment, { weekday: "long", day: "numeric", month: "long", year });
  // As the server writes it; browsers differ here.
  return spokenLanguage() === "en" ? words.replace(",", "") : words;
}

/** The same hour of each day, whatever the clocks were set to: days differ by 24 hours then. */
const noonOf = (moment) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate(), 12);

const two = (number) => String(number).padStart(2, "0");

const clock = (moment) => dated(moment, { hour: "2-digit", minute: "2-digit" });

const dayOf = (moment) =>
  `${String(moment.getFullYear()).padStart(4, "0")}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
