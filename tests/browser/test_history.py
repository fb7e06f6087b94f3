"""The list of conversations in a browser, with JavaScript and without."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Route, expect

from tests.fix_browser import NewPerson, Reader
from tests.fix_store import a_message, an_answer

PHONE = {"width": 320, "height": 640}
# All that stays is when somebody signed out.
LEFT = """() => Object.keys({ ...localStorage, ...sessionStorage })
  .filter((key) => key !== "threadkeeper:out")"""


def an_id() -> str:
    return f"thr_{uuid4().hex}"


def test_the_last_open_thread_is_open_again_and_new_chat_is_really_new(
    alice_at_home: Reader,
) -> None:
    alice = alice_at_home
    address = alice.owns(an_id(), "Knots")
    alice.owns(an_id(), "Other")
    page = alice.open(address)

    alice.open("/history")
    expect(page).to_have_url(alice.server.url + address)
    page.get_by_role("link", name="New chat").first.click()
    expect(page).to_have_url(re.compile("/history/new$"))
    expect(page.locator(".greeting")).to_have_text("What would you like to talk about?")
    page.reload()
    expect(page).to_have_url(re.compile("/history/new$"))


def test_a_last_thread_that_is_gone_does_not_stand_in_the_way(alice_at_home: Reader) -> None:
    alice = alice_at_home
    thread_id = an_id()
    page = alice.open(alice.owns(thread_id, "Knots"))
    page.request.post(
        f"{alice.server.url}/history/{thread_id}/delete",
        form={"confirm": "yes"},
        headers={"Origin": alice.server.url},
    )

    page.goto(alice.server.url + "/history")

    expect(page).to_have_url(re.compile("/history/new$"))
    page.goto(alice.server.url + "/history")
    expect(page).to_have_url(re.compile("/history$"))


def test_signing_out_forgets_and_the_next_person_starts_afresh(new_person: NewPerson) -> None:
    alice, mallory = new_person(), new_person("Mallory")
    page = alice.open(alice.owns(an_id(), "Knots"))
    page.get_by_role("textbox", name="Message").fill("a secret thought")

    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    assert page.evaluate(LEFT) == []
    page.get_by_label("Email").fill(mallory.person.email)
    page.get_by_label("Password").fill(mallory.person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/history$"))
    expect(page.get_by_text("No conversations yet.")).to_be_visible()


def test_more_threads_come_in_place_and_the_list_ends(alice_at_home: Reader) -> None:
    alice = alice_at_home
    for number in range(45):
        alice.owns(an_id(), f"Thread {number}")
    page = alice.open("/history/new")
    rows = page.locator(".thread-row")
    expect(rows).to_have_count(20)

    page.get_by_role("link", name="Load more").focus()
    expect(rows).to_have_count(40)
    expect(rows.nth(20).locator("a.thread-link")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    expect(rows).to_have_count(45)

    expect(page.get_by_text("That is everything.")).to_be_visible()
    expect(page.get_by_role("heading", name="Today")).to_have_count(1)
    expect(page).to_have_url(re.compile("/history/new$"))


def test_scrolling_to_the_end_brings_more_and_moves_no_focus(alice_at_home: Reader) -> None:
    alice = alice_at_home
    for number in range(30):
        alice.owns(an_id(), f"Thread {number}")
    page = alice.open("/history/new")
    rows = page.locator(".thread-row")
    page.get_by_role("textbox", name="Message").focus()

    rows.nth(19).scroll_into_view_if_needed()
    page.locator(".threads").evaluate("list => list.scrollTo(0, list.scrollHeight)")

    expect(rows).to_have_count(30)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_while_more_is_coming_the_link_says_so(alice_at_home: Reader) -> None:
    alice = alice_at_home
    for number in range(25):
        alice.owns(an_id(), f"Thread {number}")
    page = alice.open("/history/new")
    waiting: list[Route] = []
    page.route("**/history?after=*", lambda route: waiting.append(route))

    page.get_by_role("link", name="Load more").focus()
    expect(page.get_by_role("link", name="Loading…")).to_have_attribute("aria-busy", "true")
    waiting[0].continue_()

    expect(page.locator(".thread-row")).to_have_count(25)


def test_a_message_moves_its_thread_to_the_top(alice_at_home: Reader) -> None:
    alice = alice_at_home
    address = alice.owns(an_id(), "Older")
    alice.owns(an_id(), "Newer")
    page = alice.open(address)
    expect(page.locator(".thread-title").first).to_have_text("Newer")

    alice.say("Again")
    alice.wait_for_answer()

    expect(page.locator(".thread-title").first).to_have_text("Older")


def test_on_a_phone_the_list_is_a_drawer_that_closes_with_escape(new_person: NewPerson) -> None:
    alice = new_person(viewport=PHONE)
    alice.owns(an_id(), "Knots")
    page = alice.open("/history/new")
    link = page.get_by_role("link", name="Knots")
    expect(link).to_be_hidden()

    page.get_by_role("button", name="Conversations").click()
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(page.get_by_role("button", name="Conversations")).to_be_focused()


def test_signing_out_in_one_tab_empties_the_others(new_person: NewPerson) -> None:
    alice = new_person()
    thread_id = an_id()
    alice.owns(thread_id, "Knots", a_message(text="A secret", thread_id=thread_id))
    page, other = alice.open("/history/new"), alice.open_tab(f"/history/{thread_id}").page
    other.get_by_role("textbox", name="Message").fill("A draft")
    expect(other.get_by_text("A secret").first).to_be_visible()

    page.get_by_role("button", name="Sign out").click()

    expect(other.get_by_role("heading", name="Welcome back")).to_be_visible()
    assert other.evaluate(LEFT) == []


def test_without_javascript_the_list_reads_on_and_opens(new_person: NewPerson) -> None:
    alice = new_person(java_script_enabled=False)
    thread_id = an_id()
    said = [a_message(text="What is twine?", thread_id=thread_id)]
    said_back = [an_answer(text="Two **strands**.", thread_id=thread_id)]
    alice.owns(thread_id, "Twine", *said, *said_back)
    for number in range(25):
        alice.owns(an_id(), f"Thread {number}")
    page = alice.open("/history")
    expect(page.locator(".thread-row")).to_have_count(20)

    page.get_by_role("link", name="Load more").click()
    expect(page.get_by_text("That is everything.")).to_be_visible()
    page.get_by_role("link", name="Twine").click()
    expect(page.locator(".item-assistant strong")).to_have_text("strands")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    page.get_by_label("Email").fill(alice.person.email)
    page.get_by_label("Password").fill(alice.person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".thread-row")).to_have_count(20)


def test_without_javascript_the_drawer_opens_too(new_person: NewPerson) -> None:
    alice = new_person(java_script_enabled=False, viewport=PHONE)
    alice.owns(an_id(), "Knots")
    page = alice.open("/history/new")

    page.get_by_role("button", name="Conversations").click()
    page.get_by_role("link", name="Knots").click()

    expect(page.get_by_role("heading", name="Knots")).to_be_visible()
