/** The drawer of narrow screens is the browser's own popover; this only tidies up after it. */

const WIDE = matchMedia("(min-width: 56rem)");

/** @param {HTMLElement} sidebar */
export function mount(sidebar) {
  sidebar.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" });
  // On a wide screen the sidebar stands in the page, and must not stay a layer above it.
  WIDE.addEventListener("change", () => {
    if (WIDE.matches && sidebar.matches(":popover-open")) sidebar.hidePopover();
  });
}
