"""Answers that survive what people do to them: leaving, coming back, stopping, being offline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.wire import Wire
from tests.fix_browser import NewPerson, Reader, until
from tests.fix_model import ModelServer, Reply, pieces_of
from tests.fix_server import Talking

LONG = " ".join(f"word{number}" for number in range(90))
SLOWLY = 0.04


@pytest.fixture
def model(talking: Talking) -> ModelServer:
    return talking.model


@pytest.fixture
def wire(talking: Talking) -> Iterator[Wire]:
    """What connects Alice's browser with the server."""
    wire = Wire(talking.server.port)
    yield wire
    wire.close()


@pytest.fixture
def alice(new_talker: NewPerson, wire: Wire) -> Reader:
    """Alice in an open conversation, in which one thing was said."""
    alice = new_talker()
    alice.server = replace(alice.server, port=wire.port)
    alice.open("/history/new")
    alice.say("First")
    alice.wait_for_answer()
    expect(alice.page).to_have_url(re.compile("/history/thr_"))
    return alice


def answer(page: Page) -> Locator:
    return page.locator(".item-assistant").last.locator(".prose")


def assert_whole(page: Page) -> None:
    """The second answer is there, to the letter, and nothing is there twice."""
    expect(answer(page)).to_have_text(LONG)
    expect(page.locator(".item-user")).to_have_count(2)
    expect(page.locator(".item-assistant")).to_have_count(2)


def ask_slowly(alice: Reader, model: ModelServer, *, pause: float = SLOWLY) -> Page:
    """Ask for a long answer, and wait until some of it is there."""
    model.script(Reply(pieces=pieces_of(LONG), pause=pause))
    alice.say("Go on")
    expect(answer(alice.page)).to_contain_text("word6")
    return alice.page


def row(page: Page, number: int = 0) -> Locator:
    return page.locator(".thread-row").nth(number)


def test_a_reload_in_the_middle_of_an_answer_goes_on_to_the_exact_text(
    alice: Reader, model: ModelServer
) -> None:
    page = ask_slowly(alice, model)

    page.reload()

    expect(answer(page)).to_contain_text("word6")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    alice.wait_for_answer()
    assert_whole(page)
    page.reload()
    assert_whole(page)


def test_reloading_again_and_again_loses_and_doubles_nothing(
    alice: Reader, model: ModelServer
) -> None:
    page = ask_slowly(alice, model)

    for number in (20, 35, 50):
        page.reload()
        expect(answer(page)).to_contain_text(f"word{number}")

    alice.wait_for_answer()
    assert_whole(page)


def test_an_answer_whose_tab_was_closed_is_finished_and_unread_until_it_is_opened(
    alice: Reader, model: ModelServer
) -> None:
    page = ask_slowly(alice, model, pause=0.02)
    page.close()

    other = alice.open_tab("/history/new").page
    expect(row(other)).to_have_attribute("data-state", "writing")
    expect(row(other).get_by_role("link")).to_have_accessible_name(re.compile("being written"))
    expect(row(other)).to_have_attribute("data-state", "unread")
    expect(row(other).get_by_role("link")).to_have_accessible_name(re.compile("unread"))
    row(other).get_by_role("link").click()

    assert_whole(other)
    expect(row(other)).not_to_have_attribute("data-state", re.compile("."))
    other.reload()
    expect(row(other)).not_to_have_attribute("data-state", re.compile("."))


def test_stop_ends_the_answer_on_the_server_and_says_so_for_good(
    alice: Reader, model: ModelServer
) -> None:
    page = ask_slowly(alice, model)

    page.get_by_role("button", name="Stop").click()

    said = page.locator(".outcome")
    expect(said).to_have_text("You stopped this answer.")
    alice.wait_for_answer()
    assert model.left_early.wait(30)
    kept = (answer(page).text_content() or "").strip()
    expect(page.locator(".fault")).to_have_count(0)
    page.reload()
    expect(said).to_have_text("You stopped this answer.")
    expect(answer(page)).to_have_text(kept)
    expect(said.get_by_role("button")).to_have_count(0)
    expect(page.locator(".item-foot").get_by_role("button", name="Retry")).to_have_count(1)


