"""OpenAI's element with our fetch, and in a panel on our own page: a stub stands in its place.

With the whole widget on other sites it is in test_official_widget.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.official_stub import CDN, ELEMENT
from tests.browser.test_widget_sign_in import come_back
from tests.fix_browser import NewPerson, Reader
from tests.fix_model import ModelServer, Reply, pieces_of
from tests.fix_server import Talking

LONG = " ".join(f"word{number}" for number in range(60))

# What the element does with `api.fetch`: it posts, reads the stream, and aborts on Stop.
STUB = """async () => {
    const sheet = document.querySelector('link[href*="/js/chat/element.js"]').href;
    const { createFetch } = await import(sheet.replace("element.js", "fetch.js"));
    window.api = createFetch({ baseUrl: location.origin });
    window.send = async (text, threadId) => {
        window.abort = new AbortController();
        window.events = [];
        const content = [{ type: "input_text", text }];
        const input = { content, attachments: [], inference_options: {} };
        const params = threadId ? { thread_id: threadId, input } : { input };
        const type = threadId ? "threads.add_user_message" : "threads.create";
        const headers = { "Content-Type": "application/json" };
        const body = JSON.stringify({ type, params });
        const init = { method: "POST", headers, body, signal: window.abort.signal };
        const response = await window.api("/chatkit", init);
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text_so_far = "";
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return "ended";
            text_so_far += value;
            window.events = text_so_far.split("\\n\\n").slice(0, -1)
                .map((line) => JSON.parse(line.slice(6)));
        }
    };
    window.sending = (...said) => {
        window.result = null;
        window.send(...said).then((end) => (window.result = end),
                                  (error) => (window.result = error.name));
    };
    window.threadId = () => window.events[0]?.thread?.id;
}"""


# What the launcher gives to the panel.
SHELL = """async (more) => {
    const element = document.querySelector('link[href*="/js/chat/element.js"]').href;
    const { mount } = await import(element.replace("js/chat/element.js", "widget/official.js"));
    const host = document.createElement("div");
    host.id = "host";
    document.documentElement.append(host);
    // The page around it has a conversation of its own.
    host.addEventListener("chatkit.thread.change", (event) => event.stopPropagation());
    const root = host.attachShadow({ mode: "open" });
    const dialog = document.createElement("section");
    const body = document.createElement("div");
    dialog.append(body);
    root.append(dialog);
    const defaults = { domainKey: "domain_pk_1", language: "en", theme: "dark" };
    window.options = { ...defaults, ...more };
    window.emitted = [];
    window.pageContext = null;
    const shell = {
        body, root, origin: location.origin, titleId: "title",
        options: () => window.options,
        context: () => window.pageContext,
        emit: (type, detail) => window.emitted.push(type),
        close: () => window.emitted.push("close"),
    };
    window.panel = await mount(shell);
}"""


@pytest.fixture
def model(talking: Talking) -> ModelServer:
    return talking.model


@pytest.fixture
def reader(new_talker: NewPerson) -> Reader:
    """Waiting for an expression is `eval`, which our pages forbid."""
    return new_talker(bypass_csp=True)


@pytest.fixture
def stubbed(reader: Reader) -> Page:
    """Our page, with the stub on it."""
    page = reader.open("/history/new")
    page.evaluate(STUB)
    return page


Mounted = Callable[..., Page]


@pytest.fixture
def mounted(stubbed: Page) -> Mounted:
    """Make the widget's panel with the official element in it, with these options."""

    def mount(*, ready: bool = True, **options: Any) -> Page:
        stubbed.route(
            CDN, lambda route: route.fulfill(body=ELEMENT, content_type="text/javascript")
        )
        stubbed.evaluate(SHELL, options)
        if ready:
            stubbed.locator("openai-chatkit").wait_for(state="attached")
        return stubbed

    return mount


def send(page: Page, text: str) -> None:
    page.evaluate("text => window.sending(text)", text)
    page.wait_for_function("window.result !== null")


