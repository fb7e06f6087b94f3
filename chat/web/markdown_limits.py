"""What is too much Markdown for a page, and what becomes of it: every word stays.

static/js/chat/markdown.js has the same limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from markupsafe import Markup

PLAIN_ABOVE: Final = 60_000
"""Characters. What follows is shown as it is: parsing costs 2 ms for each 1000 characters."""
PLAIN_PART: Final = 4_000
SLACK: Final = 1_000
"""Each part of a longer text ends with a line, if one ends within so many characters."""
MOST_ROWS: Final = 100
MOST_CELLS: Final = 30
"""Of a table's body and of a row: browsers lay out a table as a whole."""
DEEPEST: Final = 24
"""Elements in one another. What is deeper keeps its words and nothing else."""


CONTAINERS: Final = re.compile(r"(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t]|$)))*[ \t]*")


def part_end(text: str, start: int, size: int) -> int:
    """Return where a part ends that has `size` characters and the rest of its line."""
    line = text.find("\n", start + size, start + size + SLACK)
    return start + size + SLACK if line < 0 else line + 1


def plain_parts(text: str, start: int) -> Iterator[Markup]:
    """Yield the text from there on as it is, in parts that read as one."""
    while start < len(text):
        end = part_end(text, start, PLAIN_PART)
        yield Markup('<p class="plain">{}</p>').format(text[start:end])
        start = end


def too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read what is deeper than DEEPEST as plain words, without the marks of what it stands in."""
    if state.level < DEEPEST:
        return False
    if not silent:
        lines = state.getLines(start, end, state.blkIndent, keepLastLF=False).split("\n")
        words = "\n".join(CONTAINERS.sub("", line, count=1) for line in lines)
        state.push("text", "", 0).content = words
        state.line = end
    return True


def small_tables(tokens: list[Token]) -> Iterator[Token]:
    """Yield the tokens: a long table goes on in another, a wide row in its last cell."""
    return _narrow_rows(_short_tables(tokens))


def _short_tables(tokens: list[Token]) -> Iterator[Token]:
    rows = 0
    for token in tokens:
        if token.type in {"thead_open", "tbody_open"}:
            rows = 0
        elif token.type == "tr_open":
            rows += 1
            if rows > MOST_ROWS:
                rows = 1
                yield from (
                    _tag("tbody", -1),
                    _tag("table", -1),
                    _tag("table", 1),
                    _tag("tbody", 1),
                )
        yield token


def _narrow_rows(tokens: Iterator[Token]) -> Iterator[Token]:
    cells = 0
    last: list[Token] = []
    for token in tokens:
        if token.type in {"th_open", "td_open"}:
            cells += 1
            if cells > MOST_CELLS:
                token = Token("text", "", 0, content=" | ")
        elif token.type in {"th_close", "td_close"} and cells >= MOST_CELLS:
            last = [token]
            continue
        elif token.type == "tr_close":
            yield from last
            cells, last = 0, []
        yield token


def _tag(name: str, nesting: Literal[1, -1]) -> Token:
    return Token(f"{name}_{'open' if nesting == 1 else 'close'}", name, nesting, block=True)
