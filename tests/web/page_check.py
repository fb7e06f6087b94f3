"""What has to be true of every page, whatever it shows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

from werkzeug.test import TestResponse

VOID = frozenset({"meta", "link", "input", "img", "br", "hr", "path"})
BY_LABEL = frozenset({"href", "src", "action"})


@dataclass
class Page:
    """A page as a reader of its mark-up sees it."""

    html: str
    title: str = ""
    headings: list[str] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a") if "href" in attributes]

    def text(self) -> str:
        """Return the words of the page, one space between them."""
        return " ".join(re.sub(r"<[^>]*>", " ", self.html).split())


def check_page(response: TestResponse, status: int = 200) -> Page:
    """Return the page after checking what holds for all of them."""
    assert response.status_code == status, (response.status_code, response.headers.get("Location"))
    assert response.content_type == "text/html; charset=utf-8"
    html = response.get_data(as_text=True)
    reader = _Reader(html)
    page = reader.page
    assert page.title, "a page needs a <title>"
    assert not reader.open, f"never closed: {reader.open}"
    assert page.headings.count("h1") == 1, page.headings
    twice = [name for name, number in page.ids.items() if number > 1]
    assert not twice, f"ids must be unique: {twice}"
    _check_policy(page, response)
    return page


def _check_policy(page: Page, response: TestResponse) -> None:
    """Nothing on the page may need more than its Content-Security-Policy grants."""
    found = re.search(r"'nonce-([^']+)'", response.headers["Content-Security-Policy"])
    assert found, "the policy needs a nonce"
    for script in page.all("script"):
        assert script.get("nonce") == found[1], script
    assert not page.all("style")
    for tag, attributes in page.elements:
        inline = [name for name in attributes if name == "style" or name.startswith("on")]
        assert not inline, (tag, inline)
        for name in BY_LABEL & set(attributes):
            assert not attributes[name].lower().startswith("javascript:"), attributes[name]


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.page = Page(html)
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append((tag, attributes))
        if "id" in attributes:
            self.page.ids[attributes["id"]] += 1
        if re.fullmatch("h[1-6]", tag):
            self.page.headings.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title" and "svg" not in self.open:
            self.page.title += data.strip()
