"""The launcher on a page of another site: what it costs, keeps out, and looks like."""

from __future__ import annotations

import gzip

import pytest
from playwright.sync_api import expect

from tests.browser.launcher_page import LOOK, NewWindow, Window
from tests.fix_browser import assert_accessible
from tests.fix_hosts import BUILT, TEXT

MOST_BYTES = 5000
WILD = """<style>
* { all: unset; display: none !important; color: red !important; font-size: 40px !important;
    box-sizing: content-box !important; margin: 30px !important; --accent: red !important }
html, body, main, p { display: block !important }
div, button, section, p { background: red !important; visibility: hidden !important }
</style>"""


def test_it_is_one_request_of_at_most_5_kilobytes(window: Window) -> None:
    window.visit()
    window.page.wait_for_load_state("networkidle")

    asked = [one for one in window.site.seen if one.startswith("chat.")]
    assert asked == ["chat.example.test/widget.js"]
    built = (BUILT / "launcher.js").read_bytes()
    # As the server sends it, with the path of the panel's folder.
    served = built.replace(b"__PANEL__", b"/assets/0f3a9c5be721/widget")
    assert len(gzip.compress(served, 9)) <= MOST_BYTES


def test_nothing_on_the_page_moves(window: Window) -> None:
    page = window.visit(body=TEXT + "<p>Line</p>" * 200)
    page.evaluate("Threadkeeper.open()")
    window.message.wait_for()
    page.evaluate("Threadkeeper.close()")

    assert page.evaluate("window.shifts") == 0
    assert page.evaluate("document.body.querySelector('threadkeeper-widget')") is None


def test_the_styles_of_the_page_stay_out(new_window: NewWindow) -> None:
    plain, wild = new_window(), new_window()
    plain.visit()
    wild.visit(head=WILD + wild.site.script)
    for one in (plain, wild):
        one.page.evaluate("Threadkeeper.open()")
        one.message.wait_for()

    for selector in (".launcher", "section"):
        assert wild.page.evaluate(LOOK, selector) == plain.page.evaluate(LOOK, selector)


def test_its_styles_stay_in(new_window: NewWindow) -> None:
    look = """() => [...document.querySelectorAll("body *")].map((one) => {
      const style = getComputedStyle(one);
      return [...style].map((name) => name + style[name]).join();
    })"""
    without, with_it = new_window(), new_window()
    without.page.goto(without.site.page("/without", head=""))
    with_it.visit()
    with_it.page.evaluate("Threadkeeper.open()")

    assert with_it.page.evaluate(look) == without.page.evaluate(look)


def test_a_strict_policy_of_the_page_is_kept(window: Window) -> None:
    chat = window.site.chat
    policy = (
        f"default-src 'none'; script-src {chat}; connect-src {chat}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page = window.visit(csp=policy, head=window.site.tag('defer data-color="#0b3d91" data-quotes'))
    window.launcher.click()
    window.message.wait_for()

    assert page.evaluate("window.violations") == []
    assert (
        page.evaluate("[...Threadkeeper.element.shadowRoot.querySelectorAll('[style]')].length")
        == 0
    )
    assert window.style(".launcher", "backgroundColor") == "rgb(11, 61, 145)"


def test_the_button_says_what_it_does(window: Window) -> None:
    page = window.visit()
    button = page.get_by_role("button", name="Open chat")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_have_attribute("aria-haspopup", "dialog")

    button.click()

    expect(window.launcher).to_have_accessible_name("Close chat")
    expect(window.launcher).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("dialog", name="Chat")).to_be_visible()


def test_the_focus_goes_in_and_comes_back_to_the_button(window: Window) -> None:
    page = window.visit()
    window.launcher.focus()
    page.keyboard.press("Enter")
    expect(window.message).to_be_focused()

    page.keyboard.press("Escape")

    expect(window.dialog).to_be_hidden()
    assert window.focused() == "tk launcher"


def test_the_focus_comes_back_to_a_button_of_the_page(window: Window) -> None:
    page = window.visit()
    page.evaluate("() => { before.onclick = () => Threadkeeper.open() }")
    page.locator("#before").click()
    expect(window.message).to_be_focused()

    page.keyboard.press("Escape")

    assert window.focused() == "before"


def test_at_a_desk_the_focus_can_leave(window: Window) -> None:
    page = window.visit()
    window.launcher.click()
    expect(window.message).to_be_focused()

    page.locator("#field").focus()

    assert window.focused() == "field"
    expect(window.dialog).to_be_visible()


def test_escape_is_left_to_what_is_inside_and_to_whoever_composes(window: Window) -> None:
    page = window.visit()
    window.launcher.click()
    window.message.wait_for()
    window.message.evaluate(
        "one => one.addEventListener('keydown', (event) => event.preventDefault(), { once: true })"
    )
    page.keyboard.press("Escape")
    expect(window.dialog).to_be_visible()

    composing = """one => one.dispatchEvent(new KeyboardEvent("keydown", {
      key: "Escape", isComposing: true, bubbles: true, composed: true,
    }))"""
    window.message.evaluate(composing)
    expect(window.dialog).to_be_visible()

    page.keyboard.press("Escape")
    expect(window.dialog).to_be_hidden()


def test_what_is_typed_is_no_shortcut_of_the_page(window: Window) -> None:
    page = window.visit()
    page.evaluate("window.keys = []; addEventListener('keydown', ({ key }) => keys.push(key))")
    window.launcher.click()
    expect(window.message).to_be_focused()

    page.keyboard.type("abc")
    page.locator("#field").press("d")

    assert page.evaluate("keys") == ["d"]


@pytest.mark.parametrize("state", ["opening", "failed", "offline", "there", "closed", "quote"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(new_window: NewWindow, state: str, scheme: str) -> None:
    window = new_window(reduced_motion="reduce")
    window.visit(
        head=f"<style>html {{ color-scheme: {scheme} }}</style>"
        + window.site.tag("defer data-quotes")
    )
    reach_state(window, state)

    assert_accessible(window.page)


def reach_state(window: Window, state: str) -> None:
    page = window.page
    if state == "quote":
        page.locator("#text").select_text()
        page.get_by_role("button", name="Ask about this").wait_for()
    if state in {"closed", "quote"}:
        return
    if state == "opening":
        page.route("**/panel.js", lambda _route: None)
    if state == "failed":
        window.site.lose_panel()
    window.context.set_offline(state == "offline")
    window.launcher.click()
    words = {
        "opening": "Opening the chat…",
        "offline": "You are offline",
        "failed": "not be loaded",
    }
    if state == "there":
        window.message.wait_for()
    else:
        page.get_by_text(words[state]).wait_for()
    window.context.set_offline(False)
