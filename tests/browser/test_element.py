"""The element as a site uses it: the whole of the official options, methods and events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.fix_auth import AuthServer
from tests.fix_browser import LentWindows, NewPerson, Reader, assert_accessible, people_at
from tests.fix_model import pieces_of
from tests.fix_postgres import Databases
from tests.fix_server import Server, Talking
from tests.model_speech import Reply

EVENTS = (
    "ready error effect log response.start response.end thread.change thread.load.start"
    " thread.load.end history.open history.close"
)

# The page's own element makes room for another, which has no list, no header and no draft.
MAKE = """async () => {
    const chat = document.createElement("threadkeeper-chat");
    chat.style.height = "90vh";
    window.chat = chat;
    window.events = [];
    window.details = [];
    for (const name of "%s".split(" ")) {
        chat.addEventListener(`chatkit.${name}`, ({ detail }) => {
            window.events.push(name);
            window.details.push([name, detail]);
        });
    }
    const ready = new Promise((done) => chat.addEventListener("chatkit.ready", done));
    window.base = { api: { url: "/chatkit" }, header: { enabled: false } };
    chat.setOptions({ ...window.base, ...(%s) });
    document.querySelector("main threadkeeper-chat").replaceWith(chat);
    await ready;
}"""


@pytest.fixture(scope="module")
def painting(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The app, with an assistant that asks the page to do something."""
    settings = {
        "DATABASE_URL": databases.create("painting", template=migrated),
        "BETTER_AUTH_URL": auth.url,
        "ASSISTANT": "tests.assistants.painter:assistant",
    }
    server = Server(settings, Path(tmp_path_factory.mktemp("painting")) / "gunicorn.log")
    server.start()
    yield server
    server.kill()
    databases.drop("painting")


@pytest.fixture
def new_painter(
    lent_windows: LentWindows, painting: Server, auth: AuthServer
) -> Iterator[NewPerson]:
    yield from people_at(lent_windows, painting, auth)


@pytest.fixture
def alice(new_talker: NewPerson) -> Reader:
    return new_talker(bypass_csp=True, reduced_motion="reduce")


def made(reader: Reader, options: str = "{}") -> Page:
    """Open a page with an element of these options, a JavaScript expression."""
    page = reader.open("/history/new")
    page.evaluate(MAKE % (EVENTS, options))
    return page


def warnings_of(reader: Reader) -> list[str]:
    """Return what was warned of, and forget it."""
    said = [line.removeprefix("warning: threadkeeper-chat: ") for line in reader.problems]
    reader.problems.clear()
    return said


def bodies(page: Page) -> list[dict[str, Any]]:
    """Collect the bodies of what is sent from now on, with their keys."""
    sent: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/chatkit"):
            body = json.loads(request.post_data or "{}")
            sent.append({"key": request.headers.get("idempotency-key"), **body})

    page.on("request", note)
    return sent


def messages(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in sent if "input" in one.get("params", {})]


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


# Options

WRONG = """{
    locale: 5, theme: { colorScheme: "purple", color: { accent: { primary: "no colour" } } },
    frameTitle: [], initialThread: 7, onClientTool: "paint", history: "yes",
    header: { enabled: false, title: 1 }, composer: { placeholder: 3 },
    startScreen: { greeting: {}, prompts: [{ label: 1 }, { label: "A", prompt: "B" }] },
    disclaimer: { text: false }, threadItemActions: { retry: "no" },
    thread: { autoScroll: 1 }, pageContext: {}, search: "x", signInUrl: 9,
}"""
# What of it is named.
WRONGLY_NAMED = {
    "locale",
    "theme.colorScheme",
    "theme.color.accent.primary",
    "frameTitle",
    "initialThread",
    "onClientTool",
    "header.title",
    "history",
    "startScreen.greeting",
    "startScreen.prompts[0]",
    "composer.placeholder",
    "disclaimer.text",
    "threadItemActions.retry",
    "thread.autoScroll",
    "pageContext",
    "search",
    "signInUrl",
}


