/** The menus of threads are the browser's own popovers; this places them, and moves in them by key. */

const MARGIN = 8;
const SHEET = matchMedia("(max-width: 40rem)");

/** Look after every menu of the page, also those that come later. */
export function tendMenus() {
  document.addEventListener("toggle", (event) => isMenu(event.target) && event.newState === "open" && opened(event.target), true);
  document.addEventListener("keydown", moveInMenu);
  document.addEventListener("submit", (event) => isMenu(event.target) && event.target.hidePopover());
  document.addEventListener("click", (event) => event.target.closest(".menu a[data-export]")?.closest(".menu").hidePopover());
}

const isMenu = (element) => element instanceof Element && element.matches(".menu[popover]");

const itemsOf = (menu) => [...menu.querySelectorAll(".menu-item")];

function opened(menu) {
  menu.classList.toggle("placed", !SHEET.matches);
  menu.style.left = menu.style.top = "";
  if (!SHEET.matches) place(menu);
  if (!menu.contains(document.activeElement)) itemsOf(menu)[0]?.focus({ preventScroll: true });
}

/** Beside its button, below it where there is room, and never outside of the window. */
function place(menu) {
  const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!button) return;
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(Math.max(at.left, MARGIN), innerWidth - width - MARGIN);
  const below = at.bottom + height + MARGIN <= innerHeight;
  menu.style.left = `${left}px`;
  menu.style.top = `${below ? at.bottom : Math.max(at.top - height, MARGIN)}px`;
}

function moveInMenu(event) {
  const menu = event.target instanceof Element && event.target.closest(".menu[popover]");
  if (!menu) return;
  const items = itemsOf(menu);
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  items.at(next % items.length).focus();
}
