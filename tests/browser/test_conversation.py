"""Reading a conversation: older messages, days, what one can do with a message, finding one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from chatkit.types import ClosedStatus, LockedStatus, ThreadItem
from playwright.sync_api import Locator, Page, Route, expect

from tests.fix_browser import NewPerson, Reader, Talkative, assert_accessible, came
from tests.fix_model import Reply
from tests.fix_store import NOON, a_message, an_answer

CODE = 'Look:\n\n```python\nprint("<b>one</b>")\n```\n\nand **done**.'
PERMISSIONS = ["clipboard-read", "clipboard-write"]


def an_id() -> str:
    return f"thr_{uuid4().hex}"


def numbered(thread_id: str, number: int) -> list[ThreadItem]:
    return [a_message(f"msg_{n}_{thread_id}", f"Number {n}", thread_id) for n in range(number)]


def long_thread(reader: Reader, number: int) -> tuple[str, str]:
    thread_id = an_id()
    return thread_id, reader.owns(thread_id, "Long", *numbered(thread_id, number))


def one_answer(reader: Reader, text: str = CODE) -> str:
    thread_id = an_id()
    said = [a_message(text="A question\nof two lines", thread_id=thread_id)]
    return reader.owns(thread_id, "Code", *said, an_answer(text=text, thread_id=thread_id))


def clipboard(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def said(page: Page) -> Locator:
    """What the chat element says to a screen reader."""
    return page.locator(".frame [role=status].unseen")


def top_of(locator: Locator) -> float:
    box = locator.bounding_box()
    assert box
    return box["y"]


def test_scrolling_up_brings_earlier_messages_to_the_first(alice_at_home: Reader) -> None:
    _, address = long_thread(alice_at_home, 75)
    page = alice_at_home.open(address)
    scroller = page.locator(".scroller")
    expect(page.locator(".item")).to_have_count(20)

    for number in (40, 60, 75):
        scroller.evaluate("one => one.scrollBy(0, -one.scrollHeight)")
        expect(page.locator(".item")).to_have_count(number)

    expect(page.get_by_text("Earlier messages")).to_be_hidden()
    numbers = [int(text.split()[1]) for text in page.locator(".bubble").all_text_contents()]
    assert numbers == list(range(75))


def test_the_reader_sees_the_same_lines_when_earlier_ones_come_in(alice_at_home: Reader) -> None:
    _, address = long_thread(alice_at_home, 60)
    page = alice_at_home.open(address)
    marker = page.get_by_text("Number 41", exact=True)
    page.locator(".scroller").evaluate("one => one.scrollBy(0, 250 - one.scrollHeight)")
    before = top_of(marker)

    expect(page.locator(".item")).to_have_count(40)

    assert abs(top_of(marker) - before) < 2


def test_nothing_is_loaded_before_the_reader_moves_and_no_more_than_they_near(
    alice_at_home: Reader,
) -> None:
    _, address = long_thread(alice_at_home, 200)
    asked: list[str] = []
    alice_at_home.page.on("request", lambda request: asked.append(request.post_data or ""))
    page = alice_at_home.open(address)
    page.wait_for_timeout(500)
    assert not [body for body in asked if "items.list" in body]

    page.locator(".scroller").evaluate("one => one.scrollBy(0, -one.scrollHeight)")
    expect(page.locator(".item")).to_have_count(40)
    page.wait_for_timeout(500)

    assert len([body for body in asked if "items.list" in body]) == 1


def test_earlier_messages_that_do_not_come_can_be_asked_for_again(alice_at_home: Reader) -> None:
    _, address = long_thread(alice_at_home, 40)
    page = alice_at_home.open(address)
    tries: list[Route] = []

    def refuse(route: Route) -> None:
        tries.append(route)
        route.fulfill(status=503, json={"error": {"code": "x", "message": "No."}})

    page.route("**/chatkit", refuse)
    page.locator(".scroller").evaluate("one => one.scrollBy(0, -one.scrollHeight)")
    again = page.get_by_role("link", name="Earlier messages couldn’t be loaded. Try again")
    again.wait_for()
    page.locator(".scroller").evaluate("one => one.scrollBy(0, 50)")
    page.wait_for_timeout(300)
    assert len(tries) == 1, "a failure is not asked for again by itself"

    page.unroute("**/chatkit")
    again.focus()
    page.keyboard.press("Enter")

    expect(page.locator(".item")).to_have_count(40)


def test_loading_earlier_messages_is_shown(alice_at_home: Reader) -> None:
    _, address = long_thread(alice_at_home, 40)
    page = alice_at_home.open(address)
    held: list[Route] = []
    page.route("**/chatkit", lambda route: held.append(route))
    page.get_by_role("link", name="Earlier messages").dispatch_event("click")

    loading = page.get_by_text("Loading earlier messages…")
    expect(loading).to_have_attribute("aria-busy", "true")
    held[0].continue_()
    expect(page.locator(".item")).to_have_count(40)


def test_a_browser_without_an_observer_still_has_the_link(alice_at_home: Reader) -> None:
    _, address = long_thread(alice_at_home, 40)
    alice_at_home.page.add_init_script("delete window.IntersectionObserver")
    page = alice_at_home.open(address)
    page.locator(".scroller").evaluate("one => one.scrollBy(0, -one.scrollHeight)")
    page.wait_for_timeout(300)
    expect(page.locator(".item")).to_have_count(20)

    page.get_by_role("link", name="Earlier messages").click()

    expect(page.locator(".item")).to_have_count(40)


def test_days_are_the_same_from_the_server_and_from_the_element(new_person: NewPerson) -> None:
    alice = new_person(timezone_id="Pacific/Auckland")
    alice.open("/history/new")
    thread_id = an_id()
    now = datetime.now()
    moments = [datetime(2024, 11, 3, 20), now - timedelta(days=9), now - timedelta(days=1), now]
    said = numbered(thread_id, 4 * 8)
    for number, item in enumerate(said):
        item.created_at = moments[number // 8]
    address = alice.owns(thread_id, "Days", *said)
    plain = alice.context.new_page()
    plain.route("**/*.js", lambda route: route.abort())
    plain.goto(alice.server.url + address)
    rendered = plain.locator(".day, .item-time").all_text_contents()
    page = alice.open(address)
    adopted = page.locator(".day, .item-time").all_text_contents()

    assert adopted == rendered
    assert adopted[0] in {"Yesterday", "Today"} or "day" in adopted[0]
    page.get_by_role("link", name="Earlier messages").dispatch_event("click")
    expect(page.locator(".item")).to_have_count(32)
    loaded = page.locator(".day").all_text_contents()
    assert loaded[0] == "Monday 4 November 2024"
    assert loaded[2:] == ["Yesterday", "Today"]
    assert len(loaded) == 4
    alice.problems.clear()


def test_a_new_message_after_an_old_one_begins_a_day(alice_at_home: Reader) -> None:
    thread_id = an_id()
    old = a_message(text="Long ago", thread_id=thread_id)
    old.created_at = NOON - timedelta(days=400)
    page = alice_at_home.open(alice_at_home.owns(thread_id, "Old", old))

    alice_at_home.say("Hello again")
    alice_at_home.wait_for_answer()

    expect(page.locator(".day")).to_have_count(2)
    expect(page.locator(".day").last).to_have_text("Today")
    expect(page.locator(".day + .item-user .bubble").last).to_have_text("Hello again")


def test_an_answer_is_copied_as_it_was_written(new_person: NewPerson) -> None:
    alice = new_person(permissions=PERMISSIONS)
    page = alice.open(one_answer(alice))

    page.get_by_role("button", name="Copy this answer").click()
    expect(said(page)).to_have_text("Copied.")
    assert clipboard(page) == CODE
    page.get_by_role("button", name="Copy your message").click()
    expect(page.locator(".item-user .icon-done")).to_be_visible()
    assert clipboard(page) == "A question\nof two lines"


def test_a_streamed_answer_is_copied_without_asking_the_server(
    new_person: NewPerson, talkative: Talkative
) -> None:
    alice = new_person(permissions=PERMISSIONS)
    page = alice.open("/history/new")
    talkative.when_asked("Some code", Reply([CODE[:20], CODE[20:]]))
    alice.say("Some code")
    alice.wait_for_answer()
    page.route("**/chatkit", lambda route: route.abort())

    page.get_by_role("button", name="Copy this answer").click()

    expect(said(page)).to_have_text("Copied.")
    assert clipboard(page) == CODE
    page.get_by_role("button", name="Copy this code").click()
    expect(page.locator(".code .icon-done")).to_be_visible()
    assert clipboard(page) == 'print("<b>one</b>")'


def test_code_names_its_language_and_is_copied_by_keyboard(new_person: NewPerson) -> None:
    alice = new_person(permissions=PERMISSIONS)
    page = alice.open(one_answer(alice))
    label = "one => getComputedStyle(one, '::before').content"
    assert page.locator(".code pre").evaluate(label) == '"python"'

    page.locator(".code pre").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy this code")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(".code .icon-done")).to_be_visible()
    assert clipboard(page) == 'print("<b>one</b>")'


def test_a_browser_that_forbids_copying_says_so(alice_at_home: Reader) -> None:
    alice_at_home.page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'));"
        "document.execCommand = () => false;"
    )
    page = alice_at_home.open(one_answer(alice_at_home))
    page.get_by_role("button", name="Copy your message").click()

    expect(page.get_by_role("alert")).to_contain_text("That could not be copied.")


def test_thumbs_are_kept_and_can_be_changed(alice_at_home: Reader) -> None:
    page = alice_at_home.open(one_answer(alice_at_home))
    good = page.get_by_role("button", name="Good answer")
    bad = page.get_by_role("button", name="Bad answer")
    expect(good).to_have_attribute("aria-pressed", "false")

    with page.expect_response("**/chatkit"):
        good.click()
    page.reload()
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("You found this helpful.")).to_have_count(0)
    with page.expect_response("**/chatkit"):
        bad.click()
    page.evaluate("document.querySelector('threadkeeper-chat').fetchUpdates()")
    expect(good).to_have_attribute("aria-pressed", "false")
    page.reload()

    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".item-user").get_by_role("button")).to_have_count(1)


def test_thumbs_that_were_not_kept_go_back(alice_at_home: Reader) -> None:
    page = alice_at_home.open(one_answer(alice_at_home))
    error = {"code": "x", "message": "We can't reach it."}
    page.route("**/chatkit", lambda route: route.fulfill(status=503, json={"error": error}))

    page.get_by_role("button", name="Good answer").click()

    expect(page.get_by_role("alert")).to_contain_text("We can't reach it.")
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_the_last_answer_can_be_asked_for_again(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    alice.say("Again, please")
    alice.wait_for_answer()
    alice.say("And this")
    alice.wait_for_answer()
    expect(page.get_by_role("button", name="Retry")).to_have_count(1)
    talkative.when_asked("And this", Reply(["Another ", "answer"]))

    page.locator(".item-assistant").last.get_by_role("button", name="Retry").click()

    expect(page.locator(".item-assistant .prose").last).to_have_text("Another answer")
    alice.wait_for_answer()
    expect(page.locator(".item-assistant")).to_have_count(2)
    expect(page.get_by_role("button", name="Retry")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("button", name="Retry")).to_have_count(1)
    expect(page.locator(".item-assistant .prose").last).to_have_text("Another answer")


def test_actions_appear_where_one_looks_and_always_on_the_last_answer(
    alice_at_home: Reader,
) -> None:
    thread_id = an_id()
    said = [an_answer(text=f"Answer {n}", thread_id=thread_id) for n in range(3)]
    page = alice_at_home.open(alice_at_home.owns(thread_id, "Three", *said))
    seen = "one => getComputedStyle(one).opacity"
    feet = page.locator(".item-actions")
    page.mouse.move(0, 0)
    expect(feet.nth(2)).to_have_css("opacity", "1")
    assert feet.nth(0).evaluate(seen) == "0"

    page.locator(".item").nth(0).hover()
    expect(feet.nth(0)).to_have_css("opacity", "1")
    feet.nth(1).get_by_role("button").first.focus()
    expect(feet.nth(1)).to_have_css("opacity", "1")


def test_actions_are_always_there_on_touch(new_person: NewPerson) -> None:
    phone = new_person(has_touch=True, is_mobile=True, viewport={"width": 320, "height": 640})
    thread_id = an_id()
    said = [an_answer(text=f"Answer {n}", thread_id=thread_id) for n in range(3)]
    page = phone.open(phone.owns(thread_id, "Three", *said))

    for number in range(3):
        expect(page.locator(".item-actions").nth(number)).to_have_css("opacity", "1")


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (LockedStatus(reason="Under review."), "This conversation is locked."),
        (ClosedStatus(reason="Solved."), "This conversation is closed."),
    ],
)
def test_a_thread_that_takes_no_messages_says_why(
    new_person: NewPerson, status: LockedStatus | ClosedStatus, words: str, scripts: bool
) -> None:
    alice = new_person(java_script_enabled=scripts)
    thread_id = an_id()
    question, answer = a_message(thread_id=thread_id), an_answer(thread_id=thread_id)
    page = alice.open(alice.owns(thread_id, "Over", question, answer, status=status))

    told = page.locator(".closed:visible")
    expect(told).to_contain_text(words)
    expect(told).to_contain_text(str(status.reason))
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_message_is_opened_among_those_around_it(new_person: NewPerson, scripts: bool) -> None:
    alice = new_person(java_script_enabled=scripts)
    thread_id, address = long_thread(alice, 100)
    item_id = f"msg_30_{thread_id}"
    page = alice.open(f"{address}?at={item_id}#{item_id}")

    found = page.locator(".item-found")
    expect(found.locator(".bubble")).to_have_text("Number 30")
    expect(found).to_be_in_viewport()
    if scripts:
        expect(found).to_be_focused()
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)
    page.get_by_role("link", name="Later messages").click()
    expect(page.locator(".bubble").first).to_have_text("Number 41")
    page.get_by_role("link", name="Back to the newest messages").click()
    expect(page.locator(".bubble").last).to_have_text("Number 99")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def test_a_found_message_on_the_newest_page_leaves_the_composer(alice_at_home: Reader) -> None:
    thread_id, address = long_thread(alice_at_home, 60)
    item_id = f"msg_42_{thread_id}"
    page = alice_at_home.open(f"{address}?at={item_id}#{item_id}")

    expect(page.locator(".item-found")).to_be_focused()
    expect(page.locator(".item-found")).to_be_in_viewport()
    alice_at_home.say("Go on")
    alice_at_home.wait_for_answer()
    expect(page.locator(".item-assistant")).to_contain_text("You said: Go on")


def test_around_a_found_message_earlier_ones_come_by_scrolling(alice_at_home: Reader) -> None:
    thread_id, address = long_thread(alice_at_home, 100)
    page = alice_at_home.open(f"{address}?at=msg_50_{thread_id}")
    found = page.locator(".item-found")
    before = page.locator(".bubble").first.text_content()

    page.locator(".scroller").evaluate("one => one.scrollBy(0, -one.scrollHeight)")

    expect(page.locator(".bubble").first).not_to_have_text(str(before))
    expect(found.locator(".bubble")).to_have_text("Number 50")
    numbers = [int(text.split()[1]) for text in page.locator(".bubble").all_text_contents()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_message_is_sent_and_its_answer_read_without_javascript(
    new_person: NewPerson, talkative: Talkative
) -> None:
    alice = new_person(java_script_enabled=False)
    page = alice.page
    alice.context.clear_cookies()
    page.goto(f"{alice.server.url}/sign-in")
    page.get_by_label("Email").fill(alice.person.email)
    page.get_by_label("Password").fill(alice.person.password)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()
    page.goto(f"{alice.server.url}/history/new")
    talkative.when_asked("Take your time", Reply(["Well, ", "**here** ", "it is."], pause=1.2))

    page.get_by_role("textbox", name="Message").fill("Take your time")
    page.get_by_role("button", name="Send").click()

    expect(page).to_have_url(re.compile(r"/history/thr_\w+$"))
    expect(page.get_by_text("An answer is being written.")).to_be_visible()
    for _ in range(20):
        with page.expect_navigation():
            page.get_by_role("link", name="Show the answer").click()
        if not page.get_by_text("An answer is being written.").count():
            break
        page.wait_for_timeout(300)
    expect(page.locator(".item-assistant .prose")).to_have_text("Well, here it is.")
    expect(page.get_by_text("An answer is being written.")).to_have_count(0)
    page.get_by_role("textbox", name="Message").fill("Thanks\nfor that")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".item-user .bubble").last).to_have_text("Thanks\nfor that")
    expect(page.locator(".item-assistant").last).to_contain_text("You said: Thanks")
    expect(page.get_by_role("button", name=re.compile("Copy|answer"))).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_plain_form_is_there_when_the_modules_do_not_come(
    new_person: NewPerson, scheme: str
) -> None:
    alice = new_person(color_scheme=scheme, viewport={"width": 320, "height": 640})
    page = alice.page
    page.route("**/main.js", lambda route: route.abort())
    page.goto(alice.server.url + one_answer(alice))

    page.get_by_role("textbox", name="Message").wait_for()
    assert_accessible(page)
    page.get_by_role("textbox", name="Message").fill("   ")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("alert").wait_for()
    assert_accessible(page)


@pytest.mark.parametrize("width", [320, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_was_not_sent_looks_right_and_is_not_lost(
    new_person: NewPerson, width: int, scheme: str
) -> None:
    alice = new_person(
        java_script_enabled=False,
        viewport={"width": width, "height": 700},
        color_scheme=scheme,
    )
    page = alice.open(alice.owns(an_id(), "Open"))
    box = page.get_by_role("textbox", name="Message")
    box.fill("   ")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("alert")).to_have_text("Please write a message first.")
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    box.fill("Now with words")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".bubble")).to_have_text("Now with words")


def test_what_was_typed_before_the_module_came_goes_into_its_composer(
    alice_at_home: Reader,
) -> None:
    page = alice_at_home.open("/history/new")
    page.get_by_role("textbox", name="Message").fill("A draft")
    held: list[Route] = []
    page.route("**/element.js", lambda route: held.append(route))
    page.reload(wait_until="commit")
    page.locator(".message-box").evaluate("one => { one.value = 'Early words' }")
    for route in came(page, held, what="element.js"):
        route.continue_()
    page.wait_for_selector("threadkeeper-chat[data-ready]", state="attached")

    # Neither is lost.
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Early words\n\nA draft")


def test_a_whole_answer_is_announced_once_and_not_word_by_word(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    page = alice_at_home.open("/history/new")
    page.evaluate(
        """() => {
            window.heard = [];
            const chat = document.querySelector("threadkeeper-chat");
            const status = chat.shadowRoot.querySelector("[role=status].unseen");
            new MutationObserver(() => window.heard.push(status.textContent))
                .observe(status, { childList: true, characterData: true, subtree: true });
        }"""
    )
    talkative.when_asked("Many words", Reply([f"word{n} " for n in range(20)], pause=0.02))
    alice_at_home.say("Many words")
    expect(page.locator(".item-assistant")).to_contain_text("word19")
    alice_at_home.wait_for_answer()

    heard = page.evaluate("window.heard")
    assert [words.strip() for words in heard if "word" in words] == [
        " ".join(f"word{n}" for n in range(20))
    ]
