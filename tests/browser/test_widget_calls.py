"""What the site's own code does to the panel, and what the panel does with files and the focus."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_launcher_calls import DROP
from tests.browser.test_widget import ask
from tests.browser.test_widget_sign_in import box, card, kept, say
from tests.browser.widget_site import Sites, Visitor
from tests.fix_auth import Person

PASTE = """(one) => {
  const data = new DataTransfer();
  data.items.add(new File(["words"], "notes.txt", { type: "text/plain" }));
  const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, composed: true,
                                              cancelable: true });
  one.dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.fixture
def alice(sites: Sites, visitor: Visitor) -> Person:
    """Alice, who is signed in."""
    person = sites.auth.sign_up("Alice")
    visitor.sign_in(person)
    return person


def dialog(page: Page) -> Any:
    return page.locator("threadkeeper-widget #panel")


def warned(visitor: Visitor, words: str) -> None:
    assert [line for line in visitor.problems if words in line], visitor.problems
    visitor.problems.clear()


@pytest.mark.usefixtures("alice")
def test_of_two_questions_in_a_row_none_is_lost(visitor: Visitor) -> None:
    page = visitor.visit()
    page.evaluate(
        "Threadkeeper.ask('One'); Threadkeeper.ask('Two'); Threadkeeper.ask({ quote: 'Three' })"
    )

    expect(page.locator(".bubble")).to_have_text(["One"])
    expect(box(page)).to_have_value("Two")
    expect(page.locator(".quote-words")).to_have_text("Three")
    expect(page.locator(".item-assistant:not(.item-writing)")).to_have_count(1)


def test_questions_of_nobody_all_wait(visitor: Visitor) -> None:
    page = visitor.visit()
    page.evaluate("Threadkeeper.ask('One'); Threadkeeper.ask('Two')")

    expect(box(page)).to_have_value("One\n\nTwo")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("wrong", ["5", "{ text: 5 }", "{ quote: {} }", "''", "null"])
def test_a_question_that_is_none_is_named_and_left_out(visitor: Visitor, wrong: str) -> None:
    page = visitor.open()
    expect(page.locator(".greeting")).to_be_visible()

    ask(page, wrong)

    warned(visitor, "ask()")
    expect(page.locator(".bubble")).to_have_count(0)
    expect(box(page)).to_have_value("")


def test_a_way_to_sign_in_that_comes_later_is_taken(visitor: Visitor, alice: Person) -> None:
    visitor.context.clear_cookies()
    page = visitor.open()
    page.get_by_role("link", name="Sign in").focus()
    page.evaluate("window.ran = 0; Threadkeeper.init({ signIn: async () => { ran += 1 } })")
    button = page.get_by_role("button", name="Sign in")
    expect(button).to_be_focused()
    button.click()
    page.wait_for_function("window.ran === 1")

    page.evaluate("Threadkeeper.init({ signIn: '/other?from={return}' })")
    link = page.get_by_role("link", name="Sign in")
    expect(link).to_be_focused()
    # A function that takes the place of another one is found at the press.
    page.evaluate("Threadkeeper.init({ signIn: async () => { ran += 10 } })")
    page.evaluate("Threadkeeper.init({ signIn: async () => { ran += 100 } })")
    button.click()
    page.wait_for_function("window.ran === 101")


