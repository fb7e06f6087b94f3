"""The launcher through what pages do: options, calls, faults and navigation."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.launcher_page import Window


def test_attributes_and_init_set_options_and_change_them_at_once(window: Window) -> None:
    tag = window.site.tag(
        'defer data-color="#ffcc00" data-position="left" data-title="Ask Acme" data-z-index="7" '
        'data-prompts="Opening hours | Prices" data-page-context data-full-page="false" '
        'data-foo="x"'
    )
    page = window.visit(head=tag)
    assert window.style(".launcher", "zIndex") == "7"
    assert window.style(".launcher", "backgroundColor") == "rgb(255, 204, 0)"
    assert window.style(".launcher", "color") == "color(srgb-linear 0 0 0)"
    window.launcher.click()
    window.message.wait_for()
    expect(page.get_by_role("dialog", name="Ask Acme")).to_be_visible()
    options = window.told("mount")[0]
    assert options["prompts"] == [
        {"label": one, "prompt": one} for one in ("Opening hours", "Prices")
    ]
    assert (options["pageContext"], options["fullPage"], options["language"]) == (True, False, "en")

    page.evaluate("Threadkeeper.init({ color: '#036', title: null, zIndex: 9, position: 'right' })")

    assert window.style("section", "zIndex") == "9"
    assert window.style(".launcher", "color") == "color(srgb-linear 1 1 1)"
    expect(page.get_by_role("dialog", name="Chat")).to_be_visible()
    assert window.lines == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("position", "top"),
        ("color", "red"),
        ("color", "#12345"),
        ("title", 5),
        ("title", ""),
        ("zIndex", "high"),
        ("zIndex", "12"),
        ("prompts", "a|b"),
        ("quotes", "yes"),
        ("theme", True),
        ("getToken", "secret"),
        ("signIn", 1),
        ("colour", "#123456"),
    ],
)
def test_an_option_of_a_wrong_type_is_named_and_left_out(
    window: Window, name: str, wrong: Any
) -> None:
    page = window.visit()
    page.evaluate("(more) => Threadkeeper.init(more)", {name: wrong})
    window.launcher.click()
    window.message.wait_for()

    assert [line for line in window.lines if f'the option "{name}"' in line and "warning" in line]
    assert name not in window.told("mount")[0] or window.told("mount")[0][name] != wrong


@pytest.mark.parametrize(
    "wrong",
    ['data-prompts="[1, 2"', 'data-z-index="high"', 'data-color="url(x)"', 'data-quotes="5"'],
)
def test_a_wrong_attribute_is_named_and_left_out(window: Window, wrong: str) -> None:
    window.visit(head=window.site.tag(f"defer {wrong}"))

    assert len(window.lines) == 1
    assert "can't be" in window.lines[0]
    assert window.style(".launcher", "zIndex") == "2147483000"


@pytest.mark.parametrize("kind", ["defer", "async", "", "type=module"])
def test_however_the_script_is_loaded(window: Window, kind: str) -> None:
    page = window.visit(head=window.site.tag(f'{kind} data-title="Here"'))
    window.launcher.click()

    expect(page.get_by_role("dialog", name="Here")).to_be_visible()
    window.message.wait_for()


def test_a_script_that_comes_later_says_when_it_is_there(window: Window) -> None:
    page = window.page
    page.goto(window.site.page(head=""))
    page.evaluate(
        """(src) => new Promise((done) => {
          const ready = ({ detail }) => done(detail === Threadkeeper);
          document.addEventListener("threadkeeper.ready", ready);
          const script = document.createElement("script");
          script.src = src;
          document.head.append(script);
        })""",
        f"{window.site.chat}/widget.js",
    )
    window.launcher.click()

    window.message.wait_for()


def test_a_manual_start_waits_for_init_and_keeps_what_was_called(window: Window) -> None:
    page = window.page
    page.goto(window.site.page(head=window.site.tag('defer data-start="manual"')))
    page.evaluate("Threadkeeper.ask('Early')")
    expect(page.locator("threadkeeper-widget")).to_have_count(0)

    page.evaluate("Threadkeeper.init({ title: 'Now' })")

    window.message.wait_for()
    assert window.told("ask") == [{"text": "Early"}]
    expect(page.get_by_role("dialog", name="Now")).to_be_visible()


def test_two_copies_are_one(window: Window) -> None:
    twice = window.site.script + window.site.tag('defer data-title="Second"')
    page = window.visit(head=twice)
    window.launcher.click()

    expect(page.locator("threadkeeper-widget")).to_have_count(1)
    expect(page.get_by_role("dialog", name="Chat")).to_be_visible()
    expect(window.dialog).to_have_count(1)


def test_it_outlives_what_pages_do_to_themselves(window: Window) -> None:
    page = window.visit()
    window.launcher.click()
    window.message.fill("Half a sentence")

    page.evaluate(
        """() => {
          const body = document.createElement("body");
          body.style.background = "#111";
          document.documentElement.replaceChild(body, document.body);
          history.pushState({}, "", "/elsewhere");
        }"""
    )
    widget = page.locator("threadkeeper-widget")
    expect(widget).to_have_attribute("data-scheme", "dark")
    expect(window.message).to_have_value("Half a sentence")
    # The new body is watched like the one before.
    page.evaluate("document.body.style.background = '#fff'")
    expect(widget).to_have_attribute("data-scheme", "light")

    page.evaluate("document.documentElement.replaceChildren(document.createElement('body'))")

    expect(widget).to_have_count(1)
    expect(window.message).to_have_value("Half a sentence")
    assert len(window.told("mount")) == 1


def test_it_is_open_again_on_the_next_page_of_the_tab(window: Window) -> None:
    window.visit()
    window.launcher.click()
    window.message.wait_for()

    page = window.visit("/next")

    window.message.wait_for()
    assert page.evaluate("document.activeElement === document.body")
    page.evaluate("Threadkeeper.close()")
    window.visit("/third")
    expect(window.dialog).to_be_hidden()


def test_what_is_asked_waits_for_the_panel(window: Window) -> None:
    page = window.visit()
    page.route("**/panel.js", lambda _route: None)
    page.evaluate("Threadkeeper.ask('One'); Threadkeeper.ask({ quote: 'Two', send: false })")
    page.get_by_text("Opening the chat…").wait_for()
    page.unroute_all(behavior="ignoreErrors")
    page.evaluate("Threadkeeper.close()")
    page.reload()
    page.evaluate("Threadkeeper.ask('Three'); Threadkeeper.ask({ quote: 'Four', send: false })")

    window.message.wait_for()
    assert window.told("ask") == [{"text": "Three"}, {"quote": "Four", "send": False}]


def test_calls_reach_the_panel_and_events_the_page(window: Window) -> None:
    page = window.visit()
    page.evaluate(
        """() => {
          window.heard = [];
          const closed = (event) => heard.push(event.target.localName);
          document.addEventListener("threadkeeper.close", closed);
          const off = Threadkeeper.on("open", () => { heard.push("open"); off(); });
          Threadkeeper.on("chatkit.thread.change", (detail) => heard.push(detail.threadId));
          Threadkeeper.on("ready", () => heard.push("ready"));
        }"""
    )
    page.evaluate("Threadkeeper.refresh()")
    page.evaluate("Threadkeeper.toggle()")
    window.message.wait_for()
    page.evaluate(
        """() => shell.body.firstChild.dispatchEvent(new CustomEvent("chatkit.thread.change", {
          detail: { threadId: "thr_1" }, bubbles: true, composed: true,
        }))"""
    )
    page.evaluate("Threadkeeper.refresh(); Threadkeeper.signedOut(); Threadkeeper.toggle()")
    page.evaluate("Threadkeeper.open(); Threadkeeper.close()")

    assert page.evaluate("heard") == [
        "ready",
        "open",
        "thr_1",
        "threadkeeper-widget",
        "threadkeeper-widget",
    ]
    for name in ("refresh", "signedOut"):
        assert len(window.told(name)) == 1
    assert (len(window.told("opened")), len(window.told("closed"))) == (2, 2)


def test_context_goes_with_consent_only(window: Window) -> None:
    page = window.visit("/page?a=1")
    page.evaluate("Threadkeeper.open()")
    window.message.wait_for()
    assert page.evaluate("shell.context()") is None

    page.evaluate("Threadkeeper.setContext({ order: 7 })")
    assert page.evaluate("shell.context()") == {"data": {"order": 7}}

    page.evaluate(
        "Threadkeeper.init({ pageContext: true });Threadkeeper.setContext(null);location.hash = 'x'"
    )
    here = f"{window.site.origin('www.example.test')}/page?a=1"
    assert page.evaluate("shell.context()") == {"url": here, "title": "Knots", "data": None}


def test_what_cannot_be_loaded_can_be_tried_again(window: Window) -> None:
    page = window.visit()
    window.site.lose_panel()
    page.evaluate("Threadkeeper.ask('Kept')")
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    assert [line for line in window.lines if "ALLOWED_ORIGINS" in line and "script-src" in line]

    window.site.serve_panel()
    again.click()

    expect(window.message).to_be_visible()
    assert window.told("ask") == [{"text": "Kept"}]
    assert any("panel.js?try=" in one for one in window.site.seen)


def test_a_panel_that_fails_to_start_can_be_tried_again(window: Window) -> None:
    window.visit()
    window.site.serve_panel("export async function mount() { throw new Error('broken'); }")
    window.launcher.click()
    window.page.get_by_text("The chat could not be loaded.").wait_for()
    window.site.serve_panel()

    window.page.get_by_role("button", name="Try again").click()

    window.message.wait_for()


def test_offline_it_waits_and_goes_on_by_itself(window: Window) -> None:
    page = window.visit()
    window.context.set_offline(True)
    window.launcher.click()
    page.get_by_text("You are offline").wait_for()

    window.context.set_offline(False)

    window.message.wait_for()
    assert not [line for line in window.lines if "ALLOWED_ORIGINS" in line]


def test_a_slow_network_is_said_while_it_goes_on(window: Window) -> None:
    page = window.page
    page.clock.install()
    window.visit()
    held: list[Any] = []
    page.route("**/panel.js", lambda route: held.append(route))
    window.launcher.click()
    page.get_by_text("Opening the chat…").wait_for()
    expect(window.dialog).to_have_attribute("aria-busy", "true")

    page.clock.fast_forward(8500)
    page.get_by_text("It takes a while").wait_for()

    held[0].continue_()
    window.message.wait_for()
    expect(window.dialog).to_have_attribute("aria-busy", "false")
