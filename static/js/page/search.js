/**
 * Search as one types. htmx fetches the results; this opens the dialog, moves through what was
 * found, says how much that is, and shows what goes wrong. Without it the form leads to the page.
 */

import { wordsOf } from "./requests.js";
import { gather, isTyping } from "./search-keys.js";

/** @param {HTMLElement} root The dialog, or the page's own part. */
export function mount(root) {
  const field = root.querySelector("[data-words]");
  gather(root, field);
  listen(root);
  if (root instanceof HTMLDialogElement) {
    const open = opener(root, field);
    onShortcuts(open);
    for (const link of document.querySelectorAll("[data-search]")) {
      link.ariaHasPopup = "dialog";
      link.addEventListener("click", (event) => followOrOpen(event, open));
    }
    root.querySelector("[data-close]").addEventListener("click", () => root.close());
    // A click beside the dialog is a click on its backdrop.
    root.addEventListener("click", (event) => event.target === root && root.close());
  } else {
    onShortcuts(() => focusAll(field));
    root.addEventListener("htmx:afterSwap", (event) => keepAddress(root, event));
  }
}

/** Show results that come, and say them; what fails is a sentence in their place. */
function listen(root) {
  // The last result before more of them came: the focus goes to the one behind it.
  let last = null;
  root.addEventListener("htmx:beforeSwap", ({ detail }) => {
    last = detail.target.matches(".search-further") ? [...root.querySelectorAll(".search-hit")].at(-1) : null;
  });
  root.addEventListener("htmx:afterSettle", () => {
    if (last) goOn(root, last);
    else tell(root, root.querySelector("#results")?.dataset.said ?? "");
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    root.addEventListener(name, (event) => {
      // Said here, so it need not be said by the page as well.
      event.stopPropagation();
      complain(root, wordsOf(event.detail));
    });
  }
}

function goOn(root, last) {
  const hits = [...root.querySelectorAll(".search-hit")];
  hits[hits.indexOf(last) + 1]?.focus();
  tell(root, `${hits.length} results are shown.`);
}

function tell(root, words) {
  root.querySelector("[data-search-said]").textContent = words;
}

function complain(root, words) {
  const problem = document.createElement("p");
  problem.className = "search-problem";
  problem.role = "alert";
  problem.textContent = words;
  const results = root.querySelector("#results");
  delete results.dataset.said;
  results.replaceChildren(problem);
  tell(root, "");
}

/** Opening a result and coming back should find the same results again. */
function keepAddress(root, event) {
  if (event.detail.target.id !== "results") return;
  const words = [...new FormData(root.querySelector("form"))].filter(([, value]) => value);
  history.replaceState(history.state, "", `?${new URLSearchParams(words)}`);
}

/** Return what opens the dialog; closing it brings the focus back to where it came from. */
function opener(dialog, field) {
  let came = null;
  dialog.addEventListener("close", () => {
    const now = document.activeElement;
    if ((now !== document.body && !dialog.contains(now)) || !came || came === document.body) return;
    // Where the list is a drawer, it closed behind the dialog: its button is what is left of it.
    const drawer = document.querySelector('.stage-bar [popovertarget="sidebar"]');
    const way = came.closest("#sidebar") && drawer?.checkVisibility() ? drawer : came;
    way.focus();
  });
  return () => {
    if (dialog.open) return focusAll(field);
    if (document.querySelector("dialog[open]")) return undefined;
    came = document.activeElement;
    dialog.showModal();
    return focusAll(field);
  };
}

function focusAll(field) {
  field.focus();
  field.select();
}

function followOrOpen(event, open) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open();
}

/** `/` where nothing is being typed, and Ctrl+K or Cmd+K everywhere. */
function onShortcuts(open) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const chord = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k";
    const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !isTyping(event);
    if (!chord && !slash) return;
    event.preventDefault();
    open();
  });
}
