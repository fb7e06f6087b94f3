"""Chatting on the page: sending, streaming, stopping, coming back, and what can go wrong."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from chatkit.types import ClosedStatus
from playwright.sync_api import Locator, Page, expect

from tests.fix_browser import NewPerson, Reader, Talkative
from tests.fix_model import Reply
from tests.fix_store import a_message, an_answer
from tests.web.every_item import every_item

SLOW = Reply(pieces=[f"word{n} " for n in range(200)], pause=0.05)


def an_id() -> str:
    return f"thr_{uuid4().hex}"


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def test_a_first_message_makes_a_thread_that_is_still_there_after_a_reload(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history")
    talkative.when_asked("What is twine?", Reply(["Two or more ", "**strands**", ", twisted."]))

    alice.say("What is twine?")

    expect(page.locator(".item-user .bubble")).to_have_text("What is twine?")
    expect(page.locator(".item-assistant strong")).to_have_text("strands")
    alice.wait_for_answer()
    expect(page).to_have_url(re.compile(r"/history/thr_\w+$"))
    row = page.locator(".thread-row a[aria-current=page]")
    expect(row).to_contain_text("What is twine?")
    expect(page).to_have_title(re.compile("twine"))
    streamed = page.locator(".item-assistant .prose").inner_html()

    page.reload()

    expect(page.locator(".item-user .bubble")).to_have_text("What is twine?")
    assert page.locator(".item-assistant .prose").inner_html().strip() == streamed


def test_a_second_message_goes_into_the_same_thread_and_none_is_shown_twice(
    alice_at_home: Reader,
) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    alice.say("One")
    alice.wait_for_answer()
    page.reload()
    page.wait_for_selector("[data-ready]")

    alice.say("Two")
    expect(page.locator(".item-assistant")).to_have_count(2)
    alice.wait_for_answer()

    expect(page.locator(".item-user .bubble")).to_have_text(["One", "Two"])
    expect(page.locator(".thread-row")).to_have_count(1)


def test_shift_enter_breaks_the_line_and_enter_sends(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    composer(page).press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    low = page.locator(".composer").bounding_box()
    expect(page.locator(".item")).to_have_count(0)
    page.keyboard.press("Enter")

    expect(page.locator(".bubble")).to_have_text("one\ntwo")
    assert low and low["height"] > 60


def test_enter_that_picks_a_word_of_an_input_method_does_not_send(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    composer(page).fill("にほん")
    for fields in ({"isComposing": True}, {"keyCode": 229}):
        composer(page).dispatch_event("keydown", {"key": "Enter", "bubbles": True, **fields})

    expect(composer(page)).to_have_value("にほん")
    expect(page.locator(".item")).to_have_count(0)


def test_nothing_but_white_space_is_not_sent(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    alice_at_home.say("  \n ")

    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(page.locator(".item")).to_have_count(0)


def test_what_no_database_takes_is_left_out(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    page.evaluate(
        "document.querySelector('threadkeeper-chat').sendUserMessage("
        "{ text: 'a\\u0000b\\ud800c\\udfffd \\u{1F9F5}' })"
    )

    expect(page.locator(".bubble")).to_have_text("abcd 🧵")
    alice_at_home.wait_for_answer()


def test_stop_keeps_what_was_written(alice_at_home: Reader, talkative: Talkative) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    talkative.when_asked("Go on and on", SLOW)
    alice.say("Go on and on")
    expect(page.locator(".item-assistant")).to_contain_text("word3")

    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".item-assistant")).to_contain_text("You stopped this answer.")
    alice.wait_for_answer()
    expect(composer(page)).to_have_value("")


def test_a_reader_who_scrolled_up_is_left_in_peace(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    alice = alice_at_home
    long = [part for n in range(8) for part in (a_message(), an_answer(text=f"Line {n}\n\n" * 9))]
    thread_id = an_id()
    for item in long:
        item.thread_id = thread_id
    page = alice.open(alice.owns(thread_id, "Long", *long))
    talkative.when_asked("More", Reply([f"line{n}\n\n" for n in range(60)], pause=0.03))
    scroller = page.locator(".scroller")
    assert scroller.evaluate("one => one.scrollTop") == 0

    alice.say("More")
    expect(page.locator(".item-assistant").last).to_contain_text("line9")
    assert scroller.evaluate("one => one.scrollTop") == 0
    expect(page.get_by_role("button", name="To the latest message")).to_be_hidden()

    scroller.evaluate("one => one.scrollBy(0, -400)")
    marker = page.locator(".item-assistant").nth(-2)
    before = marker.bounding_box()
    expect(page.locator(".item-assistant").last).to_contain_text("line35")
    after = marker.bounding_box()
    assert before and after and abs(before["y"] - after["y"]) < 2

    page.get_by_role("button", name="To the latest message").click()
    assert scroller.evaluate("one => one.scrollTop") == 0


def test_earlier_messages_come_in_above_without_moving_the_reader(alice_at_home: Reader) -> None:
    thread_id = an_id()
    said = [a_message(f"msg_{n}_{thread_id}", f"Number {n}", thread_id) for n in range(45)]
    page = alice_at_home.open(alice_at_home.owns(thread_id, "Long", *said))
    expect(page.locator(".item")).to_have_count(20)

    for number in (40, 45):
        # A click of the mouse would scroll there, and then more than one page comes by itself.
        page.get_by_text("Earlier messages").dispatch_event("click")
        expect(page.locator(".item")).to_have_count(number)

    expect(page.get_by_text("Earlier messages")).to_be_hidden()
    expect(page.locator(".bubble").first).to_have_text("Number 0")


def test_what_was_typed_survives_a_reload_in_its_own_thread(alice_at_home: Reader) -> None:
    address = alice_at_home.owns(an_id(), "Other")
    page = alice_at_home.open("/history/new")
    composer(page).press_sequentially("half a thought")
    page.reload()
    expect(composer(page)).to_have_value("half a thought")

    alice_at_home.open(address)
    expect(composer(page)).to_have_value("")
    alice_at_home.open("/history/new")
    expect(composer(page)).to_have_value("half a thought")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(503, "We can't reach it."), (500, "Something went wrong on our side."), (413, "Too long.")],
)
def test_a_message_that_was_refused_stays_in_the_composer(
    alice_at_home: Reader, status: int, sentence: str
) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    error = {"code": "some_code", "message": sentence, "request_id": "req_12345678"}
    page.route("**/chatkit", lambda route: route.fulfill(status=status, json={"error": error}))

    alice.say("Keep me")

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(sentence)
    expect(alert).to_contain_text("req_12345678")
    expect(composer(page)).to_have_value("Keep me")
    expect(page.locator(".item")).to_have_count(0)
    page.unroute("**/chatkit")
    if status < 500:
        expect(alert.get_by_role("button", name="Try again")).to_have_count(0)
        return
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".item-assistant")).to_contain_text("You said: Keep me")
    expect(page.locator(".item-user")).to_have_count(1)
    expect(composer(page)).to_have_value("")


def test_a_network_that_is_gone_is_named_and_nothing_is_lost(alice_at_home: Reader) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    page.route("**/chatkit", lambda route: route.abort())
    alice.say("Hold on")

    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    expect(composer(page)).to_have_value("Hold on")

    page.reload()
    expect(composer(page)).to_have_value("Hold on")


def test_a_session_that_ended_leads_to_signing_in_and_back_with_the_words(
    alice_at_home: Reader,
) -> None:
    alice, page = alice_at_home, alice_at_home.open(alice_at_home.owns(an_id(), "Mine"))
    address = page.url
    cookies = alice.context.cookies()
    alice.context.clear_cookies()

    alice.say("Do not lose this")
    expect(page.get_by_role("alert")).to_contain_text("sign in")
    page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    alice.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.get_by_label("Email").fill(alice.person.email)
    page.get_by_label("Password").fill(alice.person.password)
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(address)
    expect(composer(page)).to_have_value("Do not lose this")


def test_a_model_that_fails_says_so_and_can_be_asked_again(
    alice_at_home: Reader, talkative: Talkative
) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    talkative.when_asked("Hello?", Reply(["half an answer"], then="cut"))
    alice.say("Hello?")
    again = page.get_by_role("button", name="Retry")
    again.wait_for(timeout=30_000)
    expect(page.locator(".outcome")).to_contain_text("The assistant isn't answering right now.")
    expect(page.get_by_role("alert")).to_have_count(0)
    talkative.when_asked("Hello?", None)

    again.click()

    expect(page.locator(".item-assistant").last).to_contain_text("You said: Hello?")
    alice.wait_for_answer()
    expect(page.locator(".item-user")).to_have_count(1)


def test_an_answer_that_breaks_off_offers_what_was_saved(alice_at_home: Reader) -> None:
    alice, page = alice_at_home, alice_at_home.open("/history/new")
    alice.say("First")
    alice.wait_for_answer()
    events = [
        '{"type":"thread.item.done","item":{"type":"user_message","id":"msg_u","thread_id":"t",'
        '"created_at":"2026-01-01T00:00:00","content":[{"type":"input_text","text":"Second"}],'
        '"attachments":[],"inference_options":{}}}',
        '{"type":"thread.item.added","item":{"type":"assistant_message","id":"msg_a",'
        '"thread_id":"t","created_at":"2026-01-01T00:00:00","content":[]}}',
        '{"type":"thread.item.upd',
    ]
    body = ": a comment\r\n\r\n" + "".join(f"data: {event}\r\n\r\n" for event in events)
    page.route(
        "**/chatkit", lambda route: route.fulfill(body=body, content_type="text/event-stream")
    )
    alice.say("Second")

    expect(page.get_by_role("alert")).to_contain_text("does not understand")
    page.unroute("**/chatkit")


def test_a_closed_conversation_has_no_composer(alice_at_home: Reader) -> None:
    address = alice_at_home.owns(an_id(), "Over", status=ClosedStatus())
    page = alice_at_home.open(address)

    expect(page.locator(".frame .closed")).to_contain_text("It takes no more messages.")
    expect(composer(page)).to_be_hidden()


def test_files_are_refused_politely_and_nothing_is_sent(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    for kind, target in (
        ("drop", "document.querySelector('threadkeeper-chat')"),
        ("drop", "document.querySelector('.sidebar')"),
        (
            "paste",
            "document.querySelector('threadkeeper-chat').shadowRoot.querySelector('textarea')",
        ),
    ):
        held = "dataTransfer" if kind == "drop" else "clipboardData"
        made = "DragEvent" if kind == "drop" else "ClipboardEvent"
        prevented = page.evaluate(
            f"""() => {{
                const {held} = new DataTransfer();
                {held}.items.add(new File(["x"], "x.txt"));
                const options = {{ {held}, bubbles: true, composed: true, cancelable: true }};
                return !{target}.dispatchEvent(new {made}("{kind}", options));
            }}"""
        )
        assert prevented, kind
        expect(page.get_by_text("Files can’t be attached here.")).to_be_visible()
        page.get_by_role("button", name="Close", exact=True).click()
    assert sent == []
    expect(page.locator("input[type=file]")).to_have_count(0)


def test_the_assistants_words_reach_a_screen_reader_once_they_are_complete(
    alice_at_home: Reader,
) -> None:
    page = alice_at_home.open("/history/new")
    alice_at_home.say("Hello")
    alice_at_home.wait_for_answer()

    expect(page.locator("threadkeeper-chat [role=status].unseen")).to_have_text("You said: Hello")


def test_a_stream_that_is_cut_anywhere_reads_the_same(alice_at_home: Reader) -> None:
    page = alice_at_home.open("/history/new")
    seen = page.evaluate(
        """async () => {
            const address = document.querySelector('link[href$="chat/sse.js"]').href;
            const { eventData } = await import(address);
            const text = '\\ufeff: hello\\r\\n\\r\\ndata: {"a":"é🧵"}\\r\\n\\r\\n' +
                'event: x\\rdata:one\\rdata: two\\r\\rdata\\n\\nid: 1\\n\\ndata: lost';
            const bytes = new TextEncoder().encode(text);
            const results = new Set();
            for (const size of [1, 2, 3, 5, 1000]) {
                const body = new ReadableStream({ start(controller) {
                    for (let at = 0; at < bytes.length; at += size) {
                        controller.enqueue(bytes.slice(at, at + size));
                    }
                    controller.close();
                } });
                const found = [];
                for await (const data of eventData(body)) found.push(data);
                results.add(JSON.stringify(found));
            }
            return [...results];
        }"""
    )

    assert seen == ['["{\\"a\\":\\"é🧵\\"}","one\\ntwo",""]']


def test_the_element_alone_loads_its_thread_from_any_chatkit_server(alice_at_home: Reader) -> None:
    thread_id = an_id()
    said = [a_message(f"msg_{n}_{thread_id}", f"Number {n}", thread_id) for n in range(24)]
    alice_at_home.owns(thread_id, "Long", *said, an_answer(thread_id=thread_id))
    page = alice_at_home.open("/history/new")
    page.evaluate(
        """threadId => {
            const chat = document.createElement("threadkeeper-chat");
            window.events = [];
            for (const name of ["ready", "thread.load.start", "thread.load.end", "thread.change"]) {
                chat.addEventListener(`chatkit.${name}`, (event) => window.events.push(name));
            }
            chat.setOptions({ api: { url: "/chatkit" }, initialThread: threadId });
            document.querySelector("main").replaceChildren(chat);
        }""",
        thread_id,
    )

    expect(page.locator(".item")).to_have_count(20)
    expect(page.locator(".bubble").last).to_have_text("Number 23")
    page.get_by_role("button", name="Earlier messages").dispatch_event("click")
    expect(page.locator(".item")).to_have_count(25)
    page.evaluate("document.querySelector('threadkeeper-chat').setThreadId(null)")
    expect(page.locator(".item")).to_have_count(0)
    assert page.evaluate("window.events") == [
        "ready",
        "thread.load.start",
        "thread.load.end",
        "thread.change",
    ]


def test_options_of_the_wrong_type_are_named_and_left_out(new_person: NewPerson) -> None:
    alice = new_person()
    page = alice.open("/history/new")
    page.evaluate(
        "document.querySelector('threadkeeper-chat').setOptions("
        "{ api: { url: '/chatkit' }, composer: { placeholder: 5 }, startScreen: 'x' })"
    )

    assert [problem for problem in alice.problems if "placeholder" in problem]
    expect(composer(page)).to_have_attribute("placeholder", "Write a message")
    alice.problems.clear()


def test_the_browser_shows_every_item_as_the_server_does(alice_at_home: Reader) -> None:
    thread_id = an_id()
    address = alice_at_home.owns(thread_id, "All of them", *every_item(thread_id))
    page = alice_at_home.open(address)
    compared = page.evaluate(
        """async () => {
            const attributes = (node) =>
                [...node.attributes].map(({ name, value }) => [name, value]).sort();
            const kept = (one) => typeof one !== "string" || one.trim();
            const children = (node) => [...node.childNodes].map(shape).filter(kept);
            const shape = (node) => node.nodeType === Node.TEXT_NODE
                ? node.data.replace(/\\s+/g, " ").trim()
                : [node.localName, attributes(node), children(node)];
            const list = document.querySelector("ol.messages");
            const server = shape(list);
            const chat = document.querySelector("threadkeeper-chat");
            const loaded = new Promise((done) =>
                chat.addEventListener("chatkit.thread.load.end", done, { once: true }));
            await chat.fetchUpdates();
            await loaded;
            return [server[2], shape(list)[2]];
        }"""
    )

    server, browser = compared
    assert len(server) == len(browser) == 12
    for ours, theirs in zip(server, browser, strict=True):
        assert ours == theirs
