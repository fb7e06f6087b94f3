/** The keys of a search: arrows go through what was found, Escape leaves, letters go to the field. */

/** Whether a key that was pressed goes into a text: also one in an element's shadow root. */
export function isTyping(event) {
  const [target] = event.composedPath();
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches('input:not([type="checkbox"]), textarea, select');
}

/**
 * Make the field and the results one thing for the keyboard.
 * @param {HTMLElement} root
 * @param {HTMLInputElement} field
 */
export function gather(root, field) {
  root.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    if (event.key === "Escape" && root instanceof HTMLDialogElement) {
      // The browser would empty the field first.
      event.preventDefault();
      root.close();
    } else if (event.target === field || event.target.closest("#results")) {
      move(event, root, field);
    }
  });
}

function move(event, root, field) {
  const links = [...root.querySelectorAll("#results a")];
  const at = links.indexOf(event.target.closest("a"));
  const target = targetOf(event, links, at, field);
  if (!target) return;
  // A letter is typed where the focus is by then.
  if (event.key.length > 1) event.preventDefault();
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

function targetOf(event, links, at, field) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === "ArrowDown") return links[at + 1] ?? null;
  if (at < 0) return null;
  if (event.key === "ArrowUp") return links[at - 1] ?? field;
  if (event.key === "Home") return links[0];
  if (event.key === "End") return links.at(-1);
  return event.key.length === 1 && event.key !== " " ? field : null;
}
