/** What stays of a message when it is shown again: its element, what was unfolded, what was found. */

/** Return an item's line of time and buttons. */
export const footOf = (item) => item.querySelector(":scope > .item-foot");

/**
 * Whether what is shown of an item can stay, as the newer element differs at most in its foot;
 * that is brought up to date, unless the reader is in it.
 * @param {HTMLElement} known
 * @param {HTMLElement} element
 */
export function keptAs(known, element) {
  // A card whose module is not here yet looks like any other, and would then show what it was.
  const empty = known.firstElementChild?.matches(".item-foot");
  if (empty || !withoutFoot(known).isEqualNode(withoutFoot(element))) return false;
  const [before, after] = [footOf(known), footOf(element)];
  if (!before.isEqualNode(after) && !before.matches(":focus-within")) before.replaceWith(after);
  return true;
}

/** What the reader unfolded stays unfolded, and what was found stays marked. */
export function keepOpen(before, after) {
  if (before.querySelector("details")?.open) after.querySelector("details")?.setAttribute("open", "");
  after.classList.toggle("item-found", before.matches(".item-found"));
  return after;
}

function withoutFoot(item) {
  const copy = item.cloneNode(true);
  footOf(copy)?.remove();
  copy.classList.remove("item-found", "item-aside");
  copy.removeAttribute("tabindex");
  // The server's mark-up has line breaks between elements, and so has nothing else.
  for (const node of [...copy.childNodes]) if (node.nodeType === Node.TEXT_NODE && !node.data.trim()) node.remove();
  return copy;
}
