"""A window with a page of another site in it, and the widget on that page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.fix_browser import PATIENCE_MS
from tests.fix_hosts import HostSite

NewWindow = Callable[..., "Window"]
WATCH = """
window.violations = [];
window.shifts = 0;
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
new PerformanceObserver((list) => (window.shifts += list.getEntries().length))
  .observe({ type: "layout-shift", buffered: true });
"""


LOOK = """(selector) => {
  const one = Threadkeeper.element.shadowRoot.querySelector(selector);
  const { color, fontSize, backgroundColor, visibility, display } = getComputedStyle(one);
  const { x, y, width, height } = one.getBoundingClientRect();
  return { color, fontSize, backgroundColor, visibility, display, x, y, width, height };
}"""


@dataclass
class Window:
    """One window; `lines` is what its console said."""

    site: HostSite
    context: BrowserContext
    page: Page
    lines: list[str] = field(default_factory=list)

    def visit(self, path: str = "/", **page: Any) -> Page:
        """Serve that page, open it, and wait for the widget."""
        self.page.goto(self.site.page(path, **page))
        self.launcher.wait_for()
        return self.page

    @property
    def launcher(self) -> Locator:
        return self.page.locator("threadkeeper-widget .launcher")

    @property
    def dialog(self) -> Locator:
        return self.page.locator("threadkeeper-widget section")

    @property
    def message(self) -> Locator:
        """What one writes into, in the panel."""
        return self.page.get_by_role("textbox", name="Message")

    def told(self, name: str) -> list[Any]:
        """Return what the panel was told under this name."""
        told: list[list[Any]] = self.page.evaluate("window.told")
        return [one[1] if len(one) > 1 else None for one in told if one[0] == name]

    def focused(self) -> str:
        """Return what has the focus: a class or tag in the widget, else an id of the page."""
        words: str = self.page.evaluate(
            """() => {
              const inside = Threadkeeper.element.shadowRoot.activeElement;
              return inside ? inside.className || inside.localName : document.activeElement.id;
            }"""
        )
        return words

    def style(self, selector: str, name: str) -> str:
        """Return a computed style of something in the widget."""
        found: str = self.page.locator(f"threadkeeper-widget {selector}").evaluate(
            "(one, name) => getComputedStyle(one)[name]", name
        )
        return found


@pytest.fixture
def new_window(chromium: Browser, host_site: HostSite) -> Iterator[NewWindow]:
    """Open a window of these options on the site of host pages."""
    made: list[Window] = []

    def make(**options: Any) -> Window:
        usual: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
        context = chromium.new_context(**{**usual, "color_scheme": "light", **options})
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH)
        window = Window(host_site, context, context.new_page())
        context.on("console", lambda line: window.lines.append(f"{line.type}: {line.text}"))
        context.on("weberror", lambda found: window.lines.append(f"error: {found.error}"))
        made.append(window)
        return window

    yield make
    for window in made:
        window.context.close()


@pytest.fixture
def window(new_window: NewWindow) -> Window:
    """Open a window at a desk."""
    return new_window()
