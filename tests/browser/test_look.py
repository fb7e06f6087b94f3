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
    page.locator(".thread-row", has_text="A long").hover()
    page.get_by_role("button", name="Options for “A long").click()
    look(page)
    page.locator(".menu:popover-open").get_by_role("button", name="Delete").click()
    look(page)
    page.keyboard.press("Escape")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_of_managing(new_person: NewPerson, scheme: Scheme, width: int) -> None:
    touch = {"has_touch": True, "is_mobile": True} if width == 320 else {}
    size = {"width": width, "height": 700}
    alice = new_person(viewport=size, color_scheme=scheme, reduced_motion="reduce", **touch)
    ids = [f"thr_{uuid4().hex}" for _ in range(25)]
    for number, thread_id in enumerate(ids):
        said = a_message(text="What is a bowline? " * 9, thread_id=thread_id)
        alice.owns(thread_id, f"Number {number} " * 20 if number == 24 else f"No {number}", said)
    for verb, thread_id in (("pin", ids[24]), ("archive", ids[0]), ("archive", ids[1])):
        post(alice, f"{thread_id}/{verb}")
    page = alice.open(f"/history/{ids[0]}")
    look(page)
    page.get_by_role("button", name="Options for this conversation").click()
    look(page)
    page.get_by_role("link", name="Rename").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.locator(".rename-problem").wait_for()
    look(page)
    page.keyboard.press("Escape")
    if width < 896:
        page.get_by_role("button", name="Conversations").click()
    page.locator(".thread-row").nth(1).hover()
    page.locator(".thread-row .thread-more").nth(1).click()
    page.locator(".menu:popover-open").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").wait_for()
    look(page)
    page.route("**/history?after=*", lambda route: route.fulfill(status=503, body="no"))
    page.locator("[data-more]").focus()
    page.locator(".threads-problem").wait_for()
    look(page)
    for path in ("archived", "select", "select?from=archived", "delete-all", "deletions/x"):
        page.goto(f"{alice.server.url}/history/{path}")
        for box in page.locator(".thread-row .pick").all()[:3]:
            box.check()
        look(page)
    page.goto(f"{alice.server.url}/history/{ids[24]}/rename")
    page.get_by_label("Name").fill("")
    page.get_by_role("button", name="Save").click()
    look(page)
    alice.problems[:] = [
        line for line in alice.problems if "htmx:" not in line and "Response Status" not in line
    ]


def post(alice: Reader, path: str) -> None:
    """Send a form as a page of ours does."""
    address = f"{alice.server.url}/history/{path}"
    alice.page.request.post(address, headers={"Origin": alice.server.url})


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
