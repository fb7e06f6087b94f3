"""What the widget loads, and when: bytes as they come over the network, never times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, Request, Route, expect

from dev import bundle
from tests.browser.test_widget_sign_in import box, card, say
from tests.browser.widget_site import Sites, Visitor

MESSAGES = re.compile(r"/widget/messages\.js")
WELCOME = "What would you like to talk about?"


@dataclass
class Loaded:
    """The files that a page has loaded from the chat's server, with their bytes on the wire."""

    bytes_: dict[str, int] = field(default_factory=dict)

    def heard(self, request: Request) -> None:
        found = re.search(r"/(widget\.js|assets/.*)$", request.url)
        if found:
            name = found[1].rpartition("/")[2]
            self.bytes_[name] = self.bytes_.get(name, 0) + request.sizes()["responseBodySize"]

    @property
    def names(self) -> set[str]:
        return set(self.bytes_)

    @property
    def total(self) -> int:
        return sum(self.bytes_.values())


@pytest.fixture
def loaded(visitor: Visitor) -> Loaded:
    loaded = Loaded()
    visitor.page.on("requestfinished", loaded.heard)
    return loaded


@pytest.fixture
def signed_in(visitor: Visitor, sites: Sites) -> None:
    visitor.sign_in(sites.auth.sign_up("Alice"))


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def test_a_page_loads_the_launcher_alone(visitor: Visitor, loaded: Loaded) -> None:
    page = visitor.visit()
    expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    settle(page)

    assert loaded.names == {"widget.js"}
    # The server writes the address of its assets into it.
    assert 0 < loaded.total <= bundle.LAUNCHER_LIMIT + 50, loaded.bytes_


def test_a_first_opening_signed_out_is_light(visitor: Visitor, loaded: Loaded) -> None:
    page = visitor.open()
    expect(card(page)).to_be_visible()
    settle(page)

    assert loaded.names == {"widget.js", "panel.js"}
    assert 0 < loaded.total <= bundle.FIRST_LIMIT, loaded.bytes_


@pytest.mark.usefixtures("signed_in")
def test_a_first_opening_signed_in_is_light_with_the_list_too(
    visitor: Visitor, loaded: Loaded
) -> None:
    page = visitor.open()
    expect(page.get_by_text(WELCOME)).to_be_visible()
    expect(box(page)).to_be_focused()
    settle(page)
    assert loaded.names == {"widget.js", "panel.js"}

    with page.expect_request_finished(lambda one: one.url.endswith("/history.js")):
        page.get_by_role("button", name="Conversations").click()
    expect(page.get_by_role("searchbox")).to_be_visible()
    settle(page)

    assert loaded.names == {"widget.js", "panel.js", "history.js"}
    assert 0 < loaded.total <= bundle.FIRST_LIMIT, loaded.bytes_


@pytest.mark.usefixtures("signed_in")
def test_what_shows_messages_comes_with_the_first_keystroke(
    visitor: Visitor, loaded: Loaded
) -> None:
    page = visitor.open()
    expect(page.get_by_text(WELCOME)).to_be_visible()
    settle(page)
    assert "messages.js" not in loaded.names

    with page.expect_response(MESSAGES):
        box(page).press("H")
    settle(page)
    say(page, "Hello")

    assert loaded.names == {"widget.js", "panel.js", "messages.js"}
    talking = bundle.TALKING_LIMIT - bundle.weight(bundle.BUILT / "history.js")
    assert loaded.total <= talking + 50, loaded.bytes_


@pytest.mark.usefixtures("signed_in")
def test_a_message_waits_for_what_sends_it(visitor: Visitor) -> None:
    held: list[Route] = []
    visitor.page.route(MESSAGES, lambda route: held.append(route))
    page = visitor.open()
    expect(page.get_by_text(WELCOME)).to_be_visible()
    box(page).fill("Early bird")
    box(page).press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    box(page).press("Enter")

    for route in held:
        route.continue_()

    expect(page.locator(".bubble")).to_have_text(["Early bird"])
    expect(page.locator(".item-assistant")).to_have_count(1)
    expect(box(page)).to_have_value("")


@pytest.mark.usefixtures("signed_in")
def test_a_message_outlives_a_load_that_failed(visitor: Visitor) -> None:
    visitor.page.route(MESSAGES, lambda route: route.abort())
    page = visitor.open()
    expect(page.get_by_text(WELCOME)).to_be_visible()
    box(page).fill("Keep me")
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    expect(box(page)).to_have_value("Keep me")
    expect(page.get_by_text(WELCOME)).to_be_visible()

    page.unroute_all()
    with page.expect_request(re.compile(r"/widget/messages\.js\?try=\d")):
        page.get_by_role("button", name="Try again").click()

    expect(page.locator(".bubble")).to_have_text(["Keep me"])
    expect(page.get_by_role("alert")).to_have_count(0)
    visitor.problems.clear()


@pytest.mark.usefixtures("signed_in")
def test_a_thread_is_shown_after_a_load_that_failed(visitor: Visitor) -> None:
    page = visitor.open()
    say(page, "Remember me")
    page.route(MESSAGES, lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")

    page.unroute_all()
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".bubble")).to_have_text(["Remember me"])
    expect(page.locator(".item-assistant")).to_have_count(1)
    visitor.problems.clear()
