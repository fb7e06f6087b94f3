/** Changing a thread of the list where it stands: asking for its new name, and before it is deleted. */

import { make } from "../dom.js";
import { clean } from "../text.js";
import { word } from "../words.js";

export { changingStyles } from "./changing-styles.js";

/**
 * @typedef {object} Changed
 * @property {HTMLElement} element the row
 * @property {any} thread
 * @property {string} name
 * @property {import("./row.js").RowCalls} calls
 * @property {(stay?: boolean) => void} back shows the row again, and moves the focus unless it is to stay
 */

/**
 * Ask whether a thread is to be deleted.
 * @param {Changed} changed
 */
export function askToDelete({ element, thread, name, calls, back }) {
  const [problem, tell] = problemOf(calls);
  const cancel = button("button button-small", word("history.cancel"), () => back());
  const sure = button("button button-small button-danger", word("history.delete"), async () => {
    if (sure.ariaBusy) return;
    sure.ariaBusy = "true";
    await calls.remove(thread, name).catch(tell);
    sure.ariaBusy = null;
  });
  const question = word("history.deleteQuestion");
  const words = make("p", {}, make("span", { class: "past-title", dir: "auto" }, name), make("span", {}, question));
  const answers = make("span", { class: "past-answers" }, sure, cancel);
  const group = make("div", { class: "past-ask", role: "group", "aria-label": `${question} ${name}` }, words, problem, answers);
  onEscape(group, () => back());
  element.replaceChildren(group);
  cancel.focus();
}

/**
 * Ask for a new name.
 * @param {Changed} changed
 */
export function askForName({ element, thread, calls, back }) {
  const field = /** @type {HTMLInputElement} */ (
    make("input", { class: "past-name", "aria-label": word("history.name"), autocomplete: "off", enterkeyhint: "done", dir: "auto" })
  );
  const [problem, tell] = problemOf(calls, field);
  const form = make("form", { class: "past-form" }, field, problem);
  field.value = thread.title ?? "";
  let over = false;
  const end = (focus) => {
    if (over) return;
    over = true;
    back(!focus);
  };
  const save = async (focus) => {
    const title = clean(field.value).trim();
    if (over || field.readOnly) return;
    // An empty name is given up.
    if (!title || title === thread.title) return end(focus);
    field.readOnly = true;
    await calls.rename(thread, title).then(() => end(focus), tell);
    field.readOnly = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(true);
  });
  onEscape(form, () => end(true));
  field.addEventListener("input", () => (field.ariaInvalid = null));
  field.addEventListener("blur", () => field.ariaInvalid || save(false));
  element.replaceChildren(form);
  field.focus();
  field.select();
}

function button(kind, words, run) {
  const made = make("button", { class: kind, type: "button" }, words);
  made.addEventListener("click", run);
  return made;
}

/** Make the place for what went wrong, and what tells it there. */
function problemOf(calls, field) {
  const place = make("p", { class: "past-problem", role: "alert", hidden: true });
  const tell = (error) => {
    place.hidden = false;
    place.textContent = error.message;
    if (field) field.ariaInvalid = "true";
    calls.told(error);
  };
  return [place, tell];
}

/** Escape ends this, and not the list around it. */
function onEscape(element, run) {
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    event.preventDefault();
    run();
  });
}
