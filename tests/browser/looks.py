"""Looking at a state of a page: axe finds nothing in it, and nothing is wider than the window."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

from tests.fix_browser import SETTLED

NARROW: Final = 320
MIDDLE: Final = 768
WIDE: Final = 1280
# A story is played in windows of these widths, and at the middle one looked at in the wide window,
# which takes that width for a moment: to play it once more costs several times as much.
WIDTHS: Final = (NARROW, WIDE)
DRAWER_BELOW: Final = 896
AXE: Final[str] = AXE_SCRIPT
# Only what is drawn differs between the schemes.
LIGHT: Final[dict[str, Any]] = {}
DARK: Final = {"runOnly": ["color-contrast", "link-in-text-block"]}
RUN_AXE: Final = """async (options) => {
  const told = { resultTypes: ["violations"], selectors: false };
  const { violations } = await axe.run(document, { ...told, ...options });
  return violations.map((one) => [one.id, ...one.nodes.map((node) => node.html.slice(0, 200))]);
}"""
# Also what scrolls inside a page must not do so sideways, in whichever tree it is.
TOO_WIDE: Final = """() => {
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
    at_the_middle_too: bool = True
    """Whether the wide window is also looked at as one of middle width."""
    twin: Page | None = None
    """Runs scripts, where the page itself runs none: axe is one."""

    TOO_WIDE: ClassVar[tuple[str, ...]] = (TOO_WIDE,)

    def __call__(self, state: str, again: Callable[[], object] | None = None) -> None:
        """Check the state that the page is in, once what moves has come to rest.

        What opens in another way at another width has to be opened anew when the window has got
        it: `again` does that, from the page with all of its menus and its drawer closed.
        With LOOKS=folder in the environment a picture of it is put there.
        """
        self._look(state)
        if self.width == WIDE and self.at_the_middle_too:
            self._resize(MIDDLE, again)
            self._look(state)
            self._resize(WIDE, again)

    def open_list(self) -> None:
        """Open the drawer where the list is one."""
        if self.width < DRAWER_BELOW:
            self.page.get_by_role("button", name="Conversations").click()

    def _look(self, state: str) -> None:
        self._scheme("light")
        for script in self.TOO_WIDE:
            wide = self.page.evaluate(script)
            assert not wide, (state, self.width, wide)
        self._picture(state, "light")
        if self.width != MIDDLE:
            self._assert_accessible(state, "light")
        elif "LOOKS" not in os.environ:
            return
        self._scheme("dark")
        self._picture(state, "dark")
        if self.width != MIDDLE:
            self._assert_accessible(state, "dark")

    def _resize(self, width: int, again: Callable[[], object] | None) -> None:
        """Give the window this width, and open anew what has to be."""
        layers = self.page.locator(":popover-open:not([popover=manual])")
        assert again or not layers.count(), "say how to open this again: it lies as it was opened"
        while layers.count():
            self.page.keyboard.press("Escape")
        assert self.page.viewport_size
        self.page.set_viewport_size({**self.page.viewport_size, "width": width})
        self.width = width
        if again:
            again()

    def _scheme(self, scheme: Literal["light", "dark"]) -> None:
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        self.page.evaluate(SETTLED)

    def _assert_accessible(self, state: str, scheme: Literal["light", "dark"]) -> None:
        page = self.page
        if self.twin:
            page = self.twin
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if scheme == "light":
                self._show_the_same(page)
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE)
        found = page.evaluate(RUN_AXE, LIGHT if scheme == "light" else DARK)
        assert not found, (state, scheme, self.width, found)

    def _show_the_same(self, twin: Page) -> None:
        """Show in the twin what the page shows, none of whose scripts runs there either.

        It is written into the document that is there, where axe has been read and compiled once.
        """
        html, address = self.page.content(), self.page.url
        if twin.url == "about:blank":
            twin.route("**/*.js", lambda route: route.abort())
            twin.route(address, lambda route: route.fulfill(body="", content_type="text/html"))
            twin.goto(address)
            twin.unroute(address)
        twin.evaluate("address => history.replaceState(null, '', address)", address)
        twin.set_content(html)
        twin.add_style_tag(content=".needs-script { visibility: visible !important }")

    def _picture(self, state: str, scheme: str) -> None:
        if folder := os.environ.get("LOOKS"):
            name = re.sub(r"\W+", "-", state)
            self.page.screenshot(path=Path(folder) / f"{name}-{self.width}-{scheme}.png")
