/** Asks before threads are deleted, takes their rows away, and offers to bring them back. */

import { forgetThread } from "./memory.js";
import { offerUndo } from "./notices.js";
import { send, tellChange } from "./requests.js";
import { findRow, handleOf, neighbour, putByMoment, takeAway } from "./rows.js";

/**
 * Ask in a dialog instead of on a page of its own.
 * @param {HTMLElement} list
 * @param {() => string | null} openId the thread that is open on this page
 */
export function askBeforeDeleting(list, openId) {
  // Before htmx hears of it, which would send the form as it is.
  document.addEventListener("submit", (event) => {
    if (!event.submitter?.matches("[data-delete]")) return;
    event.preventDefault();
    event.stopPropagation();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const wanted = form.matches(".menu") ? oneOf(form, event.submitter) : severalOf(form);
    if (form.matches(".menu")) form.hidePopover();
    wanted.opener = form.closest(".thread-row")?.querySelector(".thread-more") ?? event.submitter;
    if (wanted.ids.length) ask(wanted, () => removed(list, wanted, openId()));
  }, true);
}

function oneOf(form, button) {
  const address = new URL(button.formAction).pathname;
  const id = decodeURIComponent(address.split("/")[2]);
  const title = form.querySelector("[data-title]").textContent;
  return { ids: [id], title, address, values: { undo: "yes", deletion: newDeletion() } };
}

function severalOf(form) {
  const values = new FormData(form);
  values.set("action", "delete");
  values.set("confirm", "yes");
  values.set("deletion", newDeletion());
  const ids = values.getAll("id");
  return { ids, title: `${ids.length} ${ids.length === 1 ? "conversation" : "conversations"}`, address: form.getAttribute("action"), values };
}

/** The same deletion, however often its form has to be sent until it is answered. */
function newDeletion() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function ask(wanted, done) {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("delete-dialog"));
  dialog.querySelector("[data-title]").textContent = wanted.title;
  dialog.querySelector("[data-heading]").textContent = wanted.ids.length > 1 ? "Delete these conversations?" : "Delete this conversation?";
  const problem = dialog.querySelector("[data-problem]");
  problem.hidden = true;
  const confirm = dialog.querySelector("[data-confirm]");
  confirm.onclick = async (click) => {
    click.preventDefault();
    confirm.disabled = true;
    const { ok, status, news, words } = await send(wanted.address, wanted.values);
    confirm.disabled = false;
    // Gone already, by somebody else's hand or an earlier click: that is what was wanted.
    const gone = ok || status === 404;
    problem.textContent = gone ? "" : `${words} Nothing was deleted.`;
    problem.hidden = gone;
    if (!gone) return;
    wanted.news = news;
    dialog.returnValue = "yes";
    dialog.close();
    if (drawer) openAgain(drawer);
    done();
  };
  // A dialog closes the drawer in which the list may be, and with it the way back of the focus.
  const drawer = wanted.opener.closest(".sidebar:popover-open");
  dialog.returnValue = "no";
  dialog.onclose = () => {
    if (!drawer || dialog.returnValue === "yes") return;
    openAgain(drawer);
    wanted.opener.focus();
  };
  dialog.showModal();
}

/** When it closes, the focus goes back to where it is when it opens: to the button for it. */
function openAgain(drawer) {
  document.querySelector('.stage-bar [popovertarget="sidebar"]')?.focus();
  drawer.showPopover();
}

function removed(list, { ids, news }, open) {
  for (const id of ids) forgetThread(id);
  // What was ticked on pages that are not shown.
  for (const ticked of document.querySelectorAll('form input[type="hidden"][name="id"]')) {
    if (ids.includes(ticked.value)) ticked.remove();
  }
  const rows = ids.map((id) => findRow(list, id)).filter(Boolean);
  const next = rows.length ? neighbour(list, rows.at(-1)) : null;
  const places = rows.map(takeAway);
  const wasOpen = open !== null && ids.includes(open);
  if (news.deletion) offerUndo({ ...news, open: wasOpen ? open : null, restore: () => putBack(list, places) });
  tellChange({ gone: ids });
  if (wasOpen) location.assign("/history/new");
  else (handleOf(next) ?? list).focus();
}

/** The list may have been read anew meanwhile: then they stand there already. */
function putBack(list, places) {
  for (const { row, group } of places) {
    if (findRow(list, row.dataset.thread)) continue;
    list.querySelector(".threads-empty")?.remove();
    if (row.matches("[data-pinned]")) continue;
    putByMoment(list, row, group);
  }
  if (places.length) handleOf(findRow(list, places[0].row.dataset.thread))?.focus();
}