def calls(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("window.calls")
    return found


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


def say(page: Page, text: str, *, deltas: int = 5) -> str:
    """Send a first message, wait for some of the answer, and return the thread's id."""
    page.evaluate("text => window.sending(text)", text)
    page.wait_for_function(
        "most => window.events.filter((one) => one.update?.delta).length >= most", arg=deltas
    )
    thread_id: str = page.evaluate("window.threadId()")
    return thread_id


def test_a_whole_answer_comes_through_as_it_is(stubbed: Page) -> None:
    page = stubbed
    page.evaluate("window.sending('Hello')")

    page.wait_for_function("window.result === 'ended'")
    done = page.evaluate("window.events.filter((one) => one.type === 'thread.item.done')")
    assert done[-1]["item"]["content"][0]["text"] == "You said: Hello"


def test_an_abort_while_the_page_stays_is_stop(stubbed: Page, model: ModelServer) -> None:
    page = stubbed
    model.script(Reply(pieces=pieces_of(LONG), then="hang", pause=0.02))
    thread_id = say(page, "Go on")

    page.evaluate("window.abort.abort()")

    page.wait_for_function("window.result === 'AbortError'")
    assert model.left_early.wait(30)
    page.goto(page.url.replace("new", thread_id))
    expect(page.locator(".outcome")).to_have_text("You stopped this answer.")


def test_an_abort_before_the_thread_has_an_id_is_stop_too(
    stubbed: Page, model: ModelServer
) -> None:
    page = stubbed
    model.script(Reply(pieces=pieces_of(LONG), then="hang", pause=0.02))

    with page.expect_request("**/chatkit/turns/*/stop"):
        page.evaluate("window.sending('Go on'); window.abort.abort()")

    page.wait_for_function("window.result === 'AbortError'")
    page.goto(page.url)
    row = page.locator(".thread-row")
    expect(row).to_have_count(1)
    expect(row).not_to_have_attribute("data-state", "writing")


def test_a_page_that_goes_away_stops_nothing(stubbed: Page, model: ModelServer) -> None:
    page = stubbed
    model.script(Reply(pieces=pieces_of(LONG), pause=0.03))
    thread_id = say(page, "Go on")

    page.evaluate("addEventListener('pagehide', () => window.abort.abort())")
    page.goto(page.url.replace("new", thread_id))

    page.get_by_role("button", name="Send").wait_for()
    expect(page.locator(".item-assistant .prose")).to_have_text(LONG)
    expect(page.locator(".outcome")).to_have_count(0)


def test_the_same_body_after_a_lost_answer_is_stored_once(stubbed: Page) -> None:
    page = stubbed
    page.route("**/chatkit", lose_the_answer, times=1)
    page.evaluate("window.sending('Once')")
    page.wait_for_function("window.result === 'TypeError'")

    for _ in range(2):
        page.evaluate("window.sending('Once')")
        page.wait_for_function("window.result === 'ended'")

    # The second is the first again; the third is another message.
    page.goto(page.url)
    expect(page.locator(".thread-row")).to_have_count(2)


def test_a_token_takes_the_place_of_cookies(stubbed: Page) -> None:
    page = stubbed
    headers: list[dict[str, str]] = []

    def note(route: Route) -> None:
        headers.append(route.request.all_headers())
        route.abort()

    page.route(re.compile("/chatkit$"), note)
    page.evaluate(
        """async () => {
            const sheet = document.querySelector('link[href*="/js/chat/element.js"]').href;
            const { createFetch } = await import(sheet.replace("element.js", "fetch.js"));
            const api = createFetch({ getToken: async () => "secret" });
            const body = JSON.stringify({ type: "threads.list", params: {} });
            await api("/chatkit", { method: "POST", body }).catch(() => {});
        }"""
    )

    assert headers[0]["authorization"] == "Bearer secret"
    assert headers[0]["x-threadkeeper-turn"] == "keep"
    assert "cookie" not in headers[0]
    assert "idempotency-key" not in headers[0]


def test_a_token_that_ran_out_is_asked_for_again(stubbed: Page) -> None:
    page = stubbed
    tokens: list[str] = []

    def answer(route: Route) -> None:
        tokens.append(route.request.headers["authorization"])
        fresh = tokens[-1] == "Bearer fresh"
        route.fulfill(status=200 if fresh else 401, json={}, headers={})

    page.route(re.compile("/chatkit$"), answer)
    status = page.evaluate(
        """async () => {
            const sheet = document.querySelector('link[href*="/js/chat/element.js"]').href;
            const { createFetch } = await import(sheet.replace("element.js", "fetch.js"));
            const api = createFetch({ getToken: async (how) => (how?.refresh ? "fresh" : "old") });
            const body = JSON.stringify({ type: "threads.list", params: {} });
            return (await api("/chatkit", { method: "POST", body })).status;
        }"""
    )

    assert status == 200
    assert tokens == ["Bearer old", "Bearer fresh"]


def test_the_widget_gives_its_options_to_the_element(mounted: Mounted) -> None:
    page = mounted(
        language="de-AT",
        greeting="Guten Tag",
        placeholder="Frag uns",
        color="#123456",
        title="Hilfe",
        prompts=[{"label": "Preise", "prompt": "Was kostet es?"}],
    )

    given = page.evaluate("window.given")
    assert given["api"]["url"].endswith("/chatkit")
    assert given["api"]["domainKey"] == "domain_pk_1"
    assert given["locale"] == "de"
    assert given["frameTitle"] == "Hilfe"
    assert given["theme"] == {
        "colorScheme": "dark",
        "color": {"accent": {"primary": "#123456", "level": 1}},
    }
    assert given["startScreen"] == {
        "greeting": "Guten Tag",
        "prompts": [{"label": "Preise", "prompt": "Was kostet es?"}],
    }
    assert given["composer"] == {"placeholder": "Frag uns", "attachments": {"enabled": False}}
    assert given["history"] == {"enabled": True, "showDelete": True, "showRename": True}

    page.evaluate("window.given.header.rightAction.onClick()")
    assert page.evaluate("window.emitted.at(-1)") == "close"


def test_changed_options_are_set_again_as_a_whole(mounted: Mounted) -> None:
    page = mounted(greeting="Hello")

    page.evaluate("window.options = { ...window.options, language: 'pt-BR' }; panel.update()")

    assert page.evaluate("window.given.locale") == "pt-BR"
    assert page.evaluate("window.given.startScreen.greeting") == "Hello"


def test_messages_in_the_widget_carry_cookies_and_a_key(mounted: Mounted) -> None:
    page = mounted()

    with page.expect_request(re.compile("/chatkit$")) as asked:
        send(page, "Hello")

    headers = asked.value.all_headers()
    assert "cookie" in headers
    assert len(headers["idempotency-key"]) == 32
    assert headers["x-threadkeeper-turn"] == "keep"
    assert page.evaluate("window.result") == "ended"


def test_messages_in_the_widget_carry_a_token_instead(mounted: Mounted) -> None:
    page = mounted()
    page.evaluate("window.options.getToken = async () => 'secret'")
    headers: list[dict[str, str]] = []

    def note(route: Route) -> None:
        headers.append(route.request.all_headers())
        route.abort()

    page.route(re.compile("/chatkit$"), note)
    send(page, "Hello")

    assert headers[0]["authorization"] == "Bearer secret"
    assert "cookie" not in headers[0]


def test_stop_in_the_widget_stops(mounted: Mounted, model: ModelServer) -> None:
    page = mounted()
    model.script(Reply(pieces=pieces_of(LONG), then="hang", pause=0.02))
    say(page, "Go on")

    with page.expect_request("**/chatkit/turns/*/stop"):
        page.evaluate("window.abort.abort()")

    assert model.left_early.wait(30)


def test_a_message_is_sent_again_with_the_very_same_context(mounted: Mounted) -> None:
    page = mounted()
    sent: list[tuple[str, str | None]] = []

    def lose(route: Route) -> None:
        sent.append((route.request.headers["idempotency-key"], route.request.post_data))
        route.abort()

    page.route(re.compile("/chatkit$"), lose)
    page.evaluate("window.pageContext = { url: location.href, title: 'Prices', data: { n: 1 } }")
    send(page, "How much?")
    page.evaluate("window.pageContext = { title: 'Another page' }")
    send(page, "How much?")
    send(page, "Why?")

    assert sent[0] == sent[1]
    bodies = [json.loads(body or "") for _key, body in sent]
    assert bodies[0]["metadata"]["threadkeeper_context"] == {
        "url": page.url,
        "title": "Prices",
        "data": {"n": 1},
    }
    assert bodies[2]["metadata"]["threadkeeper_context"] == {"title": "Another page"}
    assert sent[2][0] != sent[0][0]


def test_without_context_the_body_is_the_one_of_the_element(mounted: Mounted) -> None:
    page = mounted()

    with page.expect_request(re.compile("/chatkit$")) as asked:
        send(page, "Hello")

    assert "metadata" not in json.loads(asked.value.post_data or "")


def test_a_script_that_does_not_come_can_be_tried_again(reader: Reader, stubbed: Page) -> None:
    page = stubbed
    tried: list[str] = []

    def second_time(route: Route) -> None:
        tried.append(route.request.url)
        if len(tried) == 1:
            route.abort()
        else:
            route.fulfill(body=ELEMENT, content_type="text/javascript")

    page.route(CDN, second_time)
    page.evaluate(SHELL, {})
    page.evaluate("panel.ask({ text: 'Still there?' })")

    expect(
        page.get_by_role("paragraph").filter(has_text="The chat by OpenAI could not be loaded.")
    ).to_be_visible()
    assert page.evaluate("window.emitted.includes('error')")
    page.get_by_role("button", name="Try again").click()

    page.locator("openai-chatkit").wait_for(state="attached")
    page.wait_for_function("window.calls.length === 1")
    assert calls(page) == [["sendUserMessage", {"text": "Still there?", "reply": None}]]
    assert tried == [CDN, CDN]
    assert [line for line in reader.problems if "Content-Security-Policy" in line]
    reader.problems.clear()


def test_the_script_is_loaded_once_for_two_panels(mounted: Mounted) -> None:
    page = mounted()

    page.evaluate(SHELL, {})

    expect(page.locator("openai-chatkit")).to_have_count(2)
    expect(page.locator(f'script[src="{CDN}"]')).to_have_count(1)


def test_asking_sends_quotes_or_fills_the_composer(mounted: Mounted) -> None:
    page = mounted()

    page.evaluate("panel.ask({ text: 'What is this?', quote: 'A word.' })")
    page.wait_for_function("window.calls.length === 1")
    page.evaluate("panel.ask({ quote: 'Another.' })")
    page.wait_for_function("window.calls.length === 3")

    assert calls(page) == [
        ["sendUserMessage", {"text": "What is this?", "reply": "A word."}],
        ["setComposerValue", {"text": "", "reply": "Another."}],
        ["focusComposer", None],
    ]


def test_the_last_thread_comes_back_and_is_looked_at_again(mounted: Mounted) -> None:
    page = mounted()
    page.evaluate(
        """() => {
            window.heard = [];
            host.addEventListener("chatkit.thread.change", (event) => heard.push(event.detail));
            host.shadowRoot.querySelector("openai-chatkit")
                .tell("chatkit.thread.change", { threadId: "thr_1" });
        }"""
    )
    assert page.evaluate("window.heard") == [{"threadId": "thr_1"}]

    come_back(page)

    page.wait_for_function("window.calls.some(([name]) => name === 'fetchUpdates')")

    page.evaluate("host.remove()")
    mounted()

    assert page.evaluate("window.given.initialThread") == "thr_1"


def test_a_last_thread_that_is_gone_is_left(mounted: Mounted) -> None:
    page = mounted()
    page.evaluate(
        """() => host.shadowRoot.querySelector("openai-chatkit")
            .tell("chatkit.thread.change", { threadId: "thr_gone" })"""
    )
    page.evaluate("host.remove()")
    mounted()

    status = page.evaluate(
        """async () => {
            const params = { thread_id: "thr_gone" };
            const body = JSON.stringify({ type: "threads.get_by_id", params });
            const headers = { "Content-Type": "application/json" };
            return (await window.api("/chatkit", { method: "POST", body, headers })).status;
        }"""
    )

    assert status == 404
    assert ["setThreadId", None] in calls(page)


def test_somebody_who_is_not_signed_in_keeps_their_words(mounted: Mounted, stubbed: Page) -> None:
    page = stubbed
    nobody = {"user": None, "sign_in_url": "/sign-in"}
    page.route("**/chatkit/session", lambda route: route.fulfill(json=nobody))
    mounted(ready=False)
    sign_in = page.get_by_role("link", name="Sign in")
    expect(sign_in).to_be_visible()
    expect(page.locator("openai-chatkit")).to_have_count(0)

    page.evaluate("panel.ask({ text: 'Wait for me', quote: 'this' })")
    expect(sign_in).to_be_focused()
    page.unroute("**/chatkit/session")
    somebody = {"user": {"id": "usr_1", "name": "A"}, "sign_in_url": "/sign-in"}
    page.route("**/chatkit/session", lambda route: route.fulfill(json=somebody))
    page.evaluate("panel.refresh()")

    page.wait_for_function("window.calls?.length === 2")
    assert calls(page)[0] == ["setComposerValue", {"text": "Wait for me", "reply": "this"}]


def test_signing_out_takes_the_element_away(mounted: Mounted) -> None:
    page = mounted()

    page.evaluate("panel.signedOut()")

    expect(page.locator("openai-chatkit")).to_have_count(0)
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_without_a_domain_key_our_own_element_is_shown(reader: Reader, mounted: Mounted) -> None:
    page = mounted(ready=False, domainKey=None)

    page.locator("#host threadkeeper-chat").wait_for(state="attached")
    assert [line for line in reader.problems if "needs domainKey" in line]
    reader.problems.clear()
    expect(page.locator(f'script[src="{CDN}"]')).to_have_count(0)