def test_after_signing_in_by_a_function_the_focus_is_where_one_writes(
    visitor: Visitor, sites: Sites
) -> None:
    page = visitor.open()
    page.evaluate(
        "Threadkeeper.init({ signIn: () => new Promise((done) => (window.done = done)) })"
    )
    page.get_by_role("button", name="Sign in").click()
    visitor.sign_in(sites.auth.sign_up("Alice"))

    page.evaluate("done()")

    expect(box(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()


def test_a_page_that_turns_dark_leaves_the_focus_alone(visitor: Visitor) -> None:
    page = visitor.open()
    link = page.get_by_role("link", name="Sign in")
    link.focus()

    page.evaluate("document.documentElement.style.colorScheme = 'dark'")

    expect(page.locator("threadkeeper-widget")).to_have_attribute("data-scheme", "dark")
    page.wait_for_timeout(700)
    expect(link).to_be_focused()


@pytest.mark.usefixtures("alice")
def test_a_page_that_turns_dark_leaves_a_prompt_alone(visitor: Visitor) -> None:
    page = visitor.open()
    prompt = "{ label: 'A knot', prompt: 'Tell me of a knot' }"
    page.evaluate(f"Threadkeeper.init({{ prompts: [{prompt}] }})")
    page.get_by_role("button", name="A knot").focus()

    page.evaluate("Threadkeeper.init({ theme: 'dark' })")

    expect(page.locator("threadkeeper-chat")).to_have_attribute("data-scheme", "dark")
    expect(page.get_by_role("button", name="A knot")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text(["Tell me of a knot"])


def test_a_fault_is_said_once_and_trying_again_keeps_the_focus(visitor: Visitor) -> None:
    page = visitor.visit()
    page.route("**/chatkit/session", lambda route: route.fulfill(status=503))
    page.get_by_role("button", name="Open chat").click()
    again = page.get_by_role("button", name="Try again")
    words = "We could not find out who you are."
    expect(page.locator(".panel-status")).to_have_text(words)
    button = again.element_handle()
    page.evaluate(
        """() => {
          window.said = 0;
          const status = Threadkeeper.element.shadowRoot.querySelector(".panel-status");
          new MutationObserver(() => (said += 1)).observe(status, { childList: true });
        }"""
    )

    with page.expect_response("**/chatkit/session"):
        page.evaluate("Threadkeeper.refresh()")
    page.wait_for_timeout(300)

    assert button.evaluate("one => one.isConnected")
    assert page.evaluate("said") == 0
    page.route("**/chatkit/session", lambda _route: None)
    again.press("Enter")
    expect(again).to_be_hidden()
    expect(dialog(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()


def test_a_sign_out_with_the_chat_closed_empties_everything(
    visitor: Visitor, alice: Person
) -> None:
    first = visitor.open()
    say(first, "A secret")
    box(first).fill("A half secret")
    slept = visitor.another_tab()
    slept.open()
    box(slept.page).fill("Another half secret")
    slept.page.evaluate("Threadkeeper.close()")
    slept.page.reload()
    visitor.page.close()
    visitor.page = visitor.context.new_page()
    open_one = visitor.another_tab().open()
    expect(open_one.locator(".bubble")).to_have_text(["A secret"])
    closed = visitor.visit()

    closed.evaluate("Threadkeeper.signedOut()")

    assert alice.id not in kept(closed)
    expect(card(open_one)).to_be_visible()
    visitor.context.clear_cookies()
    slept.page.get_by_role("button", name="Open chat").click()
    expect(card(slept.page)).to_be_visible()
    for page in (open_one, slept.page):
        expect(box(page)).to_have_value("")
        left = kept(page)
        assert "secret" not in left
        assert alice.id not in left


def test_a_sign_out_is_not_heard_twice(visitor: Visitor, sites: Sites) -> None:
    page = visitor.visit()
    page.evaluate("Threadkeeper.signedOut()")
    visitor.sign_in(sites.auth.sign_up("Alice"))
    page = visitor.open()
    say(page, "After it")
    box(page).fill("A draft")

    page.reload()

    expect(page.locator(".bubble")).to_have_text(["After it"])
    expect(box(page)).to_have_value("A draft")
    other = visitor.another_tab().open()
    expect(other.locator(".bubble")).to_have_text(["After it"])


def test_a_sign_out_on_our_own_pages_empties_the_widget_there_at_once(
    visitor: Visitor, sites: Sites, alice: Person
) -> None:
    page = visitor.page
    page.goto(f"{sites.chat}/demo")
    page.get_by_role("button", name="Open chat").click()
    say(page, "A secret")
    box(page).fill("A half secret")
    ours = visitor.another_tab().page
    ours.goto(f"{sites.chat}/history")
    ours.locator("[data-module=sign-out][data-mounted]").wait_for()

    ours.get_by_role("button", name="Sign out").click()

    expect(card(page)).to_be_visible()
    expect(box(page)).to_have_value("")
    left = kept(page)
    assert "secret" not in left
    assert alice.id not in left


def test_a_guest_has_no_conversation_to_begin(visitor: Visitor, sites: Sites) -> None:
    page = visitor.open()
    expect(card(page)).to_be_visible()
    expect(page.get_by_role("button", name="New conversation")).to_be_hidden()

    visitor.sign_in(sites.auth.sign_up("Alice"))
    page.evaluate("Threadkeeper.refresh()")

    expect(page.get_by_role("button", name="New conversation")).to_be_visible()


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("where", [".composer-input", ".scroller", ".panel-status", "#panel"])
def test_a_file_gets_a_notice_and_nothing_is_sent(visitor: Visitor, where: str) -> None:
    page = visitor.open()
    expect(page.locator(".greeting")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    place = page.locator(f"threadkeeper-widget {where}").first

    assert place.evaluate(DROP) == [True, True]

    notice = page.get_by_text("Files can’t be attached here.")
    expect(notice).to_have_count(1)
    if where == ".composer-input":
        assert place.evaluate(PASTE)
    page.wait_for_timeout(300)
    assert not sent
