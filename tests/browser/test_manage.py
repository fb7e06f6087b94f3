"""Managing conversations in a browser: every verb with JavaScript, and every verb without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from chat.connection import Connection
from tests.fix_browser import NewPerson, Reader
from tests.fix_store import a_message, an_answer

PHONE = {"width": 320, "height": 640}


def owns(who: Reader, *titles: str) -> list[str]:
    """Store threads with these titles, the first with the newest activity; return their ids."""
    ids = [f"thr_{uuid4().hex}" for _ in titles]
    for thread_id, title in zip(ids, titles, strict=True):
        who.owns(
            thread_id,
            title,
            a_message(text=f"What about {title.lower()}?", thread_id=thread_id),
            an_answer(text=f"Much can be said of {title.lower()}.", thread_id=thread_id),
        )
    with Connection.connect(who.server.environ["DATABASE_URL"], autocommit=True) as conn:
        for number, thread_id in enumerate(ids):
            conn.execute(
                "UPDATE chatkit_thread SET last_message_at = now() - %s WHERE id = %s",
                [timedelta(seconds=number), thread_id],
            )
    return ids


def titles(page: Page) -> Locator:
    return page.locator(".thread-row .thread-title")


def row(page: Page, title: str) -> Locator:
    return page.locator(".thread-row").filter(
        has=page.locator(".thread-title", has_text=re.compile(f"^{re.escape(title)}$"))
    )


def choose(page: Page, title: str, item: str) -> None:
    """Open the menu of that row, and take something from it."""
    row(page, title).hover()
    page.get_by_role("button", name=f"Options for “{title}”").click()
    menu = page.locator(".menu:popover-open")
    menu.get_by_text(item, exact=True).click()


def confirm(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()


@pytest.fixture
def plain(new_person: NewPerson) -> Reader:
    """Alice in a browser that runs no scripts."""
    return new_person(java_script_enabled=False)


@pytest.fixture
def failing(alice_at_home: Reader) -> Iterator[Reader]:
    """Alice, whose browser will also write down what failed on purpose."""
    yield alice_at_home
    wanted = re.compile(r"htmx:(afterRequest|sendError|responseError|timeout)|Response Status")
    alice_at_home.problems[:] = [line for line in alice_at_home.problems if not wanted.search(line)]


# With JavaScript


def test_a_thread_is_renamed_where_it_stands(alice_at_home: Reader) -> None:
    [first, _] = owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.open(f"/history/{first}")

    choose(page, "Knots", "Rename")
    field = page.get_by_role("textbox", name="New name")
    expect(field).to_have_value("Knots")
    expect(field).to_be_focused()
    field.fill("<b>Bends</b> & hitches")
    page.keyboard.press("Enter")

    expect(titles(page)).to_have_text(["<b>Bends</b> & hitches", "Twine"])
    expect(page.locator("h1")).to_have_text("<b>Bends</b> & hitches")
    expect(page).to_have_title("<b>Bends</b> & hitches · Threadkeeper")
    expect(page.get_by_role("link", name="<b>Bends</b>")).to_be_focused()
    page.reload()
    expect(titles(page).first).to_have_text("<b>Bends</b> & hitches")


def test_escape_gives_the_old_name_back_and_an_empty_one_is_refused(failing: Reader) -> None:
    owns(failing, "Knots")
    page = failing.open("/history/new")

    choose(page, "Knots", "Rename")
    page.keyboard.type("Something else")
    page.keyboard.press("Escape")
    expect(titles(page)).to_have_text(["Knots"])
    expect(page.get_by_role("link", name="Knots")).to_be_focused()

    choose(page, "Knots", "Rename")
    page.get_by_role("textbox", name="New name").fill("   ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("has to say something")
    page.get_by_role("textbox", name="New name").fill("x" * 201)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at most 200")
    page.keyboard.press("Escape")
    expect(titles(page)).to_have_text(["Knots"])


def test_the_open_thread_is_renamed_from_its_own_menu(alice_at_home: Reader) -> None:
    [first] = owns(alice_at_home, "Knots")
    page = alice_at_home.open(f"/history/{first}")

    page.get_by_role("button", name="Options for this conversation").click()
    page.locator(".menu:popover-open").get_by_role("link", name="Rename").click()
    page.keyboard.type("Bends")
    page.keyboard.press("Enter")

    expect(page.locator("h1")).to_have_text("Bends")
    expect(titles(page)).to_have_text(["Bends"])
    expect(page.get_by_role("button", name="Options for this conversation")).to_be_focused()


def test_pinning_moves_a_row_up_and_back_in_every_tab(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine", "Rope")
    page = alice_at_home.open("/history/new")
    other = alice_at_home.open_tab("/history/new").page

    choose(page, "Rope", "Pin")

    for each in (page, other):
        expect(titles(each)).to_have_text(["Rope", "Knots", "Twine"])
        expect(each.get_by_role("heading", name="Pinned")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Pinned.")).to_have_count(1)
    choose(page, "Rope", "Unpin")
    for each in (page, other):
        expect(titles(each)).to_have_text(["Knots", "Twine", "Rope"])


def test_archiving_takes_a_row_to_the_archive_and_back(alice_at_home: Reader) -> None:
    [first, _] = owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.open(f"/history/{first}")

    choose(page, "Knots", "Archive")
    expect(titles(page)).to_have_text(["Twine"])
    expect(page.get_by_text("This conversation is in the archive.")).to_be_visible()
    page.get_by_role("button", name="Unarchive").click()
    expect(titles(page)).to_have_text(["Knots", "Twine"])
    expect(page.get_by_text("This conversation is in the archive.")).to_be_hidden()

    choose(page, "Twine", "Archive")
    expect(titles(page)).to_have_text(["Knots"])
    page.get_by_role("link", name="Archive").click()
    expect(titles(page)).to_have_text(["Twine"])
    choose(page, "Twine", "Unarchive")
    expect(page.get_by_text("The archive is empty.")).to_be_visible()


def test_a_message_brings_an_archived_thread_back(alice_at_home: Reader) -> None:
    [first] = owns(alice_at_home, "Knots")
    page = alice_at_home.open(f"/history/{first}")
    choose(page, "Knots", "Archive")
    expect(page.get_by_text("This conversation is in the archive.")).to_be_visible()

    alice_at_home.say("Are you there?")
    alice_at_home.wait_for_answer()

    expect(page.get_by_text("This conversation is in the archive.")).to_be_hidden()
    expect(titles(page)).to_have_text(["Knots"])


def test_deleting_asks_and_can_be_undone_in_every_tab(alice_at_home: Reader) -> None:
    [_, second, _] = owns(alice_at_home, "Knots", "Twine", "Rope")
    page = alice_at_home.open("/history/new")
    other = alice_at_home.open_tab("/history/new").page

    choose(page, "Twine", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(titles(page)).to_have_count(3)
    choose(page, "Twine", "Delete")
    confirm(page)

    for each in (page, other):
        expect(titles(each)).to_have_text(["Knots", "Rope"])
    expect(page.get_by_role("link", name="Rope")).to_be_focused()
    gone = page.request.get(f"{alice_at_home.server.url}/history/{second}")
    assert gone.status == 404
    page.get_by_role("button", name="Undo").click()
    for each in (page, other):
        expect(titles(each)).to_have_text(["Knots", "Twine", "Rope"])
    expect(page.get_by_role("status").filter(has_text="Restored.")).to_have_count(1)


def test_deleting_the_open_thread_leads_to_a_new_one_with_its_undo(alice_at_home: Reader) -> None:
    [first] = owns(alice_at_home, "Knots")
    page = alice_at_home.open(f"/history/{first}")

    page.get_by_role("button", name="Options for this conversation").click()
    page.locator(".menu:popover-open").get_by_role("button", name="Delete").click()
    confirm(page)

    expect(page).to_have_url(re.compile("/history/new$"))
    expect(titles(page)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile(f"/history/{first}$"))
    expect(page.locator(".bubble")).to_have_text("What about knots?")
    expect(titles(page)).to_have_text(["Knots"])


def test_another_tab_hears_that_its_thread_was_deleted(alice_at_home: Reader) -> None:
    [first, _] = owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.open("/history/new")
    other = alice_at_home.open_tab(f"/history/{first}").page

    choose(page, "Knots", "Rename")
    page.keyboard.type("Bends")
    page.keyboard.press("Enter")
    expect(other.locator("h1")).to_have_text("Bends")
    choose(page, "Bends", "Delete")
    confirm(page)

    expect(other.get_by_role("alert")).to_contain_text("was deleted in another tab")
    expect(titles(other)).to_have_text(["Twine"])


def test_a_thread_that_is_gone_already_is_taken_as_deleted(alice_at_home: Reader) -> None:
    [first, _] = owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.open("/history/new")
    page.request.post(
        f"{alice_at_home.server.url}/history/{first}/delete",
        form={"confirm": "yes"},
        headers={"Origin": alice_at_home.server.url},
    )

    choose(page, "Knots", "Delete")
    confirm(page)

    expect(titles(page)).to_have_text(["Twine"])
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_fails_says_so_and_can_be_tried_again(failing: Reader) -> None:
    owns(failing, "Knots", "Twine")
    page = failing.open("/history/new")

    def away(route: Route) -> None:
        route.abort()

    page.route("**/pin", away)
    choose(page, "Twine", "Pin")
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    expect(titles(page)).to_have_text(["Knots", "Twine"])

    page.unroute("**/pin", away)
    page.get_by_role("button", name="Try again").click()
    expect(titles(page)).to_have_text(["Twine", "Knots"])


@pytest.mark.parametrize("status", [401, 404, 409, 503])
def test_an_answer_with_an_error_shows_its_sentence_and_no_page(
    failing: Reader, status: int
) -> None:
    owns(failing, "Knots")
    page = failing.open("/history/new")
    error = {"code": "x", "message": f"This is what {status} says.", "request_id": "req_1"}
    page.route("**/pin", lambda route: route.fulfill(status=status, json={"error": error}))

    choose(page, "Knots", "Pin")

    expect(page.get_by_role("alert")).to_contain_text(f"This is what {status} says.")
    expect(titles(page)).to_have_text(["Knots"])


def test_a_next_page_that_fails_can_be_asked_for_again(failing: Reader) -> None:
    owns(failing, *[f"Thread {number}" for number in range(25)])
    page = failing.open("/history/new")
    page.route("**/history?after=*", lambda route: route.fulfill(status=503, body="<h1>No</h1>"))

    page.get_by_role("link", name="Load more").focus()
    again = page.get_by_role("link", name="Try again")
    expect(page.get_by_role("alert")).to_contain_text("did not work")
    expect(titles(page)).to_have_count(20)
    page.unroute("**/history?after=*")
    again.press("Enter")

    expect(titles(page)).to_have_count(25)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator(".thread-link").nth(20)).to_be_focused()


def test_several_are_chosen_by_range_and_put_away(alice_at_home: Reader) -> None:
    owns(alice_at_home, *[f"Thread {number}" for number in range(23)])
    page = alice_at_home.page
    page.goto(alice_at_home.server.url + "/history/select")
    boxes = page.locator(".thread-row .pick")
    expect(page.get_by_text("Nothing selected")).to_be_visible()
    expect(page.get_by_role("button", name="Archive")).to_be_disabled()

    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="Load more").focus()
    expect(boxes).to_have_count(23)
    boxes.nth(22).check()
    expect(page.get_by_text("5 selected")).to_be_visible()
    page.get_by_role("button", name="Archive").click()

    expect(boxes).to_have_count(18)
    expect(page.get_by_text("Nothing selected")).to_be_visible()
    page.goto(alice_at_home.server.url + "/history/select?from=archived")
    page.get_by_label("All shown").check()
    page.get_by_role("button", name="Unarchive").click()
    expect(page.get_by_text("The archive is empty.")).to_be_visible()


def test_several_are_deleted_and_brought_back(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine", "Rope")
    page = alice_at_home.page
    page.goto(alice_at_home.server.url + "/history/select")

    for title in ("Knots", "Rope"):
        page.get_by_role("checkbox", name=title).check()
    page.get_by_role("button", name="Delete").click()
    confirm(page)
    expect(titles(page)).to_have_text(["Twine"])
    page.get_by_role("button", name="Undo").click()

    expect(titles(page)).to_have_text(["Knots", "Twine", "Rope"])


@pytest.mark.parametrize(("label", "ending"), [("Markdown", "md"), ("JSON", "json")])
def test_several_are_exported(alice_at_home: Reader, label: str, ending: str) -> None:
    owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.page
    page.goto(alice_at_home.server.url + "/history/select")
    page.get_by_role("checkbox", name="Knots").check()

    with page.expect_download() as download:
        page.get_by_role("button", name=f"Export as {label}").click()

    assert download.value.suggested_filename.endswith(f".{ending}")


def test_a_thread_is_exported_from_its_menu(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots")
    page = alice_at_home.open("/history/new")

    with page.expect_download() as download:
        choose(page, "Knots", "Export as Markdown")

    assert download.value.suggested_filename.endswith(".md")
    expect(page.locator(".menu:popover-open")).to_have_count(0)


def test_everything_is_deleted_after_a_word_and_comes_back(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine")
    page = alice_at_home.open("/history/new")

    page.get_by_role("button", name="Manage").click()
    page.get_by_role("link", name="Delete everything").click()
    page.get_by_label("Type delete to go on").fill("yes")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    page.get_by_label("Type delete to go on").fill("delete")
    page.get_by_role("button", name="Delete everything").click()
    expect(page.get_by_role("heading", name="Deleted")).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(titles(page)).to_have_text(["Knots", "Twine"])


def test_by_keys_alone(alice_at_home: Reader) -> None:
    owns(alice_at_home, "Knots", "Twine", "Rope")
    page = alice_at_home.open("/history/new")
    page.get_by_role("link", name="Knots").focus()

    page.keyboard.press("End")
    expect(page.get_by_role("link", name="Rope")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    options = page.get_by_role("button", name="Options for “Twine”")
    expect(options).to_be_focused()
    page.keyboard.press("Enter")
    menu = page.locator(".menu:popover-open")
    expect(menu.get_by_role("link", name="Rename")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(options).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(titles(page)).to_have_text(["Twine", "Knots", "Rope"])
    page.keyboard.press("Home")
    expect(page.get_by_role("link", name="Twine")).to_be_focused()


def test_on_a_phone_the_menu_is_a_sheet_and_deleting_comes_back_to_the_list(
    new_person: NewPerson,
) -> None:
    alice = new_person(viewport=PHONE, has_touch=True, is_mobile=True)
    owns(alice, "Knots", "Twine")
    page = alice.open("/history/new")
    page.get_by_role("button", name="Conversations").click()

    page.get_by_role("button", name="Options for “Knots”").click()
    menu = page.locator(".menu:popover-open")
    box = menu.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 320)
    assert round(box["y"] + box["height"]) == 640
    menu.get_by_role("button", name="Delete").click()
    confirm(page)

    expect(page.get_by_role("link", name="Twine")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Conversations").or_(
        page.get_by_role("link", name="Knots")
    ).first.wait_for()
    expect(titles(page)).to_have_text(["Knots", "Twine"])


def test_nothing_private_lands_in_storage(alice_at_home: Reader) -> None:
    owns(alice_at_home, *[f"Secret {number}" for number in range(25)])
    page = alice_at_home.open("/history/new")
    page.get_by_role("link", name="Load more").focus()
    expect(titles(page)).to_have_count(25)

    kept = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")

    assert "Secret" not in kept


# Without JavaScript


def test_without_javascript_a_thread_is_renamed(plain: Reader) -> None:
    owns(plain, "Knots")
    page = plain.open("/history/new")

    choose(page, "Knots", "Rename")
    page.get_by_label("Name").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("has to say something")
    page.get_by_label("Name").fill("Bends")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("h1")).to_have_text("Bends")
    expect(titles(page)).to_have_text(["Bends"])


def test_without_javascript_a_thread_is_pinned_and_put_away(plain: Reader) -> None:
    [first, _] = owns(plain, "Knots", "Twine")
    page = plain.open(f"/history/{first}")

    choose(page, "Twine", "Pin")
    expect(titles(page)).to_have_text(["Twine", "Knots"])
    expect(page).to_have_url(re.compile(f"/history/{first}$"))
    choose(page, "Twine", "Unpin")
    expect(titles(page)).to_have_text(["Knots", "Twine"])
    choose(page, "Knots", "Archive")
    expect(titles(page)).to_have_text(["Twine"])
    page.get_by_role("button", name="Unarchive").click()
    expect(titles(page)).to_have_text(["Knots", "Twine"])
    choose(page, "Twine", "Archive")
    page.get_by_role("link", name="Archive").click()
    choose(page, "Twine", "Unarchive")
    expect(page.get_by_text("The archive is empty.")).to_be_visible()


def test_without_javascript_one_is_deleted_after_asking(plain: Reader) -> None:
    owns(plain, "Knots", "Twine")
    page = plain.open("/history/new")

    choose(page, "Knots", "Delete")
    page.get_by_role("link", name="Keep it").click()
    expect(titles(page)).to_have_count(2)
    choose(page, "Knots", "Delete")
    page.get_by_role("button", name="Delete").click()

    expect(titles(page)).to_have_text(["Twine"])


def test_without_javascript_several_are_deleted_from_two_pages_and_undone(plain: Reader) -> None:
    owns(plain, *[f"Thread {number}" for number in range(22)])
    page = plain.page
    page.goto(plain.server.url + "/history/select")

    page.locator(".thread-row .pick").nth(0).check()
    page.get_by_role("button", name="Load more").click()
    expect(page.get_by_text("1 selected on other pages")).to_be_visible()
    page.locator(".thread-row .pick").nth(1).check()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Delete 2 conversations?")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Your conversations").click()
    expect(titles(page).first).to_have_text("Thread 1")
    page.go_back()
    page.get_by_role("button", name="Undo").click()

    expect(titles(page).first).to_have_text("Thread 0")


def test_without_javascript_several_are_put_away_and_exported(plain: Reader) -> None:
    owns(plain, "Knots", "Twine")
    page = plain.open("/history/new")
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("link", name="Select several").click()

    page.get_by_role("checkbox", name="Knots").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as JSON").click()
    assert download.value.suggested_filename.endswith(".json")
    page.get_by_role("button", name="Archive").click()

    expect(titles(page)).to_have_text(["Twine"])


def test_without_javascript_everything_is_deleted_and_undone(plain: Reader) -> None:
    owns(plain, "Knots", "Twine")
    page = plain.page
    page.goto(plain.server.url + "/history/delete-all")

    page.get_by_label("Type delete to go on").fill("delete")
    page.get_by_role("button", name="Delete everything").click()
    page.get_by_role("button", name="Undo").click()

    expect(titles(page)).to_have_text(["Knots", "Twine"])