def test_two_tabs_show_the_same_answer_and_one_message_at_a_time(
    alice: Reader, model: ModelServer
) -> None:
    other = alice.open_tab(alice.page.url.removeprefix(alice.server.url))
    page = ask_slowly(alice, model)
    expect(answer(other.page)).to_contain_text("word6")

    # The other tab knows that an answer is being written; one that does not is told.
    other.page.evaluate("document.querySelector('threadkeeper-chat').remove()")
    late = alice.open_tab("/history/new")
    late.page.evaluate(
        """threadId => {
            const chat = document.createElement("threadkeeper-chat");
            const fetching = (url, init) =>
                init.method === "POST" ? fetch(url, init) : Promise.reject(new TypeError("no"));
            chat.setOptions({ api: { url: "/chatkit", fetch: fetching }, initialThread: threadId });
            document.querySelector("main").replaceChildren(chat);
            window.chat = chat;
        }""",
        page.url.rpartition("/")[2],
    )
    expect(late.page.locator(".item-user")).to_have_count(2)
    late.page.evaluate("chat.setOptions({ api: { url: '/chatkit' } })")
    late.say("Me too")

    expect(late.page.get_by_role("alert")).to_contain_text("An answer is still being written here.")
    expect(late.page.get_by_role("textbox", name="Message")).to_have_value("Me too")
    late.wait_for_answer()
    assert_whole(late.page)
    alice.wait_for_answer()
    assert_whole(page)


def test_without_a_network_for_a_while_the_answer_is_complete_all_the_same(
    alice: Reader, model: ModelServer, wire: Wire
) -> None:
    page = ask_slowly(alice, model)

    alice.context.set_offline(True)
    wire.cut()
    expect(page.get_by_text("Coming back to the answer")).to_be_visible()
    wire.mend()
    alice.context.set_offline(False)

    alice.wait_for_answer()
    assert_whole(page)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_connection_that_breaks_again_and_again_is_joined_each_time(
    alice: Reader, model: ModelServer, wire: Wire
) -> None:
    page = ask_slowly(alice, model)

    for number in (15, 30, 45):
        wire.cut(stay_down=False)
        expect(answer(page)).to_contain_text(f"word{number}")

    alice.wait_for_answer()
    assert_whole(page)


def test_an_answer_that_ended_without_a_network_is_there_when_it_is_back(
    alice: Reader, model: ModelServer, wire: Wire
) -> None:
    page = ask_slowly(alice, model, pause=0.01)

    alice.context.set_offline(True)
    wire.cut()
    page.wait_for_timeout(2000)
    wire.mend()
    alice.context.set_offline(False)

    alice.wait_for_answer()
    assert_whole(page)


def test_a_server_that_stays_away_leads_to_an_honest_state_and_a_way_on(
    alice: Reader, model: ModelServer, wire: Wire
) -> None:
    page = alice.page
    page.clock.install()
    model.script(Reply(pieces=pieces_of(LONG), pause=SLOWLY))
    alice.say("Go on")
    until(page, lambda: "word6" in run_on(page), "the seventh word of the answer")
    wire.cut()
    alert = page.get_by_role("alert")
    for _ in range(40):
        page.clock.run_for(1000)
        page.wait_for_timeout(50)
        if alert.is_visible():
            break

    expect(alert).to_contain_text("lost")
    wire.mend()
    page.clock.resume()
    alert.get_by_role("button", name="Show the answer").click()

    alice.wait_for_answer()
    assert_whole(page)


def run_on(page: Page) -> str:
    """Let the page's clock run on a little, and return what there is of the answer."""
    page.clock.run_for(100)
    return answer(page).text_content() or ""


def lose_the_answer(route: Route) -> None:
    """Let the request reach the server, and the answer get lost on its way back."""
    route.fetch()
    route.abort()


