/** A thread's name becomes a field where it stands: Enter saves, Escape puts back what was there. */

import { send, tellChange } from "./requests.js";

/** Catch the links that lead to the form without this. */
export function renameInPlace() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-rename]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const menu = link.closest(".menu");
    menu.hidePopover();
    const row = link.closest(".thread-row");
    if (row) begin(link.pathname, row.querySelector(".thread-title"), row.querySelector(".thread-link"));
    else begin(link.pathname, document.querySelector(".stage-title"), document.querySelector(".stage-title"));
  });
}

/**
 * @param {string} address
 * @param {HTMLElement} title has the name
 * @param {HTMLElement} shown makes room for the field, and is back afterwards
 */
function begin(address, title, shown) {
  const form = document.getElementById("rename-form").content.firstElementChild.cloneNode(true);
  const field = form.querySelector("input");
  field.value = title.textContent;
  // A page keeps its heading, for who cannot see that it is being changed.
  const hide = (yes) => (shown.matches("a") ? (shown.hidden = yes) : shown.classList.toggle("unseen", yes));
  hide(true);
  shown.after(form);
  field.focus();
  field.select();
  let over = false;
  const end = (focus) => {
    if (over) return;
    over = true;
    form.remove();
    hide(false);
    if (focus) (shown.matches("a") ? shown : document.getElementById("open-more"))?.focus();
  };
  const save = async (focus) => {
    if (field.value === title.textContent) return end(focus);
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const { ok, news, words } = await send(address, { title: field.value });
    form.ariaBusy = null;
    if (over) return;
    if (!ok) return complain(form, words);
    title.textContent = news.title;
    end(focus);
    tellChange(news);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save(true);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    // The drawer, in which the list may be, stays open.
    event.preventDefault();
    event.stopPropagation();
    end(true);
  });
  // Who goes on elsewhere has not asked for what cannot be: an empty name is given up.
  field.addEventListener("blur", () => {
    if (over) return;
    if (field.value.trim() && !field.ariaInvalid) save(false);
    else end(false);
  });
}

function complain(form, words) {
  const problem = form.querySelector(".rename-problem");
  problem.id = "rename-problem";
  problem.textContent = words;
  problem.hidden = false;
  const field = form.querySelector("input");
  field.ariaInvalid = "true";
  field.setAttribute("aria-describedby", problem.id);
  field.addEventListener("input", () => (field.ariaInvalid = null), { once: true });
  field.focus();
}
