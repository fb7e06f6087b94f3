"""Markdown without its marks: what a title, a line of a list, or a snippet shows of it."""

from __future__ import annotations

import re
from typing import Final

FENCE: Final = re.compile(r"^\s*(?:```|~~~)")
_LINE_MARKS: Final = re.compile(r"^(?:\s|#{1,6}\s|>|[-*+]\s|\d{1,9}[.)]\s|\[[ xX]\]\s|\|)+")
_LINK: Final = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
_EMPHASIS: Final = re.compile(
    r"(?<!\w)\*{1,3}(?=\S)([^*]+?)(?<=\S)\*{1,3}(?!\w)|~~(?=\S)([^~]+?)(?<=\S)~~"
)
_UNDERSCORES: Final = re.compile(r"(?<!\w)_{1,3}(?=\S)([^_]+?)(?<=\S)_{1,3}(?!\w)")
_CODE: Final = re.compile(r"`+([^`]*)`+")
_LINE_END: Final = re.compile(r"(?:\s+#+|\s*\|)?\s*$")


def without_marks(line: str) -> str:
    """Return a line of Markdown as it reads: no marks, and of a link its words."""
    line = _LINE_MARKS.sub("", " ".join(line.split()))
    line = _LINK.sub(r"\1", line)
    line = _CODE.sub(r"\1", line)
    line = _EMPHASIS.sub(lambda found: found[1] or found[2], line)
    return _LINE_END.sub("", _UNDERSCORES.sub(r"\1", line))


def on_one_line(text: str) -> str:
    """Return a text's lines without marks, one after the other; fences of code are left out."""
    lines = (without_marks(line) for line in text.splitlines() if not FENCE.match(line))
    return " ".join(line for line in lines if any(sign.isalnum() for sign in line))