@pytest.mark.parametrize("reloaded", [False, True], ids=["at once", "after a reload"])
@pytest.mark.parametrize("is_new", [False, True], ids=["in a thread", "in a new one"])
def test_a_message_whose_answer_was_lost_is_stored_once_however_often_it_is_sent(
    alice: Reader, *, is_new: bool, reloaded: bool
) -> None:
    page = alice.open("/history/new") if is_new else alice.page
    page.route("**/chatkit", lose_the_answer, times=1)
    alice.say("Only once")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("can’t be reached")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Only once")

    if reloaded:
        page.reload()
        page.wait_for_selector("threadkeeper-chat[data-ready]", state="attached")
        page.get_by_role("textbox", name="Message").press("Enter")
    else:
        alert.get_by_role("button", name="Try again").click()

    expect(answer(page)).to_have_text("You said: Only once")
    alice.wait_for_answer()
    expect(page.locator(".bubble", has_text="Only once")).to_have_count(1)
    page.reload()
    expect(page.locator(".bubble", has_text="Only once")).to_have_count(1)
    page.goto(alice.server.url + "/history/new")
    expect(page.locator(".thread-row")).to_have_count(2 if is_new else 1)


def test_the_same_words_again_are_another_message(alice: Reader) -> None:
    alice.say("First")
    expect(alice.page.locator(".item-assistant")).to_have_count(2)
    alice.wait_for_answer()

    expect(alice.page.locator(".bubble")).to_have_text(["First", "First"])


def test_a_failed_answer_is_kept_until_another_one_takes_its_place(
    alice: Reader, model: ModelServer
) -> None:
    page = alice.page
    model.script(*[Reply(pieces=["Half of ", "it"], then="cut")] * 3)
    alice.say("Go on")
    expect(page.get_by_role("button", name="Retry")).to_be_visible(timeout=30_000)
    page.reload()
    expect(page.locator(".outcome")).to_contain_text("This answer failed.")
    expect(answer(page)).to_have_text("Half of it")
    model.forget()
    model.script(Reply(pieces=pieces_of(LONG), pause=0.02))

    page.get_by_role("button", name="Retry").click()

    expect(page.locator(".messages").get_by_text("Half of it")).to_be_hidden()
    expect(answer(page)).to_contain_text("word6")
    alice.wait_for_answer()
    assert_whole(page)
    expect(page.locator(".outcome")).to_have_count(0)
    page.reload()
    assert_whole(page)


def test_an_answer_stays_when_the_one_in_its_place_fails(alice: Reader, model: ModelServer) -> None:
    page = alice.page
    model.script(Reply(pieces=["Half of it ", "and"], then="hang"))
    alice.say("Go on")
    expect(answer(page)).to_contain_text("Half of it")
    page.get_by_role("button", name="Stop").click()
    alice.wait_for_answer()
    model.script(*[Reply(pieces=["Worse"], then="cut", pause=0.5)] * 3)

    page.evaluate("() => void document.querySelector('threadkeeper-chat').retry()")
    expect(page.get_by_text("Half")).to_be_hidden()

    expect(page.get_by_role("alert")).to_be_visible(timeout=30_000)
    expect(page.locator(".item-assistant").nth(1)).to_contain_text("Half")
    expect(page.get_by_text("Half")).to_be_visible()


def test_a_new_thread_in_one_tab_appears_in_the_list_of_the_other(alice: Reader) -> None:
    other = alice.open_tab("/history/new")
    expect(other.page.locator(".thread-row")).to_have_count(1)
    alice.open("/history/new")
    alice.say("Something else")
    alice.wait_for_answer()

    expect(other.page.locator(".thread-row")).to_have_count(2)
    expect(row(other.page)).to_contain_text("Something else")


def test_the_list_keeps_focus_and_scroll_while_its_marks_change(
    alice: Reader, model: ModelServer
) -> None:
    page = ask_slowly(alice, model, pause=0.03)
    other = alice.open_tab("/history/new").page
    expect(row(other)).to_have_attribute("data-state", "writing")
    row(other).get_by_role("link").focus()
    other.evaluate("window.before = document.activeElement")
    page.close()

    expect(row(other)).to_have_attribute("data-state", "unread")
    assert other.evaluate("document.activeElement === window.before")
