"""Markdown that people and models wrote, as HTML that cannot do anything but be read.

Two layers: the parser knows no raw HTML, and what it makes passes a list of allowed elements.
The streaming renderer in static/js/chat/markdown.js follows the same rules; the tests hold the two
together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from chat.web.markdown_limits import (
    DEEPEST,
    PLAIN_ABOVE,
    part_end,
    plain_parts,
    small_tables,
    too_deep,
)

WEB_LINK: Final = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x1f\x7f\\]+", re.IGNORECASE)
BARE_ADDRESS: Final = re.compile(r"(?<!\S)https?://[^\s\\<>]*[^\s\\<>.,;:!?'\")\]*_~]")
LINE_BREAK: Final = re.compile(r"<br ?/?>", re.IGNORECASE)
TASK: Final = re.compile(r"\[([ x])\] ")
LANGUAGE: Final = re.compile(r"[\w+#.-]{1,40}", re.ASCII)
CODE: Final = re.compile(r'<pre>(?=<code class="language-([^"]{1,40})">)')

ALLOWED_TAGS: Final = frozenset(
    {"p", "br", "hr", "h3", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li"}
    | {"a", "img", "span", "div", "table", "thead", "tbody", "tr", "th", "td"}
)
ALLOWED_ATTRIBUTES: Final = {
    "a": {"href", "target"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "h3": {"class"},
    "span": {"class", "role", "aria-label"},
    "code": {"class"},
    "pre": {"tabindex", "data-language"},
    "div": {"class", "tabindex", "role", "aria-label"},
}


def render(text: str, *, origin: str = "") -> Markup:
    """Return the Markdown in `text` as safe HTML.

    Links go to http, https and mailto only. Images are shown when they are at `origin`, our own
    scheme and host, or at a path of it; others become links, as loading one tells its server who
    reads. What follows PLAIN_ABOVE characters is not parsed.
    """
    end = part_end(text, 0, PLAIN_ABOVE)
    return Markup("").join([_parsed(text[:end], origin), *plain_parts(text, end)])


def _parsed(text: str, origin: str) -> Markup:
    html = _scrollable(PARSER.render(text, {"origin": origin}))
    return Markup(  # noqa: S704 - the cleaner's result is what this module is for.
        nh3.clean(
            html,
            tags=set(ALLOWED_TAGS),
            attributes={tag: set(names) for tag, names in ALLOWED_ATTRIBUTES.items()},
            url_schemes={"http", "https", "mailto"},
            link_rel="nofollow noopener noreferrer",
        )
    )


def _scrollable(html: str) -> str:
    """Let code and tables scroll by keyboard, and name languages.

    In people's text these words are escaped.
    """
    table = '<div class="table" tabindex="0" role="region" aria-label="Table"><table>'
    return (
        CODE.sub(r'<pre tabindex="0" data-language="\1">', html)
        .replace("<pre>", '<pre tabindex="0">')
        .replace("<table>", table)
        .replace("</table>", "</table></div>")
    )


def safe_link(address: str) -> str | None:
    """Return the address if a page may link to it, else None."""
    if not WEB_LINK.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "mailto" or bool(parts.hostname and parts.port != 0)
    except ValueError:
        return None
    return address if usable else None


def safe_image(address: str, *, origin: str) -> str | None:
    """Return the address if a page may show the image: it is on our own origin; else None."""
    if not address.isprintable():
        # Browsers leave control characters out, and "/\n/evil" is then another site.
        return None
    if address.startswith("/") and not address.startswith(("//", "/\\")):
        return address
    if not origin or safe_link(address) is None:
        return None
    parts = urlsplit(address)
    return address if f"{parts.scheme}://{parts.netloc}".lower() == origin else None


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable(["table", "strikethrough"])
    # At its own limit the parser drops what is deeper, words and all.
    parser.options["maxNesting"] = 2 * DEEPEST
    parser.block.ruler.before("table", "too_deep", too_deep)
    # Whatever is written as a link is read as one, and then judged once, by our own rule: the
    # parser's own judgement would leave a refused link on the page as raw Markdown.
    parser.validateLink = _take_any_link  # type: ignore[method-assign]
    parser.inline.ruler.before("autolink", "line_break_tag", _line_break_tag)
    parser.core.ruler.push("safe", _make_safe)
    return parser


def _take_any_link(url: str) -> bool:  # noqa: ARG001 - the parser's own signature.
    return True


def _line_break_tag(state: StateInline, silent: bool) -> bool:
    """Read `<br>`, the one tag that models write in tables, as a line break."""
    found = LINE_BREAK.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _make_safe(state: StateCore) -> None:
    """Judge every link and image, and lower every heading below those of the page."""
    origin = str(state.env.get("origin", ""))
    state.tokens = list(small_tables(state.tokens))
    for token in state.tokens:
        if token.type in {"heading_open", "heading_close"}:
            _lower_heading(token)
        elif token.type == "inline" and token.children is not None:
            token.children = list(_safe_inline(token.children, origin))
        elif token.type in {"th_open", "td_open"}:
            token.attrs.pop("style", None)
        elif token.type == "fence":
            word = (token.info.split() or [""])[0]
            token.info = word if LANGUAGE.fullmatch(word) else ""


def _lower_heading(token: Token) -> None:
    """All are h3 with the look of their own level: a message can then never skip a level."""
    if token.nesting == 1:
        token.attrSet("class", f"heading-{token.tag[1:]}")
    token.tag = "h3"


def _safe_inline(tokens: list[Token], origin: str) -> Iterator[Token]:
    kept: list[bool] = []
    for position, token in enumerate(tokens):
        if token.type == "link_open":
            kept.append(_judge_link(token))
            if kept[-1]:
                yield token
        elif token.type == "link_close":
            if kept.pop():
                yield token
        elif token.type == "image":
            yield from _image(token, origin, linked=any(kept))
        elif token.type == "text" and not any(kept):
            yield from _text(token.content, starts=position == 0)
        else:
            yield token


def _judge_link(token: Token) -> bool:
    href = safe_link(str(token.attrGet("href") or ""))
    token.attrs = {"href": href, "target": "_blank"} if href else {}
    return href is not None


def _image(token: Token, origin: str, *, linked: bool) -> Iterator[Token]:
    source = str(token.attrGet("src") or "")
    if safe_image(source, origin=origin):
        token.attrs = {"src": source, "alt": ""}
        yield token
        return
    words = token.content or source
    href = safe_link(source)
    yield from _link(href, words) if href and not linked else [_plain(words)]


def _text(words: str, *, starts: bool) -> Iterator[Token]:
    """Yield the text with its bare addresses as links, and a task's box in front."""
    task = TASK.match(words) if starts else None
    if task:
        yield _box(done=task.group(1) == "x")
        words = words[task.end() :]
    place = 0
    for found in BARE_ADDRESS.finditer(words):
        if safe_link(found.group()):
            yield _plain(words[place : found.start()])
            yield from _link(found.group(), found.group())
            place = found.end()
    yield _plain(words[place:])


def _box(*, done: bool) -> Token:
    name = "Done" if done else "To do"
    mark = "\u2611" if done else "\u2610"
    html = f'<span class="task" role="img" aria-label="{name}">{mark}</span> '
    return Token("html_inline", "", 0, content=html)


def _plain(words: str) -> Token:
    return Token("text", "", 0, content=words)


def _link(href: str, words: str) -> Iterator[Token]:
    html = f'<a href="{escape(href)}" target="_blank">'
    yield Token("html_inline", "", 0, content=html)
    yield _plain(words)
    yield Token("html_inline", "", 0, content="</a>")


PARSER: Final = _make_parser()
