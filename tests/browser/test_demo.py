"""The page on which a developer tries the widget, as `./run` shows it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import WIDTHS, Looks
from tests.fix_browser import NewPerson


def widget(page: Page) -> Locator:
    return page.locator("threadkeeper-widget")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def demo(new_person: NewPerson) -> Page:
    reader = new_person()
    reader.page.goto(f"{reader.server.url}/demo")
    return reader.page


def test_its_buttons_do_what_they_say(demo: Page) -> None:
    press(demo, "Quote the first paragraph")
    quote = widget(demo).locator(".quote-words")
    expect(quote).to_contain_text("Brass darkens with time")
    expect(demo.get_by_role("textbox", name="Message")).to_be_focused()

    press(demo, "Ask about delivery")
    expect(widget(demo).locator(".bubble")).to_contain_text("How long does delivery take?")
    expect(widget(demo).locator(".item-assistant")).to_be_visible()

    press(demo, "Open or close")
    expect(widget(demo).get_by_role("dialog")).to_be_hidden()
    expect(demo.get_by_role("log")).to_contain_text("chatkit.response.end")


def test_it_changes_sides_colours_and_schemes(demo: Page) -> None:
    launcher = widget(demo).get_by_role("button", name="Open chat")

    def colour() -> str:
        shown: str = launcher.evaluate("one => getComputedStyle(one).backgroundColor")
        return shown

    before = colour()
    press(demo, "Other colour")
    assert colour() != before

    right = launcher.bounding_box()
    press(demo, "Other side")
    left = launcher.bounding_box()
    assert right and left and left["x"] < 100 < right["x"]

    press(demo, "Light or dark")
    expect(widget(demo)).to_have_attribute("data-scheme", "dark")


def test_what_it_says_of_the_page_goes_along_when_one_asks(demo: Page) -> None:
    with demo.expect_request(lambda request: request.url.endswith("/chatkit")) as asked:
        press(demo, "Ask about delivery")

    sent: Any = asked.value.post_data_json
    told = sent["metadata"]["threadkeeper_context"]
    assert told["title"] == "Caring for your lamp – Harbour Lamps"
    assert told["url"] == demo.url


@pytest.mark.parametrize("width", WIDTHS)
def test_it_looks_right(new_person: NewPerson, width: int) -> None:
    reader = new_person(viewport={"width": width, "height": 800})
    page = reader.page
    page.goto(f"{reader.server.url}/demo")
    looks = Looks(page, width)

    looks("demo")
    widget(page).get_by_role("button", name="Open chat").click()
    page.get_by_role("textbox", name="Message").wait_for()
    looks("demo with the chat")