def test_options_of_wrong_types_are_warned_of_once_and_have_their_defaults(alice: Reader) -> None:
    page = made(alice, WRONG)

    said = warnings_of(alice)
    named = [line.split("the option ")[1].split(" can’t")[0] for line in said]
    assert sorted(named) == sorted(WRONGLY_NAMED)
    expect(page.locator(".greeting")).to_have_text("What would you like to talk about?")
    expect(page.locator(".prompt")).to_have_text(["A"])
    expect(composer(page)).to_have_attribute("placeholder", "Write a message")
    expect(page.locator("threadkeeper-chat")).not_to_have_attribute("data-scheme", "purple")

    page.evaluate("(wrong) => chat.setOptions({ ...base, ...eval(`(${wrong})`) })", WRONG)
    page.evaluate("chat.setOptions(5)")
    assert warnings_of(alice) == ["the option options can’t be a number; its default is used"]


def test_what_is_known_and_not_done_is_said_and_what_is_off_is_not(alice: Reader) -> None:
    made(
        alice,
        """{
        composer: { attachments: { enabled: true }, tools: [{}], models: [],
            dictation: { enabled: false } },
        entities: { onTagSearch() {} }, commands: { enabled: false }, theme: { radius: "pill" },
        lighting: true,
    }""",
    )

    undone = "the option {} is known, but nothing is done with it here"
    names = ("theme.radius", "composer.attachments", "composer.tools", "entities")
    expected = {"there is no option lighting", *(undone.format(name) for name in names)}
    assert set(warnings_of(alice)) == expected


def test_a_site_can_switch_its_looks_on_and_back(alice: Reader) -> None:
    page = made(alice)
    host, whole = page.locator("threadkeeper-chat"), page.locator(".whole")
    button, plain = page.locator(".composer-send"), "chat.setOptions(base)"
    composer(page).fill("Words")
    before = button.evaluate("(it) => getComputedStyle(it).backgroundColor")

    page.evaluate("""chat.setOptions({ ...base, locale: "ar", frameTitle: "Support", theme: {
        colorScheme: "dark", color: { accent: { primary: "#ffd400", level: 2 } },
        typography: { baseSize: 18, fontFamily: "serif" } },
        disclaimer: { text: "It can be **wrong**." } })""")

    expect(host).to_have_attribute("data-scheme", "dark")
    assert host.evaluate("(it) => getComputedStyle(it).colorScheme") == "dark"
    expect(whole).to_have_attribute("dir", "rtl")
    expect(whole).to_have_attribute("lang", "ar")
    expect(page.locator(".scroller")).to_have_attribute("aria-label", "Support")
    expect(page.locator(".disclaimer strong")).to_have_text("wrong")
    expect(button).to_have_css("background-color", "rgb(255, 212, 0)")
    expect(whole).to_have_css("font-size", "18px")
    assert_accessible(page)

    page.evaluate(plain)
    expect(host).not_to_have_attribute("data-scheme", "dark")
    expect(whole).not_to_have_attribute("dir", "rtl")
    expect(page.locator(".disclaimer")).to_be_hidden()
    expect(button).to_have_css("background-color", before)
    expect(composer(page)).to_have_value("Words")


@pytest.mark.parametrize(
    ("accent", "letters"),
    [("#ffd400", 0), ("#0b2a6b", 1), ("hotpink", 0), ("rgb(110 60 200)", 1), ("hsl(0 80% 40%)", 1)],
)
def test_letters_on_any_accent_are_black_or_white_as_it_needs(
    alice: Reader, accent: str, letters: int
) -> None:
    page = made(
        alice, f'{{ theme: {{ color: {{ accent: {{ primary: "{accent}", level: 0 }} }} }} }}'
    )
    composer(page).fill("Words")

    colour = page.locator(".composer-send").evaluate(
        """(it) => { const paint = document.createElement("canvas").getContext("2d");
        paint.fillStyle = getComputedStyle(it).color; paint.fillRect(0, 0, 1, 1);
        return paint.getImageData(0, 0, 1, 1).data[0]; }"""
    )
    assert round(colour / 255) == letters
    assert_accessible(page)


# Methods and events


