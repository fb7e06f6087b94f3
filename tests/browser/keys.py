"""Hands that have a keyboard and nothing else, and look where each key leads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 120

FOCUSED = """() => {
  let one = document.activeElement;
  while (one.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  return one;
}"""

# What a reader sees of the focus is what is drawn differently without it: for a moment it is taken
# away, and nothing on the page hears of that.
LOOK = """(one) => {
  const around = [];
  for (let each = one; each && around.length < 4; each = each.parentElement) around.push(each);
  const drawn = () => around.map((each) => {
    const { outline, outlineStyle, boxShadow, borderColor, borderStyle } = getComputedStyle(each);
    const ring = outlineStyle === "none" ? "" : outline;
    return [ring, boxShadow, borderStyle === "none" ? "" : borderColor].join(" | ");
  });
  const deaf = (event) => event.stopImmediatePropagation();
  const kinds = ["blur", "focus", "focusin", "focusout"];
  for (const kind of kinds) window.addEventListener(kind, deaf, true);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("* { transition: none !important; animation: none !important }");
  const root = one.getRootNode();
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  const before = drawn();
  one.blur();
  const after = drawn();
  one.focus({ preventScroll: true });
  root.adoptedStyleSheets = root.adoptedStyleSheets.filter((each) => each !== sheet);
  for (const kind of kinds) window.removeEventListener(kind, deaf, true);

  const box = one.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  let top = document.elementFromPoint(x, y);
  while (top?.shadowRoot?.elementFromPoint(x, y)) top = top.shadowRoot.elementFromPoint(x, y);
  let inside = false;
  for (let each = top; each && !inside; each = each.parentNode ?? each.host) inside = each === one;
  return {
    ring: before.some((each, at) => each !== after[at]),
    visible: one.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
    uncovered: inside || Boolean(one.labels?.[0]?.contains(top)),
    html: one.outerHTML.slice(0, 200),
  };
}"""


@dataclass
class Keys:
    """The keyboard of a page. Every place where it stops is looked at."""

    page: Page

    def __post_init__(self) -> None:
        self._tools = self.page.context.new_cdp_session(self.page)

    def press(self, *keys: str) -> None:
        """Press one key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Type into whatever has the focus."""
        self.page.keyboard.type(text)

    def stop(self) -> str:
        """Check that the focus can be seen and has a name; return the name."""
        looked = self._look()
        assert looked["visible"], f"not to be seen: {looked['html']}"
        assert looked["uncovered"], f"something lies over it: {looked['html']}"
        assert looked["ring"], f"no focus ring: {looked['html']}"
        name = self._name()
        assert name, f"no name: {looked['html']}"
        return name

    def go_to(self, name: str, *, key: str = "Tab") -> None:
        """Press the key until the focus is on what bears that name, or begins with it."""
        passed = []
        for _ in range(MOST_TABS):
            self.press(key)
            # Between the end of a page and its beginning, the browser has a stop of its own.
            if self.page.evaluate("document.activeElement === document.body"):
                continue
            passed.append(self.stop())
            if passed[-1].startswith(name):
                return
        raise AssertionError(f"{name!r} is not to be reached: {passed}")

    def back_to(self, name: str) -> None:
        """Likewise, the other way round."""
        self.go_to(name, key="Shift+Tab")

    def is_on(self, where: Locator) -> None:
        """Wait until the focus is there, and check it."""
        expect(where).to_be_focused()
        self.stop()

    def is_named(self, name: str) -> None:
        """Wait for a focus, and check that it is on what bears that name, or begins with it."""
        # A page that has just come gives the focus to its field a moment after it is shown.
        self.page.wait_for_function("document.activeElement !== document.body")
        found = self.stop()
        assert found.startswith(name), found

    def _look(self) -> dict[str, Any]:
        # Rows come into view and drawers slide in before anybody can look at them.
        self.page.evaluate(
            "() => Promise.all(document.getAnimations()"
            ".filter((one) => one.effect.getTiming().iterations !== Infinity)"
            ".map((one) => one.finished.catch(() => {})))"
        )
        looked: dict[str, Any] = self.page.evaluate_handle(FOCUSED).evaluate(LOOK)
        return looked

    def _name(self) -> str:
        """Return what a screen reader would call it."""
        found = self._tools.send("Runtime.evaluate", {"expression": f"({FOCUSED})()"})
        tree = self._tools.send(
            "Accessibility.getPartialAXTree",
            {"objectId": found["result"]["objectId"], "fetchRelatives": False},
        )
        name = str(tree["nodes"][0].get("name", {}).get("value", ""))
        return re.sub(r"\s+", " ", name).strip()
