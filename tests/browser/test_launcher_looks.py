"""How the launcher follows the page, the person's settings, and the size of the window."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.launcher_page import LOOK, NewWindow, Window
from tests.fix_hosts import TEXT

PHONE = {"viewport": {"width": 390, "height": 700}, "has_touch": True, "is_mobile": True}


def test_reduced_motion_stands_still(new_window: NewWindow) -> None:
    moving, still = new_window(), new_window(reduced_motion="reduce")
    for window in (moving, still):
        window.visit()
        window.page.route("**/panel.js", lambda _route: None)
        window.launcher.click()
        window.page.get_by_text("Opening the chat…").wait_for()

    running = "() => Threadkeeper.element.shadowRoot.getAnimations().length"
    assert moving.page.evaluate(running) > 0
    assert still.page.evaluate(running) == 0


def test_forced_colours_show_edges(new_window: NewWindow) -> None:
    window = new_window(forced_colors="active")
    window.visit()
    window.launcher.click()

    for selector in (".launcher", "section"):
        assert window.style(selector, "borderTopStyle") == "solid"
        assert window.style(selector, "borderTopColor") != window.style(selector, "backgroundColor")


def test_it_is_not_printed(window: Window) -> None:
    page = window.visit()
    page.emulate_media(media="print")

    expect(window.launcher).to_be_hidden()


def test_a_page_from_right_to_left_has_it_on_the_other_side(window: Window) -> None:
    page = window.visit(html='dir="rtl"')
    assert page.evaluate(LOOK, ".launcher")["x"] == 20

    page.evaluate("Threadkeeper.init({ position: 'left' })")

    assert page.evaluate(LOOK, ".launcher")["x"] == 1280 - 20 - 56


@pytest.mark.parametrize(
    ("language", "html", "name", "way"),
    [
        ("de-AT", {"dir": "rtl"}, "Chat öffnen", "ltr"),
        ("ar", {}, "فتح الدردشة", "rtl"),
        ("", {"lang": "fr"}, "Ouvrir le chat", "ltr"),
        ("", {"lang": "es", "dir": "rtl"}, "Abrir el chat", "rtl"),
        ("he", {}, "Open chat", "rtl"),
        ("ja", {}, "Open chat", "ltr"),
    ],
)
def test_the_button_speaks_and_runs_as_the_language_does(
    window: Window, language: str, html: dict[str, str], name: str, way: str
) -> None:
    page = window.visit(head=window.site.tag(f'defer data-language="{language}"'))
    page.evaluate("(html) => Object.assign(document.documentElement, html)", html)

    expect(window.launcher).to_have_accessible_name(name)
    expect(page.locator("threadkeeper-widget")).to_have_attribute("dir", way)


@pytest.mark.parametrize(
    ("style", "device", "scheme"),
    [
        ("", "dark", "light"),
        ("html { color-scheme: dark }", "light", "dark"),
        ("html { color-scheme: light }", "dark", "light"),
        ("html { color-scheme: light dark }", "dark", "dark"),
        ("html { color-scheme: light dark } body { background: #fff }", "dark", "light"),
        ("body { background: #111 }", "light", "dark"),
        ("html { background: oklch(0.2 0.02 250) }", "light", "dark"),
        ("body { background: oklch(0.95 0.02 250) }", "light", "light"),
        ("body { background: color(display-p3 0.1 0.1 0.1) }", "light", "dark"),
        ("body { background: lab(90 0 0) }", "light", "light"),
        ("body { background: rgb(0 0 0 / 10%) }", "light", "light"),
    ],
)
def test_light_and_dark_are_those_of_the_page(
    new_window: NewWindow, style: str, device: str, scheme: str
) -> None:
    window = new_window(color_scheme=device)
    window.visit(head=f"<style>{style}</style>{window.site.script}")

    expect(window.page.locator("threadkeeper-widget")).to_have_attribute("data-scheme", scheme)
    window.launcher.click()
    window.message.wait_for()
    assert window.told("mount")[0]["theme"] == scheme


@pytest.mark.parametrize(
    ("content", "device", "scheme"),
    [
        ("dark", "light", "dark"),
        ("light dark", "dark", "dark"),
        ("light dark", "light", "light"),
        ("light", "dark", "light"),
    ],
)
def test_a_page_can_say_by_a_meta_tag_that_it_is_dark(
    new_window: NewWindow, content: str, device: str, scheme: str
) -> None:
    window = new_window(color_scheme=device)
    window.visit(head=f'<meta name="color-scheme" content="{content}">{window.site.script}')

    expect(window.page.locator("threadkeeper-widget")).to_have_attribute("data-scheme", scheme)


def test_a_page_that_changes_its_theme_is_followed(window: Window) -> None:
    page = window.visit(
        head="<style>body { transition: background 0.3s }"
        "[data-theme=dark] body { background: #111 }"
        f"</style>{window.site.script}"
    )
    window.launcher.click()
    window.message.wait_for()

    page.evaluate("document.documentElement.dataset.theme = 'dark'")

    expect(page.locator("threadkeeper-widget")).to_have_attribute("data-scheme", "dark")
    assert None in window.told("update")
    page.evaluate("Threadkeeper.init({ theme: 'light' })")
    expect(page.locator("threadkeeper-widget")).to_have_attribute("data-scheme", "light")


def test_on_a_phone_it_covers_the_page_which_stands_still(new_window: NewWindow) -> None:
    window = new_window(**PHONE)
    page: Page = window.visit(body=TEXT + "<p>Line</p>" * 200)
    page.evaluate("scrollTo(0, 300)")
    window.launcher.tap()
    window.message.wait_for()

    box = page.evaluate(LOOK, "section")
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 700)
    expect(window.launcher).to_be_hidden()
    page.keyboard.press("Escape")
    expect(window.launcher).to_be_visible()
    assert page.evaluate("scrollY") == 300
