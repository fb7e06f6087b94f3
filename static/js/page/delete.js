/** Asks before a thread is deleted, and takes its row away when it is. */

import { forgetThread } from "./memory.js";

/**
 * Ask in a dialog instead of on a page of its own.
 * @param {SubmitEvent} event
 * @param {HTMLElement} list
 */
export function askToDelete(event, list) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("delete-dialog"));
  if (!form.matches(".thread-delete") || !dialog) return;
  event.preventDefault();
  const row = form.closest(".thread-row");
  dialog.querySelector("[data-title]").textContent = row.querySelector(".thread-title").textContent;
  const problem = dialog.querySelector("[data-problem]");
  problem.hidden = true;
  dialog.returnValue = "no";
  dialog.querySelector("[data-confirm]").onclick = async (click) => {
    click.preventDefault();
    const failure = await deleteThread(form);
    problem.textContent = failure ?? "";
    problem.hidden = !failure;
    if (!failure) {
      dialog.close("yes");
      removeRow(row, list);
    }
  };
  dialog.showModal();
}

/** Return null when the thread is gone, also by somebody else's hand, or a sentence. */
async function deleteThread(form) {
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams({ confirm: "yes" }),
      redirect: "manual",
    });
    if (response.type === "opaqueredirect" || response.status === 404) return null;
    if (response.status === 401) return "You are signed out. Please sign in again.";
  } catch {
    return "The server can’t be reached. The conversation is still there.";
  }
  return "That did not work. The conversation is still there; please try again.";
}

function removeRow(row, list) {
  forgetThread(row.dataset.thread);
  if (row.querySelector('[aria-current="page"]')) {
    location.assign("/history/new");
    return;
  }
  const rows = [...list.querySelectorAll(".thread-link")];
  const place = rows.indexOf(row.querySelector(".thread-link"));
  const group = row.closest(".threads-group");
  row.remove();
  if (!group.querySelector(".thread-row")) group.remove();
  (rows[place + 1] ?? rows[place - 1] ?? list).focus();
}