def test_methods_wait_for_the_element_and_events_come_in_order(alice: Reader) -> None:
    page = alice.open("/history/new")
    page.evaluate(
        (MAKE % (EVENTS, "{}")).replace(
            "await ready;", 'await chat.sendUserMessage({ text: "Hello", reply: "Quoted" });'
        )
    )

    assert page.evaluate("events") == [
        "ready", "log", "response.start", "thread.change", "response.end",
    ]  # fmt: skip
    details = dict(page.evaluate("details.map(([name, detail]) => [name, detail])"))
    assert details["ready"] is None
    assert details["response.start"] is None
    assert details["thread.change"] == {"threadId": page.evaluate("chat.threadId")}
    expect(page.locator(".quoted")).to_have_text("Quoted")
    expect(page.locator(".item-assistant .prose")).to_have_text("You said: Hello")

    page.evaluate("events.length = 0; chat.fetchUpdates()")
    page.wait_for_function("events.length === 2")
    assert page.evaluate("events") == ["thread.load.start", "thread.load.end"]


def test_what_a_page_sends_leaves_what_a_person_writes(alice: Reader) -> None:
    page = made(
        alice,
        """{ startScreen: { prompts: [
            { label: "Ask", prompt: [{ type: "input_text", text: "From a prompt" }] }
        ] } }""",
    )
    composer(page).fill("My own words")

    page.get_by_role("button", name="Ask").click()

    alice.wait_for_answer()
    expect(page.locator(".bubble")).to_have_text("From a prompt")
    expect(composer(page)).to_have_value("My own words")
    page.evaluate("chat.setComposerValue({ text: 'Other words' })")
    expect(composer(page)).to_have_value("Other words")
    page.evaluate("chat.focusComposer()")
    expect(composer(page)).to_be_focused()


def test_a_message_during_an_answer_waits_in_the_composer(alice: Reader, talking: Talking) -> None:
    talking.model.script(Reply(pieces=pieces_of("one two three"), then="hang", pause=0.02))
    page = made(alice)
    page.evaluate("void chat.sendUserMessage({ text: 'First' })")
    page.get_by_role("button", name="Stop").wait_for()

    page.evaluate("chat.sendUserMessage({ text: 'Second', quote: 'About' })")

    expect(composer(page)).to_have_value("Second")
    expect(page.locator(".quote-words")).to_have_text("About")
    page.get_by_role("button", name="Stop").click()
    alice.wait_for_answer()
    expect(page.locator(".bubble")).to_have_text("First")


def test_files_get_a_polite_notice_and_nothing_is_sent(alice: Reader) -> None:
    page = made(alice)
    sent = bodies(page)
    file = "{ type: 'file', id: 'f', name: 'a.txt', mime_type: 'text/plain' }"

    for call in (
        f"chat.sendUserMessage({{ text: 'Look', attachments: [{file}] }})",
        f"chat.setComposerValue({{ text: 'Look', attachments: [{file}] }})",
        "chat.setComposerValue({ text: 'Look', files: [new File(['a'], 'a.txt')] })",
    ):
        page.evaluate(call)
        expect(page.locator(".fault")).to_contain_text("Files can’t be attached here.")
        page.locator(".fault").get_by_role("button", name="Close").click()

    assert sent == []
    expect(composer(page)).to_have_value("")


def test_a_file_on_the_list_leads_back_to_where_one_reads_why_not(alice: Reader) -> None:
    page = made(alice, "{ header: {} }")
    page.evaluate("chat.showHistory()")
    expect(page.locator(".frame")).to_be_hidden()

    page.evaluate(
        """() => { const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["a"], "a.txt"));
        const drop = { dataTransfer, bubbles: true, cancelable: true, composed: true };
        chat.shadowRoot.querySelector(".whole").lastElementChild.dispatchEvent(
            new DragEvent("drop", drop)); }"""
    )

    expect(page.locator(".fault")).to_contain_text("Files can’t be attached here.")
    expect(page.locator(".fault")).to_be_visible()
    assert page.evaluate("events") == ["ready", "history.open", "history.close", "log"]


def test_an_action_of_the_site_reaches_its_server(alice: Reader) -> None:
    page = made(alice)
    page.evaluate("chat.sendUserMessage({ text: 'Hello' })")
    sent = bodies(page)
    done = (
        '{"type":"thread.item.done","item":{"type":"assistant_message","id":"m9","thread_id":"t",'
        '"created_at":"2026-01-01T00:00:00Z","content":[{"type":"output_text","text":"Acted.","annotations":[]}]}}'
    )
    page.route(
        "**/chatkit",
        lambda route: route.fulfill(content_type="text/event-stream", body=f"data: {done}\n\n"),
        times=1,
    )

    page.evaluate("chat.sendCustomAction({ type: 'buy', payload: { n: 1 } }, 'w_1')")

    expect(page.locator(".item-assistant .prose").last).to_have_text("Acted.")
    assert sent[0]["type"] == "threads.custom_action"
    assert sent[0]["params"] == {
        "thread_id": page.evaluate("chat.threadId"),
        "action": {"type": "buy", "payload": {"n": 1}},
        "item_id": "w_1",
    }


