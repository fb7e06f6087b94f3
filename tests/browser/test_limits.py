"""Somebody who was too quick: told for how long, and nothing that they wrote is lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from chat.connection import Connection
from chat.tables import limits
from tests.browser.test_widget_sign_in import box
from tests.browser.widget_site import Sites, Visitor
from tests.fix_browser import Reader, assert_accessible

USED_UP = """
    INSERT INTO chatkit_limit (user_id, kind, ends_at, taken, most)
    VALUES (%s, %s, clock_timestamp() + make_interval(secs => %s), 1000, 1000)
"""
# Long enough to look at what is said, and short enough to wait for its end.
SECONDS = 6


def use_up(dsn: str, user_id: str) -> None:
    """Leave this person no message for some seconds, as if they had sent very many."""
    with Connection.connect(dsn, autocommit=True) as conn:
        conn.execute(USED_UP, [user_id, limits.TURNS, SECONDS])


def assert_told_kept_and_taken_after_the_wait(page: Page, text: str) -> None:
    """Check what is said and that the words are kept; wait as long as is said, and try again."""
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("That was a lot in a short time. You can go on in")
    expect(box(page)).to_have_value(text)
    expect(page.locator(".item")).to_have_count(0)
    assert_accessible(page)
    told = re.search(r"go on in (\d+) seconds?\.", alert.inner_text())
    assert told
    assert 1 <= int(told[1]) <= SECONDS

    page.wait_for_timeout(int(told[1]) * 1000)
    alert.get_by_role("button", name="Try again").click()

    expect(page.locator(".item-assistant")).to_contain_text(f"You said: {text}")
    expect(page.locator(".item-user")).to_have_count(1)
    expect(box(page)).to_have_value("")


@pytest.mark.parametrize("width", [320, 1280])
def test_on_our_own_page(alice_at_home: Reader, width: int) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    page.set_viewport_size({"width": width, "height": 700})
    use_up(alice.server.dsn, alice.person.id)

    alice.say("Not so fast")

    assert_told_kept_and_taken_after_the_wait(page, "Not so fast")


def test_in_the_widget(visitor: Visitor, sites: Sites) -> None:
    alice = sites.auth.sign_up("Alice")
    visitor.sign_in(alice)
    page = visitor.open()
    use_up(sites.server.dsn, alice.id)

    box(page).fill("Not so fast")
    box(page).press("Enter")

    assert_told_kept_and_taken_after_the_wait(page, "Not so fast")


def test_who_is_there_cannot_be_asked(visitor: Visitor, sites: Sites) -> None:
    """The widget's first question is refused too: by a worker, which counts requests itself."""
    visitor.sign_in(sites.auth.sign_up("Alice"))
    error = {"code": "rate_limited", "message": "You can go on in 9 seconds.", "request_id": "r"}
    page = visitor.visit()
    page.route(
        "**/chatkit/session",
        lambda route: route.fulfill(
            status=429,
            json={"error": error},
            headers={
                "Access-Control-Allow-Origin": route.request.headers["origin"],
                "Access-Control-Allow-Credentials": "true",
            },
        ),
    )
    page.get_by_role("button", name="Open chat").click()
    told = page.get_by_role("paragraph").filter(has_text="You can go on in 9 seconds.")
    expect(told).to_be_visible()

    page.unroute("**/chatkit/session")
    page.get_by_role("button", name="Try again").click()

    expect(told).to_have_count(0)
    expect(box(page)).to_be_visible()
