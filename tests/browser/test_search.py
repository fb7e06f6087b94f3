"""Searching in a browser: as one types, by keyboard alone, on a phone, and without JavaScript."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.fix_browser import NewPerson, Reader
from tests.fix_store import a_message, an_answer


def talks(alice: Reader, *texts: str, title: str = "Talk") -> str:
    """Store a thread with questions and answers in turn; return its address."""
    thread_id = f"thr_{uuid4().hex}"
    said = [
        (an_answer if number % 2 else a_message)(text=text, thread_id=thread_id)
        for number, text in enumerate(texts)
    ]
    return alice.owns(thread_id, title, *said)


def forgive(alice: Reader, *beginnings: str) -> None:
    """Take what htmx tells developers of requests that the test broke out of the problems."""
    for beginning in ("error: htmx:", *beginnings):
        alice.problems[:] = [one for one in alice.problems if not one.startswith(beginning)]


def opened(page: Page, key: str = "Control+k") -> Page:
    """Open the dialog with a key once the page listens to it."""
    page.locator('[data-search][aria-haspopup="dialog"]').wait_for(state="attached")
    page.keyboard.press(key)
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    return page


def test_a_search_by_keyboard_alone_leads_to_the_message(alice_at_home: Reader) -> None:
    address = talks(alice_at_home, "How do I tie a bowline?", "Make a loop.", title="Knots")
    talks(alice_at_home, "Something else", title="Other")
    page = alice_at_home.open("/history/new")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    opened(page, "/")

    page.keyboard.type("bowl")
    hit = page.locator(".search-hit")
    expect(hit).to_have_count(1)
    expect(hit.locator("mark")).to_have_text("bowline")
    expect(page.locator("[data-search-said]")).to_have_text("1 message.")
    page.keyboard.press("ArrowDown")
    expect(hit).to_be_focused()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(re.escape(address) + r"\?at=(msg_\w+)#\1$"))
    expect(page.locator(".item-found")).to_contain_text("How do I tie a bowline?")


def test_arrows_go_through_the_results_and_letters_back_to_the_field(
    alice_at_home: Reader,
) -> None:
    talks(alice_at_home, "knots", "knots", title="Knots")
    page = opened(alice_at_home.open("/history/new"))
    field = page.get_by_role("searchbox", name="Search your conversations")
    page.keyboard.type("knot")
    hits = page.locator(".search-hit")
    expect(hits).to_have_count(3)

    page.keyboard.press("ArrowDown")
    expect(hits.nth(0)).to_be_focused()
    page.keyboard.press("End")
    expect(hits.nth(2)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(hits.nth(2)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(field).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("s")
    expect(field).to_be_focused()
    expect(field).to_have_value("knots")


def test_escape_closes_and_the_focus_is_where_it_was(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    entry = page.get_by_role("link", name="Search")
    opened(page)
    page.keyboard.type("knots")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    entry.focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("searchbox")
    expect(field).to_be_focused()
    expect(field).to_have_value("knots")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(entry).to_be_focused()


def test_a_slash_in_a_message_is_a_slash(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    box = page.get_by_role("textbox", name="Message")
    box.click()

    page.keyboard.type("and/or")

    expect(box).to_have_value("and/or")
    expect(page.get_by_role("dialog")).to_have_count(0)
    opened(page)
    page.keyboard.press("Escape")
    expect(box).to_be_focused()


def test_an_answer_that_comes_late_replaces_no_newer_one(alice_at_home: Reader) -> None:
    talks(alice_at_home, "knots and bends")
    page = opened(alice_at_home.open("/history/new"))
    held: list[object] = []
    page.route("**/history/search?q=knots&*", lambda route: held.append(route))

    page.keyboard.type("knots")
    page.wait_for_function("() => document.querySelector('.search-form.htmx-request')")
    page.keyboard.press("Control+a")
    page.keyboard.type("bends")
    mark = page.locator(".search-hit mark")
    expect(mark).to_have_text("bends")
    assert held, "the first search was never asked for"
    page.unroute_all(behavior="ignoreErrors")

    expect(mark).to_have_text("bends")
    forgive(alice_at_home)


def test_more_results_come_in_place(alice_at_home: Reader) -> None:
    talks(alice_at_home, *["knots"] * 25, title="Talk")
    page = opened(alice_at_home.open("/history/new"))
    page.keyboard.type("knots")
    hits = page.locator(".search-hit")
    expect(hits).to_have_count(20)

    page.keyboard.press("End")
    page.get_by_role("link", name="More results").press("Enter")

    expect(hits).to_have_count(25)
    expect(hits.nth(20)).to_be_focused()
    expect(page.locator("[data-search-said]")).to_have_text("25 results are shown.")
    expect(page.get_by_text("That is everything.").last).to_be_visible()


def test_what_goes_wrong_is_said_and_the_next_search_works(alice_at_home: Reader) -> None:
    talks(alice_at_home, "knots")
    page = opened(alice_at_home.open("/history/new"))
    error = {"code": "database_busy", "message": "We're very busy right now.", "request_id": "x"}
    page.route(
        "**/history/search?*", lambda route: route.fulfill(status=503, json={"error": error})
    )
    page.keyboard.type("kno")
    expect(page.get_by_role("alert")).to_have_text("We're very busy right now.")
    page.unroute_all()
    page.route("**/history/search?*", lambda route: route.abort())
    page.keyboard.type("t")
    expect(page.get_by_role("alert")).to_contain_text("The server can’t be reached.")
    page.unroute_all()

    page.keyboard.type("s")

    expect(page.locator(".search-hit")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    forgive(alice_at_home, "error: Response Status Error Code 503 from /history/search")


def test_the_dates_narrow_it_down_in_place(alice_at_home: Reader) -> None:
    talks(alice_at_home, "knots")
    page = opened(alice_at_home.open("/history/new"))
    page.keyboard.type("knots")
    expect(page.locator(".search-hit")).to_have_count(1)

    page.get_by_text("Dates").click()
    page.get_by_label("To", exact=True).fill("2020-01-01")

    expect(page.get_by_text("Nothing found for knots on those days.")).to_be_visible()


def test_the_page_searches_as_one_types_too_and_is_there_again_after_going_back(
    alice_at_home: Reader,
) -> None:
    talks(alice_at_home, "knots", title="Talk")
    page = alice_at_home.page
    page.goto(alice_at_home.server.url + "/history/search")
    page.get_by_role("searchbox").fill("knots")
    expect(page.locator(".search-hit")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?q=knots$"))

    page.locator(".search-hit").click()
    page.locator(".item-found").wait_for()
    page.go_back()

    expect(page.locator(".search-hit")).to_have_count(1)


def test_without_javascript_search_is_a_form_and_links(new_person: NewPerson) -> None:
    alice = new_person(java_script_enabled=False)
    address = talks(alice, *["knots"] * 25, title="Talk")
    page = alice.open("/history/new")

    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("kno")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".search-hit")).to_have_count(20)
    # What is further down is reached by scrolling, and the head of the page stays.
    page.get_by_role("link", name="More results").scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="More results")).to_be_in_viewport()
    page.get_by_role("link", name="More results").click()
    expect(page.locator(".search-hit")).to_have_count(5)
    expect(page.get_by_role("heading", name="Search")).to_be_in_viewport()
    page.locator(".search-hit").last.click()

    expect(page).to_have_url(re.compile(re.escape(address) + r"\?at=(msg_\w+)#\1$"))
    expect(page.locator(".item-found")).to_contain_text("knots")


def test_on_a_phone_the_focus_returns_to_the_way_into_the_list(new_person: NewPerson) -> None:
    alice = new_person(viewport={"width": 320, "height": 640})
    page = alice.open("/history/new")
    page.locator('[data-search][aria-haspopup="dialog"]').wait_for(state="attached")

    page.get_by_role("button", name="Conversations").click()
    page.get_by_role("link", name="Search").click()
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("button", name="Close the search").click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Conversations")).to_be_focused()
