"""The whole story with a keyboard and no mouse: wherever the focus stops, it can be seen."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.browser.keys import Keys
from tests.browser.test_manage import owns, titles
from tests.fix_auth import PASSWORD
from tests.fix_browser import NewPerson, Reader, came, until

CLIPBOARD = ["clipboard-read", "clipboard-write"]


@pytest.fixture
def alice(new_person: NewPerson) -> Reader:
    return new_person(reduced_motion="reduce")


def at(alice: Reader, path: str = "/history/new") -> Keys:
    """Open the page as a link would; everything else is done with keys."""
    alice.page.goto(alice.server.url + path)
    ready(alice.page)
    return Keys(alice.page)


def ready(page: Page) -> None:
    """Wait until every module of the page listens."""
    page.wait_for_load_state("domcontentloaded")
    page.wait_for_function(
        "() => !document.querySelector('[data-module]:not([data-mounted])')"
        " && !document.querySelector('threadkeeper-chat:not([data-ready])')"
    )


def message_box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def to_list(keys: Keys) -> None:
    """Go from the message box back into the list, to its last row, and up to its first."""
    keys.back_to("Archive")
    keys.back_to("Options for")
    keys.press("Home")
    keys.stop()


def pick(keys: Keys, item: str) -> None:
    """Open the menu of the row that has the focus, and take something from it."""
    keys.press("Tab")
    keys.is_named("Options for")
    keys.press("Enter")
    keys.is_named("Rename")
    keys.go_to(item, key="ArrowDown")
    keys.press("Enter")


def test_signing_up_out_and_in_again(alice: Reader) -> None:
    alice.context.clear_cookies()
    keys, page = at(alice, "/sign-up"), alice.page
    email = f"keys-{uuid4().hex}@example.com"
    keys.is_named("Name")
    keys.write("Keys Only")
    for label, words in (("Email", email), ("Password", PASSWORD)):
        keys.press("Tab")
        keys.is_named(label)
        keys.write(words)
    keys.press("Enter")
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    ready(page)

    keys.is_on(message_box(page))
    keys.back_to("Sign out")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    keys.is_named("Email")
    keys.write(email)
    keys.press("Tab")
    keys.write("not the password")
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    keys.is_named("Email")
    keys.press("Tab")
    keys.write(PASSWORD)
    keys.go_to("Sign in")
    keys.press("Enter")

    expect(page.get_by_text("No conversations yet.")).to_be_visible()


@pytest.mark.parametrize("path", ["/history/new", "/history/archived", "/history/select"])
def test_the_first_stop_of_a_page_skips_what_is_on_every_page(alice: Reader, path: str) -> None:
    owns(alice, "Knots")
    keys, page = at(alice, path), alice.page
    keys.go_to("Skip to the content")

    keys.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    keys.press("Tab")

    keys.stop()
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_every_part_of_a_conversation_is_reached_with_tab(alice: Reader) -> None:
    [first] = owns(alice, "Knots")
    keys = at(alice, f"/history/{first}")
    keys.go_to("Sign out")

    for stop in ("Options for this conversation", "Copy your message", "Copy this answer"):
        keys.go_to(stop)
    for stop in ("Good answer", "Bad answer", "Message"):
        keys.go_to(stop)


def test_asking_reading_praising_and_copying(alice: Reader) -> None:
    alice.context.grant_permissions(CLIPBOARD, origin=alice.server.url)
    keys, page = at(alice), alice.page
    keys.is_on(message_box(page))
    keys.write("What is twine?")
    keys.press("Enter")
    expect(page.locator(".item-assistant .prose")).not_to_be_empty()
    expect(page.get_by_role("button", name="Send")).to_have_count(1)
    keys.is_on(message_box(page))

    keys.back_to("Good answer")
    keys.press("Enter")
    thumb = page.get_by_role("button", name="Good answer")
    expect(thumb).to_have_attribute("aria-pressed", "true")
    keys.is_on(thumb)
    keys.back_to("Copy this answer")
    keys.press("Space")
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_have_count(1)
    keys.is_named("Copy this answer")

    said = page.locator(".item-assistant .prose").inner_text()
    assert page.evaluate("navigator.clipboard.readText()").split()[:3] == said.split()[:3]
    keys.go_to("Message")


def test_another_thread_is_opened_with_arrows(alice: Reader) -> None:
    [_, second, _] = owns(alice, "Knots", "Twine", "Rope")
    keys, page = at(alice), alice.page
    to_list(keys)
    keys.is_named("Knots")

    keys.press("ArrowDown", "ArrowDown", "ArrowDown")
    keys.is_named("Rope")
    keys.press("ArrowUp")
    keys.is_named("Twine")
    keys.press("Enter")

    expect(page).to_have_url(re.compile(f"/history/{second}$"))
    ready(page)
    keys.is_on(message_box(page))
    expect(page.locator(".bubble")).to_have_text("What about twine?")


def test_a_search_as_one_types_leads_to_the_message(alice: Reader) -> None:
    owns(alice, "Knots", "Twine")
    keys, page = at(alice), alice.page
    keys.press("Control+k")
    keys.is_on(page.get_by_role("searchbox"))
    keys.press("Escape")
    keys.is_on(message_box(page))
    to_list(keys)
    keys.press("/")
    keys.write("about twi")
    hit = page.locator(".search-hit", has_text="What about twine?")
    expect(hit).to_have_count(1)
    keys.press("Escape")
    keys.is_named("Knots")

    keys.press("/", "ArrowDown")
    keys.is_on(hit)
    keys.press("Enter")

    found = page.locator(".item-found")
    expect(found).to_contain_text("What about twine?")
    keys.is_on(found)
    keys.press("Tab")
    assert keys.stop() == "Copy your message"


def test_a_thread_is_renamed_pinned_and_put_away_and_back(alice: Reader) -> None:
    owns(alice, "Knots", "Twine", "Rope")
    keys, page = at(alice), alice.page
    to_list(keys)
    keys.press("ArrowDown")
    pick(keys, "Rename")
    keys.is_named("New name")
    keys.write("Bends")
    keys.press("Enter")
    keys.is_on(page.get_by_role("link", name="Bends"))
    keys.press("Tab", "Enter", "Enter")
    keys.is_named("New name")
    keys.write("Something else")
    keys.press("Escape")
    keys.is_on(page.get_by_role("link", name="Bends"))

    pick(keys, "Pin")
    expect(titles(page)).to_have_text(["Bends", "Knots", "Rope"])
    keys.is_on(page.get_by_role("button", name="Options for “Bends”"))
    keys.back_to("Bends")
    pick(keys, "Archive")
    expect(titles(page)).to_have_text(["Knots", "Rope"])
    keys.is_on(page.get_by_role("link", name="Knots"))

    keys.go_to("Archive")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Archive")).to_be_visible()
    ready(page)
    keys.go_to("Bends")
    pick(keys, "Unarchive")
    expect(page.get_by_text("The archive is empty.")).to_be_visible()
    keys.back_to("Your conversations")
    keys.press("Enter")
    expect(titles(page)).to_have_text(["Knots", "Bends", "Rope"])


def test_one_is_deleted_after_the_question_and_comes_back(alice: Reader) -> None:
    owns(alice, "Knots", "Twine", "Rope")
    keys, page = at(alice), alice.page
    dialog = page.get_by_role("dialog")
    to_list(keys)
    keys.press("ArrowDown")
    pick(keys, "Delete")
    keys.is_on(dialog.get_by_role("button", name="Keep it"))
    keys.press("Escape")
    expect(dialog).to_have_count(0)
    keys.is_on(page.get_by_role("button", name="Options for “Twine”"))

    for undoing in ("the button", "the key"):
        keys.press("Shift+Tab")
        pick(keys, "Delete")
        keys.go_to("Delete")
        keys.press("Enter")
        expect(titles(page)).to_have_text(["Knots", "Rope"])
        keys.is_on(page.get_by_role("link", name="Rope"))
        if undoing == "the button":
            keys.go_to("Undo")
            keys.press("Enter")
        else:
            keys.press("Control+z")
        expect(titles(page)).to_have_text(["Knots", "Twine", "Rope"])
        keys.is_on(page.get_by_role("link", name="Twine"))
        keys.press("Tab")


def test_what_comes_back_with_the_list_first_has_the_focus_too(alice: Reader) -> None:
    owns(alice, "Knots", "Twine", "Rope")
    keys, page = at(alice), alice.page
    to_list(keys)
    keys.press("ArrowDown")
    pick(keys, "Delete")
    keys.go_to("Delete")
    keys.press("Enter")
    expect(titles(page)).to_have_text(["Knots", "Rope"])
    undone: list[tuple[Route, APIResponse]] = []
    page.route("**/undo", lambda route: undone.append((route, route.fetch())))

    keys.press("Control+z")
    until(page, lambda: undone, "the undoing")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(titles(page)).to_have_text(["Knots", "Twine", "Rope"])
    [(route, answer)] = undone
    route.fulfill(response=answer)

    keys.is_on(page.get_by_role("link", name="Twine"))


def test_what_the_server_said_before_an_undo_moves_no_focus_after_it(alice: Reader) -> None:
    owns(alice, "Knots", "Twine")
    keys, page = at(alice), alice.page
    to_list(keys)
    held: list[tuple[Route, APIResponse]] = []
    page.route(re.compile("/history$"), lambda route: held.append((route, route.fetch())))
    pick(keys, "Delete")
    keys.go_to("Delete")
    keys.press("Enter")
    expect(titles(page)).to_have_text(["Twine"])
    came(page, held, what="the answer to the deletion")
    keys.press("Control+z")
    expect(titles(page)).to_have_text(["Knots", "Twine"])
    route, old = held[0]

    with page.expect_request(re.compile("/history$")) as again:
        route.fulfill(response=old)
        page.unroute_all()
    response = again.value.response()
    assert response
    response.finished()

    expect(titles(page)).to_have_text(["Knots", "Twine"])
    keys.is_on(page.get_by_role("link", name="Knots"))


def test_several_are_put_away_and_deleted_and_come_back(alice: Reader) -> None:
    owns(alice, "Knots", "Twine", "Rope", "Cord")
    keys, page = at(alice), alice.page
    keys.back_to("Manage")
    keys.press("Enter")
    keys.is_named("Select several")
    keys.press("Escape")
    keys.is_named("Manage")
    keys.press("Enter", "Enter")
    expect(page.get_by_role("heading", name="Select conversations")).to_be_visible()
    ready(page)

    keys.go_to("Knots")
    keys.press("Space", "ArrowDown", "Space")
    keys.is_named("Twine")
    expect(page.get_by_text("2 selected")).to_be_visible()
    keys.back_to("Archive")
    keys.press("Enter")
    expect(titles(page)).to_have_text(["Rope", "Cord"])
    keys.go_to("Rope")
    keys.press("Space")
    keys.back_to("Delete")
    keys.press("Enter")
    keys.is_named("Keep it")
    keys.press("Escape")
    keys.is_named("Delete")
    keys.press("Enter")
    keys.go_to("Delete")
    keys.press("Enter")
    expect(titles(page)).to_have_text(["Cord"])
    keys.is_named("Cord")
    keys.press("Control+z")

    expect(titles(page)).to_have_text(["Rope", "Cord"])
    keys.is_named("Rope")
    page.goto(alice.server.url + "/history/archived")
    expect(titles(page)).to_have_text(["Knots", "Twine"])


def test_a_thread_and_everything_is_exported(alice: Reader) -> None:
    owns(alice, "Knots")
    keys, page = at(alice), alice.page
    to_list(keys)
    with page.expect_download() as one:
        pick(keys, "Export as Markdown")
    assert one.value.suggested_filename.endswith(".md")
    keys.is_on(page.get_by_role("button", name="Options for “Knots”"))

    keys.go_to("Manage")
    keys.press("Enter")
    keys.go_to("Export everything as JSON", key="ArrowDown")
    with page.expect_download() as everything:
        keys.press("Enter")

    assert everything.value.suggested_filename.endswith(".json")
    keys.is_on(page.get_by_role("button", name="Manage"))


def test_everything_is_deleted_after_typing_the_word(alice: Reader) -> None:
    owns(alice, "Knots", "Twine")
    keys, page = at(alice), alice.page
    keys.back_to("Manage")
    keys.press("Enter", "End")
    keys.is_named("Delete everything")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Delete everything?")).to_be_visible()

    for word in ("everything", "delete"):
        keys.is_named("Type delete to go on")
        keys.write(word)
        keys.press("Enter")
        if word == "everything":
            expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    expect(page.get_by_role("heading", name="Deleted")).to_be_visible()
    keys.go_to("Undo")
    keys.press("Enter")

    expect(titles(page)).to_have_text(["Knots", "Twine"])


def test_on_a_narrow_screen_the_drawer_is_worked_by_keys(new_person: NewPerson) -> None:
    alice = new_person(viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    owns(alice, "Knots", "Twine")
    keys, page = at(alice), alice.page
    keys.back_to("Conversations")
    keys.press("Enter")
    expect(page.get_by_role("link", name="Twine")).to_be_visible()
    keys.go_to("Knots")
    keys.press("ArrowDown")
    pick(keys, "Delete")
    keys.is_named("Keep it")
    keys.press("Escape")
    keys.is_on(page.get_by_role("button", name="Options for “Twine”"))
    keys.press("Escape")

    expect(page.get_by_role("link", name="Twine")).to_be_hidden()
    keys.is_on(page.get_by_role("button", name="Conversations"))
