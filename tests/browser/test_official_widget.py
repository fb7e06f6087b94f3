"""OpenAI's element in the widget, from the tag on somebody else's page: a stub stands for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from chat.connection import Connection
from tests.browser.official_stub import CDN, ELEMENT
from tests.browser.test_widget_sign_in import card, come_back, signed_out
from tests.browser.widget_site import BEARER, BODY, Sites, Visitor
from tests.fix_auth import Person
from tests.fix_browser import assert_accessible
from tests.fix_hosts import OTHER_SITE, SAME_SITE
from tests.fix_model import Reply, pieces_of

LONG = " ".join(f"word{number}" for number in range(60))
API = re.compile("/chatkit$")
# The server has the message, and the page does not know.
LOSE_THE_ANSWER = """async () => {
    const real = window.fetch;
    window.fetch = async (...given) => {
        window.fetch = real;
        await real(...given);
        throw new TypeError("lost");
    };
    return window.say("Once").catch((error) => error.name);
}"""
Opened = Callable[..., Page]


@pytest.fixture
def tagged(sites: Sites, visitor: Visitor) -> Opened:
    """Put the tag with these attributes on a page of that host, and go there."""

    def open_at(host: str = SAME_SITE, attributes: str = "", *, csp: str | None = None) -> Page:
        bearer = host == OTHER_SITE
        more = " data-start=manual" if bearer else ""
        tag = (
            f'<script src="{sites.chat}/widget.js" defer data-ui=chatkit'
            f" data-domain-key=domain_pk_1 {attributes}{more}></script>"
        )
        head = tag + (BEARER if bearer else "")
        sites.hosts.page("/official", head=head, body=BODY, host=host, csp=csp)
        return visitor.visit(host, "/official")

    return open_at


@pytest.fixture
def alice(sites: Sites, visitor: Visitor) -> Person:
    """Alice, who is signed in, and whose browser finds the stub at OpenAI's address."""
    serve_stub(visitor.page)
    person = sites.auth.sign_up("Alice")
    visitor.sign_in(person)
    return person


@pytest.fixture
def slow(sites: Sites) -> Iterator[str]:
    """A question whose answer does not end."""
    sites.model.when_asked("Go on", Reply(pieces_of(LONG), then="hang", pause=0.02))
    yield "Go on"
    sites.model.when_asked("Go on", None)


def serve_stub(page: Page) -> None:
    page.route(CDN, lambda route: route.fulfill(body=ELEMENT, content_type="text/javascript"))


def open_chat(page: Page) -> None:
    page.get_by_role("button", name="Open chat").click()


def ready(page: Page) -> Page:
    """Open the chat, and wait for the element."""
    open_chat(page)
    page.locator("openai-chatkit").wait_for(state="attached")
    return page


def say(page: Page, text: str) -> str:
    thread: str = page.evaluate("text => window.say(text)", text)
    return thread


