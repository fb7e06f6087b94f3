"""Looking at a state of a page: axe finds nothing in it, and nothing is wider than the window."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

NARROW: Final = 320
WIDTHS: Final = (NARROW, 768, 1280)
DRAWER_BELOW: Final = 896
AXE: Final[str] = AXE_SCRIPT
# Only what is drawn differs between the schemes.
LIGHT: Final[dict[str, Any]] = {}
DARK: Final = {"runOnly": ["color-contrast", "link-in-text-block"]}
RUN_AXE: Final = """async (options) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...options });
  return violations.map((one) => [one.id, ...one.nodes.map((node) => node.html.slice(0, 200))]);
}"""
SETTLED: Final = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => {})))"""
# Also what scrolls inside a page must not do so sideways, in whichever tree it is.
WIDE: Final = """() => {
  const roots = [document, document.querySelector("threadkeeper-chat")?.shadowRoot];
  const parts = roots.flatMap((root) => [...(root?.querySelectorAll(
    "html, .threads, .scroller, .search-found, .search-page, .menu, .dialog, .notice, .stage-bar"
  ) ?? [])]);
  return parts.filter((one) => one.scrollWidth > Math.ceil(one.clientWidth) && one.clientWidth)
    .map((one) => [one.className || one.localName, one.scrollWidth, one.clientWidth]);
}"""


@dataclass
class Looks:
    """Looks at states of one window, in light and in dark."""

    page: Page
    width: int
    twin: Page | None = None
    """Runs scripts, where the page itself runs none: axe is one."""

    def __call__(self, state: str) -> None:
        """Check the state that the page is in, once what moves has come to rest.

        With LOOKS=folder in the environment a picture of it is put there.
        """
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.evaluate(SETTLED)
            self._picture(state, scheme)
            if scheme == "light":
                wide = self.page.evaluate(WIDE)
                assert not wide, (state, wide)
            if self.width != 768:
                self._assert_accessible(state, scheme)

    def open_list(self) -> None:
        """Open the drawer where the list is one."""
        if self.width < DRAWER_BELOW:
            self.page.get_by_role("button", name="Conversations").click()

    def _assert_accessible(self, state: str, scheme: Literal["light", "dark"]) -> None:
        page = self.page if self.twin is None else self._same(self.twin, scheme)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE)
        found = page.evaluate(RUN_AXE, LIGHT if scheme == "light" else DARK)
        assert not found, (state, scheme, self.width, found)

    def _same(self, twin: Page, scheme: Literal["light", "dark"]) -> Page:
        """Show in the twin what the page shows, none of whose scripts runs there either."""
        html = self.page.content()
        twin.route("**/*.js", lambda route: route.abort())
        twin.route(self.page.url, lambda route: route.fulfill(body=html, content_type="text/html"))
        twin.goto(self.page.url)
        twin.unroute_all()
        twin.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        twin.add_style_tag(content=".needs-script { visibility: visible !important }")
        return twin

    def _picture(self, state: str, scheme: str) -> None:
        if folder := os.environ.get("LOOKS"):
            name = re.sub(r"\W+", "-", state)
            self.page.screenshot(path=Path(folder) / f"{name}-{self.width}-{scheme}.png")
