"""Markdown on the server. tests/browser/test_markdown.py asks the same of the browser's."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest

from chat.web.markdown import render, safe_image, safe_link
from chat.web.markdown_limits import PLAIN_ABOVE
from tests.web.markdown_cases import (
    ADDRESSES,
    ALLOWED_ATTRIBUTES,
    ALLOWED_TAGS,
    ATTACKS,
    LIMITS,
    REL,
    SAME,
    Link,
)

ORIGIN = "https://chat.example"


class Seen(HTMLParser):
    """Every element of some HTML, and its links with their words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.links: list[Link] = []
        self._words: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "a":
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._words is not None:
            self.links.append((self.elements_of("a")[-1]["href"], "".join(self._words)))
            self._words = None

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)

    def elements_of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def without_space_between(html: str) -> str:
    return re.sub(
        r"\s*(</?(?:p|ul|ol|li|blockquote|table|thead|tbody|tr|th|td|div|h3|pre|br|hr)\b"
        r"[^>]*>)\s*",
        r"\1",
        html,
    ).replace("\n</code>", "</code>")


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_anybody_writes_can_run(attack: str) -> None:
    for text in (attack, f"before {attack} after", f"- {attack}", f"> {attack}", f"**{attack}**"):
        for tag, attributes in Seen(render(text, origin=ORIGIN)).elements:
            assert tag in ALLOWED_TAGS, text
            assert set(attributes) <= ALLOWED_ATTRIBUTES, text
            if tag == "a":
                assert re.match(r"(https?://|mailto:)", attributes["href"]), text
                assert (attributes["rel"], attributes["target"]) == (REL, "_blank")
            if tag == "img":
                assert safe_image(attributes["src"], origin=ORIGIN), text


@pytest.mark.parametrize(("text", "links", "images"), ADDRESSES)
def test_what_may_be_linked_and_shown(text: str, links: list[Link], images: list[str]) -> None:
    seen = Seen(render(text, origin=ORIGIN))

    assert seen.links == links
    assert [image["src"] for image in seen.elements_of("img")] == images


@pytest.mark.parametrize(("text", "html"), SAME)
def test_what_markdown_becomes(text: str, html: str) -> None:
    assert without_space_between(str(render(text))) == html


def test_an_image_is_shown_from_our_own_origin_only() -> None:
    assert 'src="https://chat.example/p.png"' in render(
        "![a](https://chat.example/p.png)", origin=ORIGIN
    )
    assert "<img" not in render("![a](https://chat.example/p.png)", origin="https://other.example")
    assert "<img" not in render("![a](https://chat.example/p.png)")
    for address in (
        "//x.example",
        "/\\x.example",
        "/\t/x.example",
        "x.png",
        "",
        "data:image/png,x",
    ):
        assert safe_image(address, origin=ORIGIN) is None, address


@pytest.mark.parametrize("address", ["https://", "https://[", "http://x:99999999", "http://x y"])
def test_an_address_that_does_not_parse_is_no_link(address: str) -> None:
    assert safe_link(address) is None


def test_what_follows_a_very_long_text_is_shown_as_it_is() -> None:
    html = str(render("**<b>** " * PLAIN_ABOVE))

    assert html.startswith("<p><strong>&lt;b&gt;</strong>")
    assert html.endswith("**&lt;b&gt;** </p>")
    assert html.count("<strong>") < PLAIN_ABOVE / 7


@pytest.mark.parametrize(("text", "html"), LIMITS)
def test_where_what_is_too_much_ends(text: str, html: str) -> None:
    assert without_space_between(str(render(text))) == without_space_between(html)


@pytest.mark.parametrize(
    "piece",
    ["[", "![", "*a ", "`a", ">", "- ", "[a](", "<", "_a__", "&", "~~a", "https://a ", "\\"],
)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * PLAIN_ABOVE)[:PLAIN_ABOVE]
    # What the machine does beside it does not count.
    began = time.thread_time()

    render(text)

    assert time.thread_time() - began < 5
