/** What is told beside the list: words for who listens, and notices with a remedy. */

import { keptUndo } from "./memory.js";
import { send, tellChange, wordsOf } from "./requests.js";
import { isTyping } from "./search-keys.js";

const UNDO_MS = 10_000;
const SHORT_MS = 4_000;
const UNDO_KEYS = "Control+Z Meta+Z";

/**
 * Show what was deleted just before this page came, and what goes wrong in forms that htmx sends.
 * @param {HTMLElement} place
 */
export function mount(place) {
  const kept = keptUndo.read();
  if (kept) offerUndo(kept);
  for (const type of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(type, ({ detail }) => failed(detail));
  }
  place.addEventListener("click", (event) => event.target.closest("[data-close]") && close(event.target.closest(".notice")));
  document.addEventListener("keydown", (event) => undoByKey(place, event));
}

/** Ten seconds are few for who would have to go through a long list to the button. */
function undoByKey(place, event) {
  const chord = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "z";
  const button = place.querySelector("[aria-keyshortcuts]");
  if (!chord || !button || isTyping(event)) return;
  event.preventDefault();
  button.click();
}

/** Say something to who listens, and show it for a moment. */
export function say(words) {
  if (!words) return;
  document.getElementById("said").textContent = words;
  show(words, { ms: SHORT_MS });
}

/**
 * Show a problem until it is closed, with a button that tries again if there is one.
 * @param {string} words
 * @param {() => void} [again]
 */
export function warn(words, again) {
  show(words, { alert: true, label: again && "Try again", act: again });
}

/**
 * Offer to bring back what was deleted; also the page that comes next does, within ten seconds.
 * @param {{ deletion: string, said: string, until?: number, open?: string | null, restore?: () => void }} deleted
 */
export function offerUndo(deleted) {
  const until = deleted.until ?? Date.now() + UNDO_MS;
  keptUndo.write({ deletion: deleted.deletion, said: deleted.said, open: deleted.open ?? null, until });
  document.getElementById("said").textContent = `${deleted.said} You can undo this for ten seconds.`;
  show(deleted.said, { ms: until - Date.now(), label: "Undo", keys: UNDO_KEYS, act: () => undo(deleted) });
}

async function undo(deleted) {
  keptUndo.clear();
  const { ok, news, words } = await send(`/history/deletions/${deleted.deletion}/undo`, {});
  if (!ok) {
    warn(words);
  } else if (deleted.open) {
    location.assign(`/history/${encodeURIComponent(deleted.open)}`);
  } else {
    deleted.restore?.();
    tellChange(news);
  }
}

/** A form that htmx sent was not answered, or with an error: its sentence is shown, never its page. */
function failed(detail) {
  if (detail.elt.matches("[data-more]")) return;
  const { elt, verb, path } = detail.requestConfig;
  const again = () => window.htmx.ajax(verb, path, { source: elt, swap: "none" });
  const worthIt = !detail.xhr.status || detail.xhr.status >= 500;
  if (detail.xhr.status === 401) warnSignedOut(wordsOf(detail));
  else warn(wordsOf(detail), worthIt && elt.matches("form") ? again : undefined);
}

/** The session has ended: the way back leads to where the reader is. */
function warnSignedOut(words) {
  const address = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
  show(words, { alert: true, label: "Sign in", act: () => location.assign(address) });
}

function show(words, { alert = false, label, keys, act, ms }) {
  const place = document.getElementById("notices");
  const notice = document.getElementById("notice").content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-words]").textContent = words;
  if (alert) notice.setAttribute("role", "alert");
  const button = notice.querySelector("[data-act]");
  button.hidden = !label;
  button.textContent = label ?? "";
  if (keys) button.setAttribute("aria-keyshortcuts", keys);
  button.addEventListener("click", () => {
    close(notice);
    act();
  });
  // One at a time: the newest is what the person has just done.
  place.replaceChildren(notice);
  // Above everything, also above the drawer.
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
  if (ms !== undefined) setTimeout(() => close(notice), ms);
}

function close(notice) {
  if (!notice.isConnected) return;
  const hadFocus = notice.contains(document.activeElement);
  notice.remove();
  const place = document.getElementById("notices");
  if (!place.childElementCount) place.hidePopover();
  if (hadFocus) (document.querySelector(".thread-link[aria-current], a.thread-link, .new-chat") ?? document.getElementById("main"))?.focus();
}
