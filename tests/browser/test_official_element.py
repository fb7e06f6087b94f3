"""`createFetch`, with a stub in the place of OpenAI's element, which runs on its own site only."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.fix_browser import NewPerson
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


@pytest.fixture
def model(talking: Talking) -> ModelServer:
    return talking.model


@pytest.fixture
def stubbed(new_talker: NewPerson) -> Page:
    """Our page, with the stub on it; waiting for an expression is `eval`, which we forbid."""
    page = new_talker(bypass_csp=True).open("/history/new")
    page.evaluate(STUB)
    return page


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
    assert model.left_early.wait(5)
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
