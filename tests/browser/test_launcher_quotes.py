"""Asking about text that is selected on the page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.launcher_page import NewWindow, Window

ASK = "Ask about this"


def quoting(window: Window, **page: Any) -> Page:
    return window.visit(head=window.site.tag("defer data-quotes"), **page)


def test_selected_text_can_be_asked_about(window: Window) -> None:
    page = quoting(window)
    page.locator("#text").select_text()
    button = page.get_by_role("button", name=ASK)
    button.wait_for()
    here, text = button.bounding_box(), page.locator("#text").bounding_box()
    assert here is not None
    assert text is not None
    assert here["y"] >= text["y"] + text["height"] or here["y"] + here["height"] <= text["y"]

    button.click()

    window.message.wait_for()
    quote = "The bowline makes a loop that does not slip."
    assert window.told("ask") == [{"quote": quote}]
    expect(button).to_be_hidden()


def test_a_keyboard_gets_from_selected_text_to_the_button(window: Window) -> None:
    page = quoting(window)
    page.locator("#text").select_text()
    page.get_by_role("button", name=ASK).wait_for()

    page.keyboard.press("Tab")
    assert window.focused() == "tk ask"
    page.keyboard.press("Enter")

    window.message.wait_for()
    assert len(window.told("ask")) == 1


def test_the_button_goes_with_the_selection(window: Window) -> None:
    page = quoting(window)
    page.locator("#text").select_text()
    page.get_by_role("button", name=ASK).wait_for()

    page.evaluate("getSelection().removeAllRanges()")

    expect(page.get_by_role("button", name=ASK)).to_be_hidden()


@pytest.mark.parametrize(
    "select",
    [
        "document.querySelector('#field').focus(); document.querySelector('#field').select()",
        "getSelection().setBaseAndExtent(text.firstChild, 0, text.firstChild, 1)",
        "text.textContent = 'x'.repeat(4001); getSelection().selectAllChildren(text)",
        "text.contentEditable = true; getSelection().collapse(text, 0);"
        "getSelection().selectAllChildren(text)",
        "Threadkeeper.init({ quotes: false })",
    ],
)
def test_some_selections_are_nobodys_question(window: Window, select: str) -> None:
    page = quoting(window)
    button = page.locator("threadkeeper-widget .ask")
    page.evaluate("getSelection().selectAllChildren(text)")
    expect(button).to_be_visible()

    page.evaluate(f"() => {{ {select} }}")

    expect(button).to_be_hidden()


def test_on_a_phone_it_is_there_as_well(new_window: NewWindow) -> None:
    window = new_window(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
    page = quoting(window)
    page.evaluate("getSelection().selectAllChildren(text)")
    page.get_by_role("button", name=ASK).tap()

    window.message.wait_for()
    page.wait_for_function("shell.root.querySelector('section').ariaModal === 'true'")
    page.evaluate("document.querySelector('#field').focus()")
    assert window.focused() != "field"
