"""The element at a plain ChatKit server: the SDK's own, which knows nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.bare_page import bare_page, open_page
from tests.fix_turns import eventually
from tests.plain_chatkit import PlainServer


@pytest.fixture
def plain() -> Iterator[PlainServer]:
    plain = PlainServer()
    yield plain
    plain.close()


@pytest.fixture
def page(chromium: Browser, plain: PlainServer) -> Iterator[Page]:
    with bare_page(chromium, plain.url) as page:
        yield page


def say(where: Page | Locator, text: str) -> None:
    box = where.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")


def answers(where: Page | Locator) -> Locator:
    return where.locator(".item-assistant .prose")


def test_a_thread_begins_and_goes_on(page: Page, plain: PlainServer) -> None:
    say(page, "one")
    expect(answers(page)).to_have_text(["You said: one (1)"])
    expect(page.get_by_role("button", name="Send")).to_be_visible()

    say(page, "two")
    expect(answers(page)).to_have_text(["You said: one (1)", "You said: two (2)"])
    expect(page.get_by_role("button", name="Send")).to_be_visible()

    (thread,) = plain.parrot.memory.threads
    assert len(plain.parrot.memory.items[thread]) == 4
    assert page.evaluate("document.querySelector('threadkeeper-chat').threadId") == thread


def test_stopping_closes_the_connection_and_keeps_what_was_said(
    page: Page, plain: PlainServer
) -> None:
    say(page, "slowly")
    expect(answers(page)).to_contain_text("You")

    page.get_by_role("button", name="Stop").click()

    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_text("Stopped").first).to_be_visible()
    assert [path for path in plain.missed if path.endswith("/stop")]
    expect(answers(page)).to_contain_text("You")
    say(page, "next")
    expect(answers(page).last).to_have_text("You said: next (2)")


def test_an_error_says_so_and_the_question_can_be_asked_again(
    page: Page, plain: PlainServer
) -> None:
    say(page, "fail")
    expect(page.locator(".outcome")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("")

    with page.expect_response(lambda answer: answer.request.method == "POST") as heard:
        page.get_by_role("button", name="Retry").click()
    heard.value.finished()

    expect(page.get_by_role("alert")).to_contain_text("could not be completed")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator(".item-user")).to_have_count(1)
    assert plain.parrot.asked == ["fail", "fail"]


def test_words_of_an_error_for_people_are_shown(page: Page) -> None:
    say(page, "refuse")

    expect(page.get_by_text("I would rather not.").first).to_be_visible()


def test_another_answer_replaces_the_one_before(page: Page, plain: PlainServer) -> None:
    say(page, "again")
    expect(answers(page)).to_have_text(["You said: again (1)"])
    expect(page.get_by_role("button", name="Send")).to_be_visible()

    page.evaluate("document.querySelector('threadkeeper-chat').retry()")

    expect(answers(page)).to_have_text(["You said: again (2)"])
    expect(page.locator(".item-user")).to_have_count(1)


def test_thumbs_are_told(page: Page, plain: PlainServer) -> None:
    say(page, "well")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.locator(".item-assistant").hover()

    page.get_by_role("button", name="Good answer").click()

    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Thank you, that is noted.")).to_be_attached()
    assert [kind for _, kind in plain.parrot.feedback] == ["positive"]


def test_a_reload_brings_the_thread_back(page: Page, plain: PlainServer) -> None:
    for number in range(12):
        say(page, f"number {number}")
        expect(answers(page)).to_have_count(number + 1)
        expect(page.get_by_role("button", name="Send")).to_be_visible()
    (thread,) = plain.parrot.memory.threads

    open_page(page, f"{plain.url}/?thread={thread}")

    expect(answers(page).last).to_have_text("You said: number 11 (12)")
    # A click of the mouse would scroll there, and then they come by themselves.
    page.get_by_role("button", name="Earlier messages").dispatch_event("click")
    expect(answers(page)).to_have_count(12)
    expect(answers(page).first).to_have_text("You said: number 0 (1)")
    # It has no answers to join, and that is nothing to tell.
    assert [path for path in plain.missed if path.startswith("GET /chatkit/turns/")]
    expect(page.locator(".notice")).to_have_count(0)


def test_a_thread_that_is_gone_and_a_server_that_is_down_are_said(
    page: Page, plain: PlainServer
) -> None:
    open_page(page, f"{plain.url}/?thread=thr_gone")
    expect(page.locator(".faults > *")).to_be_visible()

    open_page(page, plain.url)
    plain.down = True
    say(page, "hello")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("hello")
    plain.down = False
    page.get_by_role("button", name="Try again").click()

    expect(answers(page)).to_have_text(["You said: hello (1)"])


def test_two_elements_on_a_page_are_two_conversations(page: Page, plain: PlainServer) -> None:
    open_page(page, f"{plain.url}/?elements=2")
    first, second = page.locator("threadkeeper-chat").all()

    say(first, "left")
    say(second, "right")

    expect(answers(first)).to_have_text([re.compile(r"You said: left")])
    expect(answers(second)).to_have_text([re.compile(r"You said: right")])
    assert len(plain.parrot.memory.threads) == 2
    ids = [one.evaluate("one => one.threadId") for one in (first, second)]
    assert set(ids) == set(plain.parrot.memory.threads)


def test_the_list_of_conversations_opens_renames_and_deletes(
    page: Page, plain: PlainServer
) -> None:
    for words in ("apples", "pears"):
        page.evaluate("document.querySelector('threadkeeper-chat').setThreadId(null)")
        say(page, words)
        expect(answers(page)).to_have_count(1)
        expect(page.get_by_role("button", name="Send")).to_be_visible()
    titles = plain.parrot.memory.threads

    page.get_by_role("button", name="Conversations").click()
    page.get_by_role("button", name="Rename “apples”").press("Enter")
    page.get_by_role("textbox", name="New name").fill("oranges")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Delete “oranges”")).to_be_visible()
    page.get_by_role("button", name="Delete “pears”").press("Enter")
    page.get_by_role("button", name="Delete", exact=True).click()

    expect(page.get_by_role("button", name="Delete “pears”")).to_have_count(0)
    # The list does not wait for the server.
    eventually(lambda: [thread.title for thread in titles.values()] == ["oranges"])
    page.get_by_text("oranges", exact=True).first.click()
    expect(answers(page)).to_have_text(["You said: apples (1)"])