def messages_of(sites: Sites, thread_id: str) -> list[str]:
    with Connection.connect(sites.server.dsn, autocommit=True) as conn:
        rows = conn.execute(
            "SELECT kind FROM chatkit_thread_item WHERE thread_id = %s ORDER BY position",
            [thread_id],
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.usefixtures("alice")
def test_on_the_same_site_it_is_given_what_the_tag_says(tagged: Opened, sites: Sites) -> None:
    sites.hosts.seen.clear()
    page = tagged(attributes='data-theme=dark data-title="Help" data-greeting="Hello there"')
    with page.expect_request("**/session") as asked:
        ready(page)

    assert asked.value.url == f"{sites.chat}/chatkit/session"
    given = page.evaluate("window.given")
    assert given["api"]["url"] == f"{sites.chat}/chatkit"
    assert given["api"]["domainKey"] == "domain_pk_1"
    assert given["theme"] == {"colorScheme": "dark"}
    assert (given["frameTitle"], given["locale"]) == ("Help", "en")
    assert given["startScreen"]["greeting"] == "Hello there"
    assert [path for path in sites.hosts.seen if not path.endswith("/favicon.ico")] == [
        f"{SAME_SITE}/official"
    ]


@pytest.mark.usefixtures("alice")
def test_a_message_by_cookie_whose_answer_was_lost_is_stored_once(
    tagged: Opened, sites: Sites
) -> None:
    page = ready(tagged())
    with page.expect_request(API) as first:
        assert page.evaluate(LOSE_THE_ANSWER) == "TypeError"
    with page.expect_request(API) as again:
        thread = say(page, "Once")

    keys = {one.value.headers["idempotency-key"] for one in (first, again)}
    assert len(keys) == 1
    assert "cookie" in again.value.all_headers()
    assert messages_of(sites, thread) == ["user_message", "assistant_message"]


def test_on_another_site_it_is_a_token_and_no_cookie(
    tagged: Opened, visitor: Visitor, alice: Person, sites: Sites
) -> None:
    page = tagged(OTHER_SITE)
    page.evaluate("token => localStorage.setItem('token', token)", alice.bearer)
    ready(page)

    with page.expect_request(API) as asked:
        thread = say(page, "From the shop")

    headers = asked.value.all_headers()
    assert headers["authorization"] == f"Bearer {alice.bearer}"
    assert "cookie" not in headers
    assert messages_of(sites, thread) == ["user_message", "assistant_message"]
    assert page.evaluate("window.asked").count("again") == 0


@pytest.mark.usefixtures("alice")
def test_stop_stops_the_answer_on_another_origin(tagged: Opened, sites: Sites, slow: str) -> None:
    page = ready(tagged())
    sites.model.left_early.clear()
    page.evaluate("text => void window.say(text).catch(() => {})", slow)
    page.wait_for_function("window.events?.filter((one) => one.update?.delta).length >= 5")

    with page.expect_response("**/chatkit/turns/*/stop") as stopped:
        page.evaluate("window.abort.abort()")

    assert stopped.value.ok
    assert sites.model.left_early.wait(30)


@pytest.mark.usefixtures("alice")
def test_light_and_dark_follow_the_page_and_its_options(tagged: Opened) -> None:
    page = ready(tagged())
    assert page.evaluate("window.given.theme.colorScheme") == "light"

    page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    page.wait_for_function("window.given.theme.colorScheme === 'dark'")
    page.evaluate("Threadkeeper.init({ theme: 'light', color: '#123456' })")
    page.wait_for_function("window.given.theme.colorScheme === 'light'")

    assert page.evaluate("window.given.theme.color.accent.primary") == "#123456"


def test_a_script_that_does_not_come_can_be_tried_again(
    tagged: Opened, visitor: Visitor, sites: Sites
) -> None:
    visitor.sign_in(sites.auth.sign_up("Alice"))
    page = tagged()
    page.route(CDN, lambda route: route.abort(), times=1)
    open_chat(page)
    expect(
        page.get_by_role("paragraph").filter(has_text="The chat by OpenAI could not be loaded.")
    ).to_be_visible()
    assert_accessible(page)

    serve_stub(page)
    page.get_by_role("button", name="Try again").click()

    page.locator("openai-chatkit").wait_for(state="attached")
    assert [line for line in visitor.problems if "Content-Security-Policy" in line]
    visitor.problems.clear()


@pytest.mark.usefixtures("alice")
def test_a_fault_is_said_while_somebody_is_known_and_passes(tagged: Opened) -> None:
    page = ready(tagged())
    page.route("**/chatkit/session", lambda route: route.abort())
    come_back(page)
    trouble = page.locator(".panel-banner")
    expect(trouble).to_contain_text("The chat can’t be reached at the moment.")
    expect(page.locator("openai-chatkit")).to_have_count(1)
    assert_accessible(page)

    page.unroute("**/chatkit/session")
    trouble.get_by_role("button", name="Try again").click()

    expect(trouble).to_be_hidden()
    expect(page.locator("openai-chatkit")).to_have_count(1)


@pytest.mark.parametrize("known", [True, False])
def test_axe_finds_nothing(tagged: Opened, visitor: Visitor, sites: Sites, *, known: bool) -> None:
    page = tagged()
    serve_stub(page)
    if known:
        visitor.sign_in(sites.auth.sign_up("Alice"))
        ready(page)
    else:
        open_chat(page)
        expect(card(page)).to_be_visible()

    assert_accessible(page)


@pytest.mark.usefixtures("alice")
def test_a_strict_policy_with_trusted_types_lets_it_in(
    tagged: Opened, visitor: Visitor, sites: Sites
) -> None:
    openai = "https://cdn.platform.openai.com"
    policy = (
        f"default-src 'none'; script-src {sites.chat} {openai}; frame-src {openai};"
        f" connect-src {sites.chat}; require-trusted-types-for 'script'; trusted-types threadkeeper"
    )

    ready(tagged(csp=policy))

    assert not visitor.problems


@pytest.mark.usefixtures("alice")
def test_signing_out_takes_the_element_away(tagged: Opened, visitor: Visitor) -> None:
    page = ready(tagged())

    visitor.context.clear_cookies()
    come_back(page)

    expect(page.locator("openai-chatkit")).to_have_count(0)
    expect(card(page).or_(signed_out(page))).to_be_visible()


@pytest.mark.usefixtures("alice")
def test_another_look_asks_nobody_who_is_there(tagged: Opened) -> None:
    page = ready(tagged())
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))

    page.evaluate("Threadkeeper.init({ theme: 'dark' })")
    page.wait_for_function("window.given.theme.colorScheme === 'dark'")
    with page.expect_request("**/session"):
        page.evaluate("Threadkeeper.refresh()")

    assert sum(url.endswith("/session") for url in asked) == 1