# Quotes


def test_a_quote_stands_above_the_words_and_goes_with_them(alice: Reader) -> None:
    page = made(alice, "{ composer: { draftOwner: 'alice' } }")
    sent = bodies(page)

    page.evaluate(
        "chat.setComposerValue({ text: 'Why?', quote: 'Six\\u0000 watts \\ud800at most' })"
    )

    expect(page.locator(".quote-words")).to_have_text("Six watts at most")
    expect(page.locator(".frame > [role=status]")).to_have_text("The quote is above your message.")
    assert_accessible(page)
    # A draft has it too.
    page.evaluate(MAKE % (EVENTS, "{ composer: { draftOwner: 'alice' } }"))
    expect(page.locator(".quote-words")).to_have_text("Six watts at most")
    composer(page).press("Enter")
    alice.wait_for_answer()
    assert messages(sent)[0]["params"]["input"]["quoted_text"] == "Six watts at most"
    expect(page.locator(".quoted")).to_have_text("Six watts at most")
    expect(page.locator(".quote")).to_be_hidden()
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.includes('alice'))") == []


def test_a_quote_can_be_removed_and_is_never_too_long(alice: Reader) -> None:
    page = made(alice)
    page.evaluate("chat.setComposerValue({ quote: '🙂'.repeat(5000) })")
    length = page.locator(".quote-words").evaluate("(it) => [...it.textContent].length")
    assert length == 4000
    assert str(page.locator(".quote-words").text_content()).endswith("🙂…")

    page.get_by_role("button", name="Remove the quote").click()

    expect(page.locator(".quote")).to_be_hidden()
    expect(composer(page)).to_be_focused()
    expect(page.locator(".frame > [role=status]")).to_have_text("The quote is removed.")


def test_a_quote_comes_back_when_sending_fails(alice: Reader) -> None:
    page = made(alice)
    page.route("**/chatkit", lambda route: route.abort(), times=1)
    page.evaluate("chat.setComposerValue({ text: 'Why?', quote: 'Six watts' })")
    composer(page).press("Enter")

    page.get_by_role("button", name="Try again").wait_for()
    expect(page.locator(".quote-words")).to_have_text("Six watts")
    expect(composer(page)).to_have_value("Why?")
    page.get_by_role("button", name="Try again").click()

    alice.wait_for_answer()
    expect(page.locator(".quoted")).to_have_text("Six watts")
    expect(page.locator(".item-user")).to_have_count(1)


# Page context


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def test_the_page_says_of_itself_what_fits_and_a_message_goes_with_what_it_said(
    alice: Reader,
) -> None:
    page = made(
        alice,
        """{ pageContext: () => (
            { url: location.href, title: "🙂".repeat(400), data: window.data }) }""",
    )
    sent = bodies(page)
    page.evaluate("window.data = { lamp: 7, bad: undefined, half: 'a\\ud800\\u0000b' }")
    page.route("**/chatkit", lose_the_answer, times=1)

    page.evaluate("chat.sendUserMessage({ text: 'Hello' })")
    page.evaluate("window.data = { lamp: 8 }")
    page.get_by_role("button", name="Try again").click()
    alice.wait_for_answer()

    first, again = messages(sent)
    context = {"url": page.url, "title": "🙂" * 300, "data": {"lamp": 7, "half": "ab"}}
    assert first["metadata"] == {"threadkeeper_context": context}
    assert again == first
    expect(page.locator(".item-user")).to_have_count(1)

    page.evaluate("window.data = 'x'.repeat(9000); chat.sendUserMessage({ text: 'More' })")
    expect(page.locator(".item-user")).to_have_count(2)
    alice.wait_for_answer()
    assert "data" not in messages(sent)[-1]["metadata"]["threadkeeper_context"]
    assert len(warnings_of(alice)) == 1


