/** The drawer of narrow screens is the browser's own popover; this only tidies up after it. */

const WIDE = matchMedia("(min-width: 56rem)");

/** @param {HTMLElement} sidebar */
export function mount(sidebar) {
  sidebar.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest" });
  // On a wide screen the sidebar stands in the page, and must not stay a layer above it.
  WIDE.addEventListener("change", () => {
    if (WIDE.matches && sidebar.matches(":popover-open")) sidebar.hidePopover();
  });
  keepTimeZone();
}

/** The server groups threads by day, so it has to know when a day begins here. */
function keepTimeZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`timezone=${zone}`)) {
    document.cookie = `timezone=${zone}; path=/history; max-age=31536000; samesite=lax`;
  }
}