@pytest.mark.usefixtures("alice")
def test_another_server_is_asked_who_is_there(tagged: Opened) -> None:
    page = ready(tagged())

    # It knows nothing of sessions.
    with page.expect_response("**/elsewhere/session") as asked:
        page.evaluate("Threadkeeper.init({ apiUrl: '/elsewhere' })")

    assert asked.value.status == 404
    page.wait_for_function("window.given.api.url === location.origin + '/elsewhere'")
    expect(page.locator("openai-chatkit")).to_have_count(1)


def test_another_language_is_spoken_once_its_words_are_there(
    tagged: Opened, visitor: Visitor
) -> None:
    page = tagged()
    open_chat(page)
    expect(card(page)).to_be_visible()

    page.evaluate("Threadkeeper.init({ language: 'de' })")

    expect(page.get_by_role("link", name="Anmelden")).to_be_visible()
    assert not visitor.problems


def test_a_sign_out_outlives_an_answer_that_was_on_its_way(
    tagged: Opened, visitor: Visitor, alice: Person
) -> None:
    page = ready(tagged())
    held: list[Route] = []
    page.route("**/chatkit/session", lambda route: held.append(route), times=1)
    with page.expect_request("**/chatkit/session"):
        come_back(page)

    page.evaluate("Threadkeeper.signedOut()")
    expect(card(page)).to_be_visible()
    with page.expect_response("**/chatkit/session") as late:
        held[0].continue_()

    assert late.value.json()["user"]["id"] == alice.id
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    expect(card(page)).to_be_visible()
    expect(page.locator("openai-chatkit")).to_have_count(0)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(("whose", "told"), [(None, ["Hello"]), ("somebody-else", [])])
def test_words_of_a_guest_come_along_but_not_those_of_another_person(
    tagged: Opened, whose: str | None, told: list[str]
) -> None:
    page = tagged()
    page.evaluate(
        """whose => {
            sessionStorage.setItem("threadkeeper:draft:guest:new", "Hello");
            const ended = JSON.stringify({ owner: whose, threadId: null });
            if (whose) sessionStorage.setItem("threadkeeper:ended", ended);
        }""",
        whose,
    )
    ready(page)
    page.evaluate("Threadkeeper.ask({ text: 'And this', send: false })")
    page.wait_for_function("window.calls.some(([, given]) => given?.text === 'And this')")

    given = page.evaluate("window.calls.filter(([name]) => name === 'setComposerValue')")
    assert [value["text"] for _, value in given] == [*told, "And this"]
    assert page.evaluate("sessionStorage.getItem('threadkeeper:ended')") is None


@pytest.mark.usefixtures("alice")
def test_a_question_that_is_none_is_named_and_left_out(tagged: Opened, visitor: Visitor) -> None:
    page = ready(tagged())

    page.evaluate("Threadkeeper.ask({ text: 5 })")
    page.evaluate("Threadkeeper.ask('This one')")

    page.wait_for_function("window.calls.some(([name]) => name === 'sendUserMessage')")
    sent = page.evaluate("window.calls.filter(([name]) => name === 'sendUserMessage')")
    assert [value["text"] for _, value in sent] == ["This one"]
    assert "text can't be 5" in visitor.problems.pop(0)
    assert "wants a text" in visitor.problems.pop(0)
