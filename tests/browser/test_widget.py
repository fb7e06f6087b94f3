"""The panel on somebody else's page: what comes back, what is asked, and networks that fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chat.connection import Connection
from tests.browser.test_widget_sign_in import box, card, come_back, say
from tests.browser.widget_site import Sites, Visitor, a_chat
from tests.fix_auth import AuthServer, Person
from tests.fix_browser import assert_accessible
from tests.fix_hosts import SAME_SITE
from tests.fix_model import Reply, pieces_of

LONG = " ".join(f"word{number}" for number in range(60))


@pytest.fixture
def alice(sites: Sites, visitor: Visitor) -> Person:
    """Alice, who is signed in."""
    person = sites.auth.sign_up("Alice")
    visitor.sign_in(person)
    return person


def open_thread(page: Page) -> str:
    thread: str = page.locator("threadkeeper-chat").evaluate("one => one.threadId")
    return thread


def ask(page: Page, asked: str) -> None:
    page.evaluate(f"Threadkeeper.ask({asked})")


@pytest.mark.usefixtures("alice")
def test_the_last_thread_comes_back_on_every_page_and_in_a_new_tab(visitor: Visitor) -> None:
    page = visitor.open()
    say(page, "Remember me")
    thread = open_thread(page)

    page.get_by_role("link", name="Another page").click()
    expect(page.locator(".bubble")).to_have_text(["Remember me"])
    page.reload()
    expect(page.locator(".bubble")).to_have_text(["Remember me"])
    other = visitor.another_tab().open()
    expect(other.locator(".bubble")).to_have_text(["Remember me"])

    href = page.get_by_role("link", name="Open the whole page").get_attribute("href")
    assert href == f"{visitor.sites.chat}/history/{thread}"


@pytest.mark.usefixtures("alice")
def test_two_tabs_keep_a_thread_each_and_a_new_one_opens_the_last_used(visitor: Visitor) -> None:
    first = visitor.open()
    say(first, "One")
    second = visitor.another_tab().open()
    second.get_by_role("button", name="New conversation").click()
    say(second, "Two")

    first.reload()
    expect(first.locator(".bubble")).to_have_text(["One"])
    second.reload()
    expect(second.locator(".bubble")).to_have_text(["Two"])
    expect(visitor.another_tab().open().locator(".bubble")).to_have_text(["Two"])


@pytest.mark.usefixtures("alice")
def test_what_another_tab_wrote_is_there_on_coming_back(visitor: Visitor) -> None:
    first = visitor.open()
    say(first, "One")
    second = visitor.another_tab().open()
    expect(second.locator(".bubble")).to_have_text(["One"])
    say(second, "Two")
    box(first).fill("Half a question")

    come_back(first)

    expect(first.locator(".bubble")).to_have_text(["One", "Two"])
    expect(box(first)).to_have_value("Half a question")


def test_a_thread_that_is_gone_gives_way_to_a_new_one(visitor: Visitor, alice: Person) -> None:
    page = visitor.visit()
    page.evaluate("id => localStorage.setItem(`threadkeeper:last:${id}`, 'thr_gone')", alice.id)
    page.get_by_role("button", name="Open chat").click()

    expect(page.get_by_text("What would you like to talk about?")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert page.evaluate("id => localStorage.getItem(`threadkeeper:last:${id}`)", alice.id) is None


@pytest.mark.usefixtures("alice")
def test_what_the_page_asks_is_sent_into_the_open_thread(visitor: Visitor) -> None:
    page = visitor.visit()
    ask(page, "'From the page'")
    expect(page.locator(".item-assistant")).to_have_count(1)
    thread = open_thread(page)
    expect(page.get_by_role("button", name="Send")).to_be_visible()

    ask(page, "{ text: 'What is that?', quote: 'E14' }")
    expect(page.locator(".item-assistant")).to_have_count(2)
    assert open_thread(page) == thread

    ask(page, "{ text: 'Not yet', send: false }")
    expect(box(page)).to_have_value("Not yet")
    expect(page.locator(".bubble")).to_have_count(2)


@pytest.mark.usefixtures("alice")
def test_what_the_page_asks_meanwhile_waits_in_the_composer(visitor: Visitor) -> None:
    gap = Reply(pieces_of(LONG), pause=0.05)
    visitor.sites.model.when_asked("Take your time", gap)
    page = visitor.open()
    box(page).fill("Take your time")
    box(page).press("Enter")
    expect(page.locator(".item-writing")).to_have_count(1)

    ask(page, "'Be quick'")

    banner = page.locator(".panel-banner", has_text="Your words wait below.")
    expect(banner).to_be_visible()
    expect(box(page)).to_have_value("Be quick")
    expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=15_000)
    expect(banner).to_be_hidden()
    visitor.sites.model.when_asked("Take your time", None)


def test_what_the_page_asks_waits_for_the_sign_in(visitor: Visitor, sites: Sites) -> None:
    page = visitor.visit()
    ask(page, "{ text: 'Is it bright?', quote: 'six watts' }")
    expect(card(page)).to_be_visible()
    expect(box(page)).to_have_value("Is it bright?")
    expect(page.locator(".quote-words")).to_have_text("six watts")
    expect(page.get_by_role("link", name="Sign in")).to_be_focused()

    visitor.sign_in(sites.auth.sign_up("Alice"))
    page.evaluate("Threadkeeper.refresh()")

    expect(card(page)).to_be_hidden()
    expect(box(page)).to_have_value("Is it bright?")
    expect(page.locator(".quote-words")).to_have_text("six watts")
    expect(page.locator(".bubble")).to_have_count(0)


@pytest.mark.usefixtures("alice")
def test_quote_and_context_are_stored_and_reach_the_model(visitor: Visitor, sites: Sites) -> None:
    page = visitor.visit()
    page.evaluate("Threadkeeper.init({ pageContext: true })")
    page.evaluate("Threadkeeper.setContext({ lamp: 'E14-shop' })")
    ask(page, "{ text: 'How bright?', quote: 'at most six watts' }")
    expect(page.locator(".item-assistant")).to_have_count(1)

    with Connection.connect(sites.server.dsn, autocommit=True) as conn:
        rows = conn.execute(
            "SELECT document FROM chatkit_thread_item WHERE thread_id = %s", [open_thread(page)]
        ).fetchall()
    stored = " ".join(str(row[0]) for row in rows)
    asked = " ".join(str(body) for body in sites.model.requests)
    for words in ("at most six watts", "E14-shop", page.url.rstrip("/")):
        assert words in stored
        assert words in asked


@pytest.mark.usefixtures("alice")
def test_offline_says_so_keeps_everything_and_comes_back(visitor: Visitor) -> None:
    page = visitor.open()
    say(page, "Before")
    visitor.context.set_offline(True)
    banner = page.locator(".panel-banner", has_text="You are offline.")
    expect(banner).to_be_visible()
    box(page).fill("Written offline")
    expect(page.locator(".bubble")).to_have_text(["Before"])

    visitor.context.set_offline(False)

    expect(banner).to_be_hidden()
    expect(box(page)).to_have_value("Written offline")
    say(page, "Written offline")


def test_an_auth_server_that_is_away_signs_nobody_out(
    visitor: Visitor, sites: Sites, own_auth: AuthServer, tmp_path: Path, dsn: str
) -> None:
    with a_chat(sites.hosts, dsn, own_auth, sites.model, tmp_path / "gunicorn.log") as (
        server,
        chat,
    ):
        alice = own_auth.sign_up("Alice")
        visitor.sign_in(alice, chat)
        sites.hosts.page("/away", head=f'<script src="{chat}/widget.js" defer></script>')
        page = visitor.open(path="/away")
        say(page, "Still here")
        own_auth.stop()
        server.stop()
        server.start()

        with page.expect_response("**/chatkit/session") as heard:
            come_back(page)

        assert heard.value.status == 503
        expect(page.locator(".bubble")).to_have_text(["Still here"])
        page.wait_for_timeout(300)
        expect(card(page)).to_be_hidden()
        page.reload()
        expect(page.get_by_text("We could not find out who you are.").first).to_be_visible()
        box(page).fill("Kept meanwhile")
        own_auth.start()
        expect(page.locator(".bubble")).to_have_text(["Still here"], timeout=20_000)
        expect(box(page)).to_have_value("Kept meanwhile")


@pytest.mark.parametrize("signed_in", [True, False])
def test_axe_finds_nothing(visitor: Visitor, sites: Sites, *, signed_in: bool) -> None:
    if signed_in:
        visitor.sign_in(sites.auth.sign_up("Alice"))
    page = visitor.open(SAME_SITE)
    expect(page.locator(".greeting") if signed_in else card(page)).to_be_visible()

    assert_accessible(page)