def test_a_page_that_cannot_say_anything_still_sends(alice: Reader) -> None:
    page = made(alice, "{ pageContext() { throw new Error('not today'); } }")
    sent = bodies(page)

    page.evaluate("chat.sendUserMessage({ text: 'Hello' })")

    expect(page.locator(".item-assistant .prose")).to_have_text("You said: Hello")
    assert messages(sent)[0]["metadata"] == {}
    (warned,) = warnings_of(alice)
    assert "not today" in warned


# Client tools


def test_the_page_does_what_the_assistant_asks_and_the_answer_goes_on(
    new_painter: NewPerson,
) -> None:
    reader = new_painter(bypass_csp=True)
    page = made(
        reader,
        """{ async onClientTool({ name, params }) {
            window.calls = [...(window.calls ?? []), [name, params]];
            return { painted: params.color };
        } }""",
    )

    page.evaluate("chat.sendUserMessage({ text: 'green' })")

    expect(page.locator(".item-assistant .prose")).to_have_text(
        "The page says: {'painted': 'green'}"
    )
    assert page.evaluate("calls") == [["paint", {"color": "green"}]]
    expect(page.locator(".step summary")).to_have_text("Used paint")
    effect = page.evaluate("details.find(([name]) => name === 'effect')[1]")
    assert effect == {"name": "sparkle", "data": {"times": 3}}
    assert page.evaluate("events").count("response.end") == 2


def test_a_tool_that_fails_can_be_tried_again_and_is_done_once(new_painter: NewPerson) -> None:
    reader = new_painter(bypass_csp=True)
    page = made(
        reader,
        """{ onClientTool() {
            window.calls = (window.calls ?? 0) + 1;
            if (window.calls === 1) throw new Error("no paint");
            return "done";
        } }""",
    )
    page.evaluate(
        "window.unhandled = [];"
        "addEventListener('unhandledrejection', (e) => unhandled.push(String(e.reason)))"
    )
    page.evaluate("chat.sendUserMessage({ text: 'green' })")

    expect(page.locator(".fault")).to_contain_text("could not do what the assistant asked for")
    assert any("no paint" in line for line in warnings_of(reader))
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert page.evaluate("unhandled") == []
    # Now it works, but its result gets lost on the way, and is only sent again.
    page.route("**/chatkit", lose_the_answer, times=1)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".fault")).to_contain_text("can’t be reached")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(".item-assistant .prose")).to_have_text("The page says: done")
    assert page.evaluate("calls") == 2


def test_without_somebody_to_do_it_the_call_waits_and_one_can_go_on(
    new_painter: NewPerson,
) -> None:
    reader = new_painter(bypass_csp=True)
    page = made(reader)
    page.evaluate("chat.sendUserMessage({ text: 'green' })")

    expect(page.locator(".fault")).to_contain_text("something that it can’t do here (paint)")
    expect(page.locator(".step summary")).to_have_text("Waiting for paint")
    assert page.evaluate("events.at(-1)") == "error"
    # Whoever comes later does not do it: it may have been done elsewhere.
    thread = page.evaluate("chat.threadId")
    options = f'{{ initialThread: "{thread}", onClientTool() {{ window.done = true; return 1; }} }}'
    page.evaluate(MAKE % (EVENTS, options))
    expect(page.locator(".step summary")).to_have_text("Waiting for paint")
    page.evaluate("chat.sendUserMessage({ text: 'blue' })")

    expect(page.locator(".item-assistant .prose")).to_have_text("The page says: 1")
    expect(page.locator(".bubble")).to_have_text(["green", "blue"])


def test_a_tool_can_be_stopped_while_the_page_works(new_painter: NewPerson) -> None:
    reader = new_painter(bypass_csp=True)
    page = made(reader, "{ onClientTool: () => new Promise(() => {}) }")
    sent = bodies(page)
    page.evaluate("void chat.sendUserMessage({ text: 'green' })")
    page.wait_for_function("events.filter((name) => name === 'response.start').length === 2")

    page.get_by_role("button", name="Stop").click()

    reader.wait_for_answer()
    expect(page.locator(".outcome")).to_have_text("You stopped this answer.")
    assert [one["type"] for one in sent] == ["threads.create"]
