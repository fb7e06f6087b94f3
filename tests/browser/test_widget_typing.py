"""Somebody types while the widget finds out who they are and what was open: no letter is lost."""

from __future__ import annotations

import pytest
from chatkit.types import ClosedStatus
from playwright.sync_api import Page, Route, expect

from chat.connection import Connection
from chat.tables import threads
from tests.browser.test_widget import open_thread
from tests.browser.test_widget_calls import dialog
from tests.browser.test_widget_sign_in import box, say, signed_out
from tests.browser.widget_site import Sites, Visitor
from tests.fix_auth import Person
from tests.fix_browser import came
from tests.fix_store import a_thread

WORDS = "Whoever types does not look at what is loading, and finds every letter again."


@pytest.fixture
def alice(sites: Sites, visitor: Visitor) -> Person:
    """Alice, who is signed in."""
    person = sites.auth.sign_up("Alice")
    visitor.sign_in(person)
    return person


def typed_through(page: Page, *waits: str, opens: str = "Open chat") -> None:
    """Type the words, with the answers of these addresses held until a part of them is there."""
    held: list[Route] = []
    for address in waits:
        page.route(address, lambda route: held.append(route), times=1)
    page.get_by_role("button", name=opens).click()
    box(page).click()
    share = len(WORDS) // (len(waits) + 1)
    for at in range(len(waits)):
        page.keyboard.type(WORDS[at * share : (at + 1) * share], delay=5)
        came(page, held, at + 1, waits[at])[at].continue_()
    page.keyboard.type(WORDS[len(waits) * share :], delay=15)
    expect(box(page)).to_have_value(WORDS)


@pytest.mark.usefixtures("alice")
def test_while_the_session_is_asked_for(visitor: Visitor) -> None:
    page = visitor.visit()

    typed_through(page, "**/chatkit/session")

    expect(box(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text([WORDS])


@pytest.mark.usefixtures("alice")
def test_enter_twice_while_the_session_is_asked_for_sends_once(visitor: Visitor) -> None:
    page = visitor.visit()
    held: list[Route] = []
    page.route("**/chatkit/session", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Open chat").click()
    box(page).fill("Anybody there?")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    came(page, held, what="the session")

    held[0].continue_()

    expect(page.locator(".bubble")).to_have_text(["Anybody there?"])
    expect(page.get_by_role("button", name="Copy this answer")).to_be_visible()
    expect(box(page)).to_have_value("")


@pytest.mark.usefixtures("alice")
def test_while_the_last_thread_comes_back(visitor: Visitor) -> None:
    page = visitor.open()
    say(page, "Remember me")
    page.reload()
    page.get_by_role("button", name="Close chat").first.click()
    page.reload()

    typed_through(page, "**/chatkit/session", "**/chatkit")

    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text(["Remember me", WORDS])


def test_while_a_thread_that_is_gone_gives_way(visitor: Visitor, alice: Person) -> None:
    page = visitor.visit()
    page.evaluate("id => localStorage.setItem(`threadkeeper:last:${id}`, 'thr_gone')", alice.id)

    typed_through(page, "**/chatkit/session", "**/chatkit")

    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_thread_that_takes_no_messages_keeps_the_focus_in_the_dialog(
    visitor: Visitor, sites: Sites, alice: Person
) -> None:
    page = visitor.open()
    say(page, "Remember me")
    with Connection.connect(sites.server.dsn, autocommit=True) as conn:
        closed = a_thread(open_thread(page), "Closed", status=ClosedStatus())
        threads.save(conn, user_id=alice.id, thread=closed)
    held: list[Route] = []
    page.route("**/chatkit", lambda route: held.append(route), times=1)

    page.reload()
    box(page).click()
    came(page, held, what="the last thread")
    expect(box(page)).to_be_focused()
    held[0].continue_()

    expect(page.locator(".closed")).to_be_visible()
    expect(page.get_by_role("region", name="Conversation")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()


@pytest.mark.usefixtures("alice")
def test_while_the_session_ends(visitor: Visitor) -> None:
    page = visitor.open()
    say(page, "Remember me")
    box(page).click()
    page.keyboard.type(WORDS[:20])
    visitor.context.clear_cookies()

    page.evaluate("Threadkeeper.refresh()")
    expect(signed_out(page)).to_be_visible()
    page.keyboard.type(WORDS[20:])

    expect(box(page)).to_have_value(WORDS)


@pytest.mark.usefixtures("alice")
def test_while_words_of_a_language_do_not_come(visitor: Visitor) -> None:
    visitor.sites.put('defer data-language="de"')
    page = visitor.visit()
    page.route("**/widget/de.js*", lambda route: route.abort())

    typed_through(page, "**/chatkit/session", opens="Chat öffnen")

    assert [one for one in visitor.problems if 'the language "de" could not be loaded' in one]
    visitor.problems.clear()
