"""Every state of the widget on somebody else's page: axe finds nothing, and nothing is too wide.

LOOKS=folder puts pictures there, at three widths in light and in dark.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import NARROW, WIDTHS, Looks
from tests.browser.test_launcher_calls import shrink
from tests.browser.test_widget import ask
from tests.browser.test_widget_sign_in import box, card, say
from tests.browser.widget_site import NewVisitor, Sites, Visitor
from tests.fix_model import Reply, pieces_of

HEIGHT = 640
HEAD = "<style>html { color-scheme: light dark }</style>"
# Whatever scrolls in the dialog does not do so sideways.
WIDE = """() => {
  const roots = [Threadkeeper.element.shadowRoot,
    Threadkeeper.element.shadowRoot.querySelector("threadkeeper-chat")?.shadowRoot];
  const parts = roots.flatMap((root) => [...(root?.querySelectorAll(
    "section, .panel, .panel-card, .panel-banner, .head, .scroller, .composer, .past-all") ?? [])]);
  return parts.filter((one) => one.scrollWidth > Math.ceil(one.clientWidth) && one.clientWidth)
    .map((one) => [one.className || one.localName, one.scrollWidth, one.clientWidth]);
}"""
ANSWER = (
    "The lamp takes **six watts** at most:\n\n1. LED, E14\n2. warm white\n\n> No more than that.\n"
)


class States(Looks):
    """Looks at states of the widget on a page of another site."""

    TOO_WIDE = (*Looks.TOO_WIDE, WIDE)

    def __call__(self, state: str, again: Callable[[], object] | None = None) -> None:
        super().__call__(f"widget {state}", again)


@pytest.fixture(params=WIDTHS)
def visitor_at(request: pytest.FixtureRequest, new_visitor: NewVisitor) -> tuple[Visitor, States]:
    width: int = request.param
    visitor = new_visitor(viewport={"width": width, "height": HEIGHT})
    return visitor, States(visitor.page, width)


def page_of(sites: Sites, path: str, **page: Any) -> None:
    """Serve a page that has no scheme of its own, so that it follows the device."""
    tag = f'<script src="{sites.chat}/widget.js" defer></script>'
    body = page.pop("body", "<main><h1>The lamp</h1><p>It takes at most six watts.</p></main>")
    sites.hosts.page(path, head=HEAD + tag, body=body, **page)


def open_at(visitor: Visitor, path: str) -> Page:
    page = visitor.visit(path=path)
    page.locator("threadkeeper-widget .launcher").click()
    page.locator("threadkeeper-chat[data-ready]").wait_for()
    return page


def test_nobody_and_what_fails(visitor_at: tuple[Visitor, States], sites: Sites) -> None:
    visitor, looks = visitor_at
    page_of(sites, "/looks")
    page = visitor.visit(path="/looks")
    looks("closed")
    page.locator("threadkeeper-widget .launcher").click()
    expect(card(page)).to_be_visible()
    looks("signed out")
    ask(page, "{ text: 'How bright is it?', quote: 'It takes at most six watts.' }")
    expect(page.locator(".quote-words")).to_be_visible()
    looks("signed out with words and a quote")
    page.evaluate("sessionStorage.clear()")
    page.route("**/chatkit/session", lambda one: one.fulfill(status=503))
    page.reload()
    page.locator("threadkeeper-widget .launcher").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    looks("unreachable")


def test_a_person(visitor_at: tuple[Visitor, States], sites: Sites) -> None:
    visitor, looks = visitor_at
    visitor.sign_in(sites.auth.sign_up("Alice"))
    sites.model.when_asked("How bright is the lamp?", Reply(pieces_of(ANSWER)))
    page_of(sites, "/looks")
    page = open_at(visitor, "/looks")
    expect(page.locator(".greeting")).to_be_visible()
    looks("greeting")
    say(page, "How bright is the lamp?")
    looks("conversation")
    ask(page, "{ quote: 'It takes at most six watts.' }")
    expect(page.locator(".quote-words")).to_be_visible()
    looks("quote")
    visitor.context.set_offline(True)
    expect(page.locator(".panel-banner").first).to_be_visible()
    looks("offline")
    visitor.context.set_offline(False)
    expect(page.locator(".panel-banner").first).to_be_hidden()
    page.get_by_role("button", name="Conversations").click()
    row = page.locator(".past").first
    row.wait_for()
    looks("history")
    row.hover()
    page.get_by_role("button", name="Rename “").first.click()
    expect(page.get_by_role("textbox", name="New name")).to_be_focused()
    looks("rename")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete “").first.click()
    expect(page.get_by_text("Delete this conversation?")).to_be_visible()
    looks("delete question")


def test_from_right_to_left(visitor_at: tuple[Visitor, States], sites: Sites) -> None:
    visitor, looks = visitor_at
    page_of(sites, "/looks-rtl", html='dir="rtl"')
    page = open_at(visitor, "/looks-rtl")
    expect(card(page)).to_be_visible()
    looks("right to left signed out")
    visitor.sign_in(sites.auth.sign_up("Alice"))
    page.evaluate("Threadkeeper.refresh()")
    expect(page.get_by_role("button", name="New conversation")).to_be_visible()
    say(page, "Where does it begin?")
    looks("right to left conversation")

    close, history = (
        page.get_by_role("dialog").get_by_role("button", name=name).bounding_box()
        for name in ("Close chat", "Conversations")
    )
    mine = page.locator(".bubble").bounding_box()
    frame = page.get_by_role("dialog").bounding_box()
    assert close and history and mine and frame
    assert close["x"] < history["x"]
    assert mine["x"] - frame["x"] < frame["x"] + frame["width"] - mine["x"] - mine["width"]
    page.get_by_role("button", name="Conversations").click()
    page.locator(".past").first.wait_for()
    looks("right to left history")


def test_on_a_phone_the_composer_stays_above_the_keyboard(
    new_visitor: NewVisitor, sites: Sites
) -> None:
    visitor = new_visitor(
        viewport={"width": NARROW, "height": HEIGHT}, has_touch=True, is_mobile=True
    )
    visitor.sign_in(sites.auth.sign_up("Alice"))
    page_of(sites, "/looks")
    page = visitor.visit(path="/looks")
    page.get_by_role("button", name="Open chat").tap()
    expect(box(page)).to_be_focused()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_have_attribute("aria-modal", "true")

    expect(page.locator(".greeting")).to_be_visible()

    shrink(page, 300)

    frame, writing = dialog.bounding_box(), page.locator(".composer").bounding_box()
    assert frame and writing
    assert (frame["y"], frame["height"]) == (0, 300)
    assert writing["y"] >= 0
    assert writing["y"] + writing["height"] <= 300
    States(page, NARROW)("on a phone with its keyboard")
