"""Markdown in the browser. tests/web/test_markdown.py asks the same of the server's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fix_browser import NewPerson, Reader
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

RENDER = """async ([text, size]) => {
    const address = document.querySelector('link[href$="chat/markdown.js"]').href;
    const { MarkdownWriter } = await import(address);
    const root = document.createElement("div");
    document.body.append(root);
    const writer = new MarkdownWriter(root, location.origin);
    const letters = [...text];
    for (let at = 0; at < letters.length; at += size) {
        writer.write(letters.slice(at, at + size).join(""));
    }
    writer.end();
    root.remove();
    const elements = [...root.querySelectorAll("*")].map((one) => [
        one.localName,
        Object.fromEntries([...one.attributes].map(({ name, value }) => [name, value])),
        one.textContent,
    ]);
    return { html: root.innerHTML, text: root.textContent, elements, depth: depthOf(root) };
    function depthOf(node) {
        return 1 + Math.max(0, ...[...node.children].map(depthOf));
    }
}"""


SIZES = """async (text) => {
    const address = document.querySelector('link[href$="chat/markdown.js"]').href;
    const { MarkdownWriter } = await import(address);
    const root = document.createElement("div");
    const writer = new MarkdownWriter(root);
    writer.write(text);
    writer.end();
    const most = (values) => values.reduce((a, b) => Math.max(a, b), 0);
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    let longest = 0;
    while (texts.nextNode()) longest = Math.max(longest, texts.currentNode.length);
    const depthOf = (node) => 1 + most([...node.children].map(depthOf));
    return {
        written: writer.text,
        tail: [...root.querySelectorAll(":scope > .plain")].map((one) => one.textContent).join(""),
        depth: depthOf(root),
        longest,
        cells: most([...root.querySelectorAll("table")].map(
            (one) => one.querySelectorAll("th, td").length)),
    };
}"""


@pytest.fixture
def alice(new_person: NewPerson) -> Reader:
    reader = new_person()
    reader.open("/history/new")
    return reader


def rendered(reader: Reader, text: str, size: int = 1) -> dict[str, Any]:
    """Return what the streaming renderer makes of a text that comes in pieces of that size."""
    made: dict[str, Any] = reader.page.evaluate(RENDER, [text, size])
    return made


def test_nothing_that_anybody_writes_can_run(alice: Reader) -> None:
    alice.page.evaluate("() => { window.alert = () => { window.ran = true } }")
    for attack in ATTACKS:
        for text in (
            attack,
            f"before {attack} after",
            f"- {attack}",
            f"> {attack}",
            f"**{attack}**",
        ):
            for size in (1, 7, 10_000):
                for tag, attributes, _ in rendered(alice, text, size)["elements"]:
                    assert tag in ALLOWED_TAGS, text
                    assert set(attributes) <= ALLOWED_ATTRIBUTES, text
                    if tag == "a" and "href" in attributes:
                        assert re.match(r"(https?://|mailto:)", attributes["href"]), text
                        assert (attributes["rel"], attributes["target"]) == (REL, "_blank")
                    if tag == "img":
                        assert re.match(r"/[^/\\]", attributes["src"]), text
    assert not alice.page.evaluate("window.ran")


def test_what_may_be_linked_and_shown(alice: Reader) -> None:
    for text, links, images in ADDRESSES:
        elements = rendered(alice, text)["elements"]
        seen: list[Link] = [
            (attributes["href"], words)
            for tag, attributes, words in elements
            if tag == "a" and "href" in attributes
        ]
        assert seen == links, text
        assert [attributes["src"] for tag, attributes, _ in elements if tag == "img"] == images


def test_what_markdown_becomes(alice: Reader) -> None:
    for text, html in SAME:
        for size in (1, 3, 10_000):
            assert rendered(alice, text, size)["html"] == html, (text, size)


def test_where_what_is_too_much_ends(alice: Reader) -> None:
    for text, html in LIMITS:
        for size in (7, 1_000_000):
            assert rendered(alice, text, size)["html"] == html, (text[:80], size)


@pytest.mark.parametrize(
    "piece", ["word", "- ", "> ", "|a", "|a|\n|-|\n", "```\n", "`", "[a](", "![", "$", "**", "\\["]
)
def test_a_megabyte_keeps_every_letter_in_elements_that_are_small(
    alice: Reader, piece: str
) -> None:
    text = (piece * 1_000_000)[:1_000_000] + "END"

    made = alice.page.evaluate(SIZES, text)

    assert made["written"] == text
    assert made["tail"] == text[-len(made["tail"]) :]
    assert len(made["tail"]) > 930_000
    assert made["depth"] <= 24 + 6
    assert made["longest"] <= 2 * 61_000
    assert made["cells"] <= 101 * 30


def test_half_a_character_is_never_shown(alice: Reader) -> None:
    text = "a" + "\N{GRINNING FACE}" * 40_000

    assert rendered(alice, text, 1_000_000)["text"] == text
    assert "\ud83d</p>" not in rendered(alice, text, 1_000_000)["html"]


def test_an_image_of_our_own_origin_is_shown_by_its_full_address_too(alice: Reader) -> None:
    own = f"{alice.server.url}/static/mark.svg"

    assert [tag for tag, _, _ in rendered(alice, f"![a]({own})")["elements"]] == ["p", "img"]


@pytest.mark.parametrize("piece", ["> ", "- ", "  - a\n", "*a ", "[", "![", "`a ", "|a", "\\[\n"])
def test_deep_and_odd_texts_keep_their_words_and_stay_shallow(alice: Reader, piece: str) -> None:
    made = rendered(alice, piece * 3000 + "END", 10_000)

    assert "END" in made["text"]
    assert made["depth"] < 60
