"""Every page and state: axe finds nothing, and nothing is wider than the window."""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import Page

from tests.fix_browser import NewPerson, Reader, Talkative, assert_accessible
from tests.fix_model import Reply
from tests.fix_store import a_message, an_answer
from tests.web.every_item import every_item

Scheme = Literal["light", "dark"]
WIDTHS = (320, 768, 1280)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


def assert_fits(page: Page) -> None:
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], wide


def look(page: Page) -> None:
    """Check the state that the page is in, once what moves has come to rest."""
    page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished))")
    assert_fits(page)
    assert_accessible(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_of_the_conversations(
    new_person: NewPerson, talkative: Talkative, scheme: Scheme, width: int
) -> None:
    size = {"width": width, "height": 800}
    alice = new_person(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = alice.open("/history/new")
    look(page)
    talkative.when_asked("Slowly", Reply(["Well, ", "**as you like**. "], then="hang"))
    alice.say("Slowly")
    page.get_by_text("as you like").wait_for()
    look(page)
    page.get_by_role("button", name="Stop").click()
    alice.wait_for_answer()
    look(page)

    thread_id = f"thr_{uuid4().hex}"
    page = alice.open(alice.owns(thread_id, "A long title " * 9, *every_item(thread_id)))
    for details in page.locator("summary").all():
        details.click()
    look(page)
    if width < 896:
        page.get_by_role("button", name="Conversations").click()
    look(page)
    page.get_by_role("button", name="Delete “A long").click()
    look(page)
    page.keyboard.press("Escape")


def leave(alice: Reader, thread_id: str, *, outcome: str) -> None:
    """Let the thread's last answer have ended so, while nobody was reading."""
    with psycopg.connect(alice.server.dsn, autocommit=True) as conn:
        conn.execute("UPDATE chatkit_thread SET unread = true WHERE id = %s", [thread_id])
        conn.execute(
            "UPDATE chatkit_thread_item SET outcome = %s WHERE thread_id = %s AND position = 2",
            [outcome, thread_id],
        )


@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_of_a_turn(
    new_person: NewPerson, talkative: Talkative, scheme: Scheme, width: int
) -> None:
    size = {"width": width, "height": 800}
    alice = new_person(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    addresses = {}
    for outcome in ("failed", "interrupted", "stopped"):
        thread_id = f"thr_{uuid4().hex}"
        said = [a_message(text="What is a bowline?", thread_id=thread_id)]
        said_back = [an_answer(text="A knot that makes a *fixed* loop", thread_id=thread_id)]
        addresses[outcome] = alice.owns(thread_id, f"It was {outcome}", *said, *said_back)
        leave(alice, thread_id, outcome=outcome)
    page = alice.open("/history/new")
    talkative.when_asked("Slowly", Reply(["Well, ", "**as you like**. ", "x"], then="hang"))
    alice.say("Slowly")
    page.get_by_text("as you like").wait_for()
    page.locator('[data-state="writing"]').first.wait_for(state="attached")
    if width < 896:
        page.get_by_role("button", name="Conversations").click()
    look(page)
    page.reload()
    page.get_by_text("as you like").wait_for()
    look(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".outcome").wait_for()
    look(page)
    for outcome, address in addresses.items():
        alice.open(address)
        page.locator(f".outcome-{outcome}").wait_for()
        look(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_what_goes_wrong_looks_right(new_person: NewPerson, scheme: Scheme, width: int) -> None:
    alice = new_person(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = alice.open("/history/new")
    error = {"code": "x", "message": "We can't reach it. " * 5, "request_id": "req_12345678"}
    page.route("**/chatkit", lambda route: route.fulfill(status=503, json={"error": error}))
    alice.say("Keep me")
    page.get_by_role("alert").wait_for()
    look(page)
    for path in ("/history/thr_none", "/history?after=x", "/nowhere"):
        page.goto(alice.server.url + path)
        look(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_around_signing_in(new_person: NewPerson, scheme: Scheme, width: int) -> None:
    alice: Reader = new_person(viewport={"width": width, "height": 700}, color_scheme=scheme)
    alice.context.clear_cookies()
    page = alice.page
    for path in ("/sign-up", "/sign-in"):
        page.goto(alice.server.url + path)
        look(page)
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("not-the-password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    look(page)
