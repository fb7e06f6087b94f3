/** Choosing several threads: ranges, all that is shown, how many, and what is done with them. */

import { warn } from "./notices.js";
import { send, tellChange } from "./requests.js";

/** @param {HTMLFormElement} form */
export function mount(form) {
  const all = form.querySelector("[data-all]");
  all.hidden = false;
  const state = { last: null };
  form.addEventListener("click", (event) => event.target.matches?.(".thread-row .pick") && reach(form, event, state));
  form.addEventListener("change", (event) => {
    if (event.target.closest("[data-all]")) for (const box of boxes(form)) box.checked = event.target.checked;
    count(form);
  });
  // Enter in a box would press the first button.
  form.addEventListener("keydown", (event) => event.key === "Enter" && event.target.matches(".pick") && event.preventDefault());
  form.addEventListener("submit", (event) => act(form, event));
  // Rows come with further pages, and go when they are deleted.
  new MutationObserver(() => count(form)).observe(form.querySelector(".threads"), { childList: true, subtree: true });
  count(form);
}

const boxes = (form) => [...form.querySelectorAll(".thread-row .pick")];

/** With shift, everything from the box before to this one becomes like this one. */
function reach(form, event, state) {
  const all = boxes(form);
  const [from, to] = [all.indexOf(state.last), all.indexOf(event.target)];
  if (event.shiftKey && from >= 0) {
    for (const box of all.slice(Math.min(from, to), Math.max(from, to) + 1)) box.checked = event.target.checked;
  }
  state.last = event.target;
  count(form);
}

function count(form) {
  const shown = boxes(form);
  const chosen = new FormData(form).getAll("id").length;
  form.querySelector("[data-count]").textContent = chosen ? `${chosen} selected` : "Nothing selected";
  for (const button of form.querySelectorAll("[data-act]")) button.disabled = !chosen;
  const ticked = shown.filter((box) => box.checked).length;
  const all = form.querySelector("[data-all] input");
  all.checked = ticked > 0 && ticked === shown.length;
  all.indeterminate = ticked > 0 && ticked < shown.length;
  all.disabled = !shown.length;
}

/** Archiving stays on the page; deleting asks first, and exporting is a download. */
async function act(form, event) {
  const action = event.submitter?.value;
  if (event.defaultPrevented || !["archive", "unarchive"].includes(action)) return;
  event.preventDefault();
  const values = new FormData(form);
  values.set("action", action);
  const ids = values.getAll("id");
  const { ok, news, words } = await send(form.getAttribute("action"), values);
  if (!ok) return warn(words);
  for (const hidden of form.querySelectorAll('input[type="hidden"][name="id"]')) hidden.remove();
  tellChange({ ...news, ids });
}
