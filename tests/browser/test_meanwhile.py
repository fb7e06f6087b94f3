"""What a person does while an answer is on its way: nothing is lost, nor shown twice."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.test_element_history import away, boxed, list_of, only, opens, owns, show
from tests.fix_browser import Reader, Talkative, came
from tests.fix_model import Reply

# It ends when it is stopped, however slow the machine is.
ENDLESS = Reply([f"word{number} " for number in range(20)], pause=0.02, then="hang")
A_LITTLE = Reply([f"word{number} " for number in range(20)], pause=0.03)


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def bubbles(page: Page) -> Locator:
    return page.locator(".bubble")


def hold(page: Page, kind: str, address: str = "**/chatkit") -> list[Route]:
    """Hold all requests of this kind from now on."""
    held: list[Route] = []
    page.route(address, only(kind, held.append))
    return held


def stop(who: Reader) -> None:
    """Stop the answer that is being written."""
    who.page.get_by_role("button", name="Stop").click()
    who.wait_for_answer()


def at_home(alice: Reader, **options: Any) -> Page:
    """An element of Alice's that keeps what she types."""
    return boxed(alice, {"composer": {"draftOwner": alice.person.id}, **options})


# A thread that is not read yet


def test_a_message_sent_before_a_thread_was_read_leaves_what_stands_before_it(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    [knots] = owns(alice_at_home, "Knots")
    page = at_home(alice_at_home)
    talkative.when_asked("And of splices?", ENDLESS)
    held = hold(page, "items.list")
    page.evaluate("id => void chat.setThreadId(id)", knots)
    came(page, held)
    alice_at_home.say("And of splices?")
    expect(page.locator(".item-assistant")).to_contain_text("word3")

    held[0].continue_()

    expect(bubbles(page)).to_have_text(["What about knots?", "And of splices?"])
    expect(page.locator(".item-assistant")).to_have_count(2)
    stop(alice_at_home)


def test_a_thread_that_could_not_be_read_is_read_after_the_answer(alice_at_home: Reader) -> None:
    [knots] = owns(alice_at_home, "Knots")
    page = at_home(alice_at_home)
    held = hold(page, "items.list")
    page.evaluate("id => void chat.setThreadId(id)", knots)
    away(came(page, held)[0])
    expect(page.get_by_role("alert")).to_contain_text("We can't reach it.")
    page.unroute("**/chatkit")

    alice_at_home.say("And of hitches?")

    expect(bubbles(page)).to_have_text(["What about knots?", "And of hitches?"])
    alice_at_home.problems.clear()


def test_an_answer_in_a_thread_that_was_opened_in_passing_hides_nothing(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    [knots, twine] = owns(alice_at_home, "Knots", "Twine")
    talkative.when_asked("Go on about twine", ENDLESS)
    page = at_home(alice_at_home, initialThread=twine)
    expect(bubbles(page)).to_have_count(1)
    alice_at_home.say("Go on about twine")
    expect(page.locator(".item-assistant").last).to_contain_text("word3")
    page.evaluate("chat.setThreadId(null)")
    held = hold(page, "items.list")

    page.evaluate("id => void chat.setThreadId(id)", knots)
    came(page, held)
    page.evaluate("id => void chat.setThreadId(id)", twine)
    came(page, held, 2)
    held[0].continue_()
    expect(page.locator(".item-assistant").last).to_contain_text("word3")
    held[1].continue_()

    expect(bubbles(page)).to_have_text(["What about twine?", "Go on about twine"])
    stop(alice_at_home)


# A message on its way


def on_its_way(alice: Reader, text: str) -> tuple[str, str, list[Route]]:
    """Send it into one of two threads, and hold it; return both, and what is held."""
    knots, twine = owns(alice, "Knots", "Twine")
    page = at_home(alice, initialThread=knots)
    expect(bubbles(page)).to_have_count(1)
    held = hold(page, "threads.add_user_message")
    alice.say(text)
    came(page, held)
    return knots, twine, held


def passes_through(page: Page, *threads: str) -> None:
    """Open these threads one after another."""
    for thread in threads:
        page.evaluate("id => chat.setThreadId(id)", thread)


def test_a_message_on_its_way_waits_in_the_thread_that_was_left(alice_at_home: Reader) -> None:
    knots, twine, _ = on_its_way(alice_at_home, "Are they safe?")
    page = alice_at_home.page
    page.keyboard.type("And")

    page.evaluate("id => chat.setThreadId(id)", twine)
    expect(box(page)).to_have_value("")
    page.evaluate("id => chat.setThreadId(id)", knots)

    expect(box(page)).to_have_value("Are they safe?\n\nAnd")


def test_a_message_that_arrived_in_the_thread_that_was_left_is_no_draft_there(
    alice_at_home: Reader,
) -> None:
    knots, twine, held = on_its_way(alice_at_home, "Are they safe?")
    page = alice_at_home.page
    page.keyboard.type("And")
    held[0].fetch()
    page.unroute_all()

    passes_through(page, twine, knots)
    expect(bubbles(page)).to_have_text(["What about knots?", "Are they safe?"])
    expect(box(page)).to_have_value("And")
    alice_at_home.say("Are they safe?")

    # It arrived, so that the same words are another message.
    expect(bubbles(page)).to_have_text(["What about knots?", *["Are they safe?"] * 2])
    alice_at_home.wait_for_answer()
    expect(page.locator(".item-assistant")).to_have_count(3)
    expect(box(page)).to_have_value("")


def test_a_message_on_its_way_is_not_taken_for_the_same_words_of_before(
    alice_at_home: Reader,
) -> None:
    knots, twine, _ = on_its_way(alice_at_home, "What about knots?")
    page = alice_at_home.page
    page.keyboard.type("Please")

    passes_through(page, twine, knots)

    expect(bubbles(page)).to_have_text(["What about knots?"])
    expect(box(page)).to_have_value("What about knots?\n\nPlease")


def test_a_message_on_its_way_is_kept_beside_one_that_has_to_wait(alice_at_home: Reader) -> None:
    knots, twine, _ = on_its_way(alice_at_home, "Are they safe?")
    page = alice_at_home.page

    page.evaluate("chat.sendUserMessage({ text: 'And wet ones?' })")
    expect(box(page)).to_have_value("And wet ones?")
    passes_through(page, twine, knots)

    expect(box(page)).to_have_value("Are they safe?\n\nAnd wet ones?")


def test_a_message_that_arrived_is_no_draft_any_more(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    held = hold(page, "threads.create")
    alice_at_home.say("Where are my keys?")
    came(page, held)
    page.keyboard.type("On the")
    held[0].continue_()
    alice_at_home.wait_for_answer()
    page.keyboard.type(" table")

    page.reload()

    expect(box(page)).to_have_value("On the table")


def test_a_message_that_failed_leaves_the_focus_to_who_went_elsewhere(
    alice_at_home: Reader,
) -> None:
    page = at_home(alice_at_home)
    page.evaluate(
        """() => {
            const field = document.createElement("input");
            field.ariaLabel = "Elsewhere";
            document.body.append(field);
            field.style.position = "fixed";
            field.style.right = 0;
        }"""
    )
    held = hold(page, "threads.create")
    alice_at_home.say("Where are my keys?")
    came(page, held)
    elsewhere = page.get_by_role("textbox", name="Elsewhere")
    elsewhere.press_sequentially("Order n")

    away(held[0])
    expect(box(page)).to_have_value("Where are my keys?")
    page.keyboard.type("o. 5")

    expect(elsewhere).to_have_value("Order no. 5")
    expect(box(page)).to_have_value("Where are my keys?")
    alice_at_home.problems.clear()


# The button that sends and stops


def test_whoever_pressed_send_types_on(alice_at_home: Reader, talkative: Talkative) -> None:
    talkative.when_asked("Say a little", A_LITTLE)
    page = alice_at_home.open("/history/new")
    box(page).fill("Say a little")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".item-assistant")).to_contain_text("word1")

    page.keyboard.type("Go on, please")

    expect(box(page)).to_have_value("Go on, please")
    alice_at_home.wait_for_answer()
    expect(page.locator(".item-assistant")).to_contain_text("word19")


@pytest.mark.parametrize("how", ["Enter", "Space"])
def test_whoever_pressed_stop_with_a_key_has_the_focus_where_one_writes(
    alice_at_home: Reader, talkative: Talkative, how: str
) -> None:
    talkative.when_asked("Go on for long", ENDLESS)
    page = alice_at_home.open("/history/new")
    alice_at_home.say("Go on for long")
    expect(page.locator(".item-assistant")).to_contain_text("word3")

    page.get_by_role("button", name="Stop").press(how)
    alice_at_home.wait_for_answer()

    expect(box(page)).to_be_focused()


def test_a_press_on_stop_as_the_answer_ends_sends_nothing(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    talkative.when_asked("Say a little", A_LITTLE)
    page = alice_at_home.open("/history/new")
    alice_at_home.say("Say a little")
    page.keyboard.type("Half a th")
    page.get_by_role("button", name="Stop").evaluate(
        """button => new MutationObserver((_changes, seen) => {
            if (button.matches(".composer-stop")) return;
            seen.disconnect();
            button.click();
        }).observe(button, { attributes: true })"""
    )

    alice_at_home.wait_for_answer()

    expect(box(page)).to_have_value("Half a th")
    expect(bubbles(page)).to_have_text(["Say a little"])
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Send").click()
    expect(bubbles(page)).to_have_text(["Say a little", "Half a th"])


# The list


def test_a_list_that_comes_late_does_not_come_over_what_is_being_written(
    alice_at_home: Reader,
) -> None:
    [knots] = owns(alice_at_home, "Knots")
    page = at_home(alice_at_home, initialThread=knots)
    held: list[Route] = []
    page.route("**/history/history.js", lambda route: held.append(route))
    page.locator(".head").get_by_role("button", name="Conversations").click()
    came(page, held)
    box(page).click()
    page.keyboard.type("What about")

    held[0].continue_()
    # The element asked for the list first, so that it has it before this is told.
    page.evaluate("url => import(url).then((list) => list.listStyles())", held[0].request.url)
    page.evaluate("() => new Promise((done) => setTimeout(() => requestAnimationFrame(done)))")
    expect(list_of(page)).to_have_count(0)
    page.keyboard.type(" splices?")

    expect(box(page)).to_have_value("What about splices?")
    show(page)
    expect(opens(page, "Knots")).to_be_visible()
