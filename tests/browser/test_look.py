"""Every page and state: axe finds nothing, and nothing is wider than the window."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from chatkit.types import ClosedStatus, LockedStatus
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.looks import MIDDLE, NARROW, WIDE, WIDTHS, Looks
from tests.fix_browser import NewPerson, Reader, Talkative
from tests.fix_model import Reply
from tests.fix_store import a_message, an_answer
from tests.web.every_item import every_item

AWAY = {"code": "x", "message": "We can't reach it. " * 5, "request_id": "req_12345678"}
FAILING = re.compile(r"htmx:(afterRequest|sendError|responseError|timeout)|Response Status")
Window = Callable[..., "tuple[Reader, Looks]"]


@pytest.fixture(params=WIDTHS)
def window(
    request: pytest.FixtureRequest, new_person: NewPerson, chromium: Browser
) -> Iterator[Window]:
    """Open a window of each width, and look at it; the narrow one is a phone's.

    A test that names its widths itself is played at each of them, and no window changes its own.
    """
    opened: list[Reader] = []
    twins: list[BrowserContext] = []
    width: int = request.param
    resized = request.node.get_closest_marker("parametrize") is None
    touch: dict[str, Any] = {"has_touch": True, "is_mobile": True} if width == NARROW else {}

    def open_window(**options: Any) -> tuple[Reader, Looks]:
        size: Any = {"width": width, "height": 720}
        alice = new_person(viewport=size, reduced_motion="reduce", **touch, **options)
        opened.append(alice)
        if alice.context_runs_scripts:
            return alice, Looks(alice.page, width, resized)
        twins.append(chromium.new_context(viewport=size, bypass_csp=True, **touch))
        return alice, Looks(alice.page, width, resized, twins[-1].new_page())

    yield open_window
    for twin in twins:
        twin.close()
    for alice in opened:
        # What the test lets fail, htmx tells developers.
        alice.problems[:] = [line for line in alice.problems if not FAILING.search(line)]


def an_id() -> str:
    return f"thr_{uuid4().hex}"


def post(alice: Reader, path: str, **form: str | float | bool) -> str:
    """Send a form as a page of ours does; return where that leads."""
    address = f"{alice.server.url}/history/{path}"
    headers = {"Origin": alice.server.url}
    return alice.page.request.post(address, form=form, headers=headers).url


def owns_many(alice: Reader, number: int) -> list[str]:
    """Store threads, the last and newest with a title that is much too long."""
    ids = [an_id() for _ in range(number)]
    for at, thread_id in enumerate(ids):
        said = a_message(text="What is a bowline? " * 9, thread_id=thread_id)
        alice.owns(thread_id, "A long name " * 15 if at == number - 1 else f"No {at}", said)
    return ids


def fail(route: Route) -> None:
    route.fulfill(status=503, json={"error": AWAY})


def open_menu(page: Page, row: int) -> None:
    """Open the menu of that row."""
    page.locator(".thread-row").nth(row).hover()
    page.locator(".thread-row .thread-more").nth(row).click()


# The conversation


def test_a_conversation(window: Window, talkative: Talkative) -> None:
    alice, look = window()
    page = alice.open("/history/new")
    look("welcome")
    talkative.when_asked("Slowly", Reply(["Well, ", "**as you like**. ", "x"], then="hang"))
    alice.say("Slowly")
    page.get_by_text("as you like").wait_for()
    look("writing")
    page.locator('[data-state="writing"]').first.wait_for(state="attached")
    look.open_list()
    look("list with one being written", again=look.open_list)
    page.reload()
    page.get_by_text("as you like").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator(".outcome").wait_for()
    look("stopped")
    page.route("**/chatkit", fail)
    alice.say("Keep me")
    page.get_by_role("alert").wait_for()
    look("not sent")


def test_every_kind_of_item_and_how_answers_end(window: Window) -> None:
    alice, look = window()
    thread_id = an_id()
    page = alice.open(alice.owns(thread_id, "A long title " * 9, *every_item(thread_id)))
    for details in page.locator(".messages summary").all():
        details.click()
    look("every item")
    for outcome in ("failed", "interrupted"):
        page = alice.open(answered(alice, outcome))
        page.locator(f".outcome-{outcome}").wait_for()
        look(f"answer {outcome}")


def answered(alice: Reader, outcome: str) -> str:
    """Store a thread whose answer ended so while nobody was reading; return its address."""
    thread_id = an_id()
    said = [a_message(text="What is a bowline?", thread_id=thread_id)]
    said_back = [an_answer(text="A knot that makes a *fixed* loop", thread_id=thread_id)]
    address = alice.owns(thread_id, f"It was {outcome}", *said, *said_back)
    with psycopg.connect(alice.server.dsn, autocommit=True) as conn:
        conn.execute("UPDATE chatkit_thread SET unread = true WHERE id = %s", [thread_id])
        conn.execute(
            "UPDATE chatkit_thread_item SET outcome = %s WHERE thread_id = %s AND position = 2",
            [outcome, thread_id],
        )
    return address


def test_threads_that_take_no_messages_and_other_places_in_one(window: Window) -> None:
    alice, look = window()
    reason = "The team looks at what was said here before anybody goes on. " * 2
    for status in (LockedStatus(reason=reason), ClosedStatus()):
        thread_id = an_id()
        said = a_message(text="What is a bowline?", thread_id=thread_id)
        page = alice.open(alice.owns(thread_id, status.type, said, status=status))
        page.locator(".closed:visible", has_text=status.type).wait_for()
        look(f"thread {status.type}")
    thread_id = an_id()
    many = [a_message(f"msg_{thread_id}_{n}", f"No {n}. " * 9, thread_id) for n in range(45)]
    address = alice.owns(thread_id, "Long", *many)
    page = alice.open(address)
    look("long thread")
    page = alice.open(f"{address}?at={many[10].id}#{many[10].id}")
    expect(page.locator(".item-found")).to_be_in_viewport()
    look("thread at a message")
    page = alice.open(f"{address}?before={many[30].id}")
    look("earlier messages")
    alice.open(alice.owns(an_id(), "Nothing in it"))
    look("thread without messages")


# The list


def test_the_list(window: Window) -> None:
    alice, look = window()
    page = alice.open("/history/new")
    look.open_list()
    page.get_by_text("No conversations yet.").wait_for()
    look("list empty", again=look.open_list)
    ids = owns_many(alice, 25)
    post(alice, f"{ids[24]}/pin")
    held: list[Route] = []
    page.route("**/history?after=*", lambda route: held.append(route))

    def open_at_its_end() -> None:
        look.open_list()
        page.locator(".threads").evaluate("list => list.scrollTo(0, list.scrollHeight)")

    alice.open("/history/new")
    look.open_list()
    look("list with one pinned", again=look.open_list)
    page.locator("[data-more]").focus()
    page.get_by_text("Loading…").wait_for()
    look("list loading", again=open_at_its_end)
    held[0].fulfill(status=503, json={"error": AWAY})
    page.locator(".threads-problem").wait_for()
    look("list with an error", again=open_at_its_end)
    page.unroute_all()
    page.locator("[data-more]").click()
    page.locator(".threads-end").wait_for()
    page.locator(".threads-end").scroll_into_view_if_needed()
    look("list at its end", again=open_at_its_end)
    page.get_by_role("button", name="Manage").click()

    def open_its_menu() -> None:
        open_at_its_end()
        page.get_by_role("button", name="Manage").click()

    look("menu of the list", again=open_its_menu)


# What is open in the list goes with the drawer: no window of another width has the same.
@pytest.mark.parametrize("window", [NARROW, MIDDLE, WIDE], indirect=True)
def test_managing_one(window: Window) -> None:
    alice, look = window()
    owns_many(alice, 3)
    page = alice.open("/history/new")
    look.open_list()
    open_menu(page, 1)
    look("menu of a row")
    menu = page.locator(".menu:popover-open")
    menu.get_by_role("link", name="Rename").click()
    look("renaming a row")
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.locator(".rename-problem").wait_for()
    look("renaming a row with an error")
    page.keyboard.press("Escape")
    open_menu(page, 0)
    menu.get_by_role("button", name="Delete").click()
    look("deleting one")
    page.route("**/delete", fail)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("dialog .problem").wait_for()
    look("deleting one with an error")
    page.unroute_all()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").wait_for()
    look("deleted with undo")
    page.route("**/pin", fail)
    open_menu(page, 0)
    menu.get_by_role("button", name="Pin").click()
    page.locator(".notice[role=alert]").wait_for()
    look("notice of an error")


def test_the_open_thread_and_the_archive(window: Window) -> None:
    alice, look = window()
    ids = owns_many(alice, 3)
    page = alice.page
    page.goto(f"{alice.server.url}/history/archived")
    look("archive empty")
    post(alice, f"{ids[2]}/archive")
    page = alice.open(f"/history/{ids[2]}")
    look("archived thread")
    options = page.get_by_role("button", name="Options for this conversation")
    options.click()
    look("menu of the open thread", again=options.click)
    page.locator(".menu:popover-open").get_by_role("link", name="Rename").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    page.locator(".rename-problem").wait_for()
    look("renaming the open thread with an error")
    page.goto(f"{alice.server.url}/history/archived")
    look("archive")
    open_menu(page, 0)
    look("menu of a row in the archive", again=lambda: open_menu(page, 0))


def test_pages_of_many(window: Window) -> None:
    alice, look = window()
    ids = owns_many(alice, 25)
    post(alice, f"{ids[24]}/pin")
    page = alice.page
    for path in ("select", "select?from=archived", "delete-all"):
        page.goto(f"{alice.server.url}/history/{path}")
        look(path)
    page.goto(f"{alice.server.url}/history/select")
    for box in page.locator(".thread-row .pick").all()[:3]:
        box.check()
    look("select with some ticked")
    page.get_by_role("button", name="Delete").click()
    look("deleting several")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Archive").click()
    page.locator(".notice").wait_for()
    look("several put away")
    page.goto(f"{alice.server.url}/history/select?from=archived")
    page.get_by_label("All shown").check()
    look("select from the archive")


def test_pages_that_ask(window: Window) -> None:
    alice, look = window()
    ids = owns_many(alice, 2)
    page = alice.page
    page.goto(post(alice, f"{ids[0]}/delete", undo="yes"))
    expect(page.get_by_role("heading", name="Deleted")).to_be_visible()
    look("deleted page")
    page.goto(f"{alice.server.url}/history/{ids[1]}/rename")
    look("rename page")
    page.get_by_label("Name").fill("")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    look("rename page with an error")
    page.goto(f"{alice.server.url}/history/delete-all")
    page.get_by_label("Type delete to go on").fill("no")
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("alert").wait_for()
    look("delete-all with an error")
    for path in ("thr_none", "deletions/x", "deletions/x/undo", "?after=x"):
        page.goto(f"{alice.server.url}/history/{path}")
        look(f"error {path}")


# Search


def test_search(window: Window) -> None:
    alice, look = window()
    thread_id = an_id()
    said = [a_message(text="knots " + "x" * 300, thread_id=thread_id) for _ in range(22)]
    alice.owns(thread_id, "Knots " + "w" * 120, *said)
    post(alice, f"{thread_id}/archive")
    page = alice.open("/history/new")
    page.locator('[data-search][aria-haspopup="dialog"]').wait_for(state="attached")
    page.keyboard.press("Control+k")
    look("search")
    field = page.get_by_role("searchbox")
    held: list[Route] = []
    page.route("**/history/search?*", lambda route: held.append(route))
    page.keyboard.type("knots")
    page.locator(".search-form.htmx-request").wait_for()
    look("search waiting")
    held[0].fulfill(status=503, json={"error": AWAY})
    page.locator(".search-problem").wait_for()
    look("search with an error")
    page.unroute_all()
    field.fill("knot")
    expect(page.locator(".search-hit")).to_have_count(21)
    page.keyboard.press("ArrowDown")
    look("search with results")
    page.get_by_role("link", name="More results").click()
    page.locator(".search-end").scroll_into_view_if_needed()
    look("search at its end")
    page.get_by_text("Dates").click()
    for query, sentence in (("&", "no word"), ("zebra", "Nothing"), ("x" * 201, "at most 10")):
        field.fill(query)
        page.locator("#results", has_text=sentence).wait_for()
        look(f"search for {query[:9]}")


def test_the_search_page(window: Window) -> None:
    alice, look = window()
    thread_id = an_id()
    said = [a_message(text="knots " + "x" * 300, thread_id=thread_id) for _ in range(22)]
    alice.owns(thread_id, "Knots " + "w" * 120, *said)
    for query in ("?q=knots&from=2020-01-01", "?q=zebra", "?q=%26", "?q=x&to=never", ""):
        alice.page.goto(alice.server.url + "/history/search" + query)
        look(f"search page {query}")


# Without JavaScript, and around it all


def test_without_javascript(window: Window) -> None:
    alice, look = window(java_script_enabled=False)
    [thread_id] = owns_many(alice, 1)
    page = alice.open("/history/new")
    look("plain welcome")
    page.goto(f"{alice.server.url}/history/{thread_id}")
    look("plain thread")
    page.get_by_role("textbox", name="Message").fill(" ")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").wait_for()
    look("plain message not sent")
    page.goto(f"{alice.server.url}/history/{thread_id}")

    def open_menu_in_the_list() -> None:
        look.open_list()
        open_menu(page, 0)

    open_menu_in_the_list()
    look("plain menu", again=open_menu_in_the_list)
    page.locator(".menu:popover-open").get_by_role("button", name="Delete").click()
    look("plain delete")
    page.goto(f"{alice.server.url}/history/select")
    page.locator(".thread-row .pick").check()
    look("plain select")
    page.get_by_role("button", name="Delete").click()
    look("plain delete several")


def test_the_pages_around_signing_in(window: Window) -> None:
    alice, look = window()
    alice.context.clear_cookies()
    page = alice.page
    for path in ("/sign-up", "/sign-in", "/nowhere"):
        page.goto(alice.server.url + path)
        look(path)
    page.goto(alice.server.url + "/sign-in")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("not-the-password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    look("sign in with an error")
