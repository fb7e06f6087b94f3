"""What the panel and the page around it have to do with each other: pictures, and page context."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_widget_sign_in import say
from tests.browser.widget_site import Sites, Visitor
from tests.fix_hosts import SAME_SITE
from tests.fix_model import Reply

BREAKS = "\u2028 \u2029 \x85 \x0b \x1c \x1d \x1e \x7f"


@pytest.fixture
def page(sites: Sites, visitor: Visitor) -> Page:
    """The chat, open for Alice on a page of another origin."""
    visitor.sign_in(sites.auth.sign_up("Alice"))
    return visitor.open()


def told(sites: Sites, question: str) -> list[dict[str, Any]]:
    """Return the page contexts that the model read with this question, oldest first."""
    (asked,) = (
        body["messages"]
        for body in sites.model.requests
        if body.get("stream") and body["messages"][-1]["content"] == question
    )
    notes = [each["content"] for each in asked if "<page_context>" in str(each["content"])]
    return [json.loads(note.split("\n")[2]) for note in notes]


def test_an_answer_loads_nothing_from_the_page_around_it(page: Page, sites: Sites) -> None:
    host = sites.hosts.origin(SAME_SITE)
    picture = page.evaluate("new URL(document.querySelector('script[src]').src).origin")
    answer = (
        f"![rooted](/logout?x=secret) ![whole]({host}/logout?y=secret) ![ours]({picture}/mark.svg)"
        " ![other](https://elsewhere.test/a.png)"
    )
    sites.model.when_asked("Show me", Reply([answer]))
    sites.hosts.seen.clear()
    say(page, "Show me")
    sites.model.when_asked("Show me", None)

    images = page.locator(".item-assistant .prose img")
    assert [one.get_attribute("src") for one in images.all()] == [
        f"{sites.chat}/logout?x=secret",
        f"{sites.chat}/mark.svg",
    ]
    links = page.locator(".item-assistant .prose a")
    expect(links).to_have_text(["whole", "other"])
    page.reload()
    expect(images).to_have_count(2)
    assert not [path for path in sites.hosts.seen if "secret" in path]


def test_no_title_and_no_data_keep_anybody_from_writing(page: Page, sites: Sites) -> None:
    page.evaluate(
        """(breaks) => {
            document.title = `Lamps ${breaks} and \\ud800 more`;
            const data = { half: "a\\udc00b", ["k\\ud800"]: 1 };
            Threadkeeper.setContext(data);
            Threadkeeper.init({ pageContext: true });
        }""",
        BREAKS,
    )
    say(page, "Which lamp is odd?")

    (context,) = told(sites, "Which lamp is odd?")
    assert context["title"] == "Lamps and more"
    assert context["data"] == {"half": "ab", "k": 1}
    assert context["url"] == page.url


def test_data_that_is_too_deep_stays_behind(page: Page, sites: Sites) -> None:
    page.evaluate(
        """() => {
            let data = 1;
            for (let level = 0; level < 2000; level += 1) data = [data];
            Threadkeeper.setContext(data);
            Threadkeeper.init({ pageContext: true });
            console.warn = () => {};
        }"""
    )
    say(page, "How deep is it?")

    (context,) = told(sites, "How deep is it?")
    assert "data" not in context


def test_context_that_is_taken_back_is_no_longer_told(page: Page, sites: Sites) -> None:
    page.evaluate("Threadkeeper.setContext({ product: 42 })")
    say(page, "What is before me?")
    assert told(sites, "What is before me?") == [{"data": {"product": 42}}]

    page.evaluate("Threadkeeper.setContext(null)")
    say(page, "And what is it now?")
    assert told(sites, "And what is it now?")[-1] == {}

    page.get_by_role("button", name="New conversation").click()
    say(page, "Is this a new one?")
    assert told(sites, "Is this a new one?") == []


def test_context_of_a_page_that_was_left_is_taken_back(page: Page, sites: Sites) -> None:
    page.evaluate("Threadkeeper.setContext({ product: 43 })")
    say(page, "What was before me?")

    page.get_by_role("link", name="Another page").click()
    expect(page.locator(".bubble")).to_have_text(["What was before me?"])
    say(page, "And on this page?")

    assert told(sites, "And on this page?")[-1] == {}
