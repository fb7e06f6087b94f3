"""Titles of threads as text: from a first message, and as somebody typed them."""

from __future__ import annotations

import unicodedata
from typing import Final

from chat.errors import EmptyTitle, InvalidRequest, TitleTooLong
from chat.search_text.marks import FENCE, without_marks
from chat.text import clean, shows_something

LONGEST_TITLE: Final = 200
"""Code points that a name given by a person may have."""
LONGEST_FROM_MESSAGE: Final = 60
"""Code points of a title that we make ourselves: one line of the sidebar."""

# Only the beginning of a message is looked at: a title of a megabyte costs what a short one does.
_LOOKED_AT: Final = 4_000

# Joiners hold emoji and Persian words together; every other invisible sign can be a disguise.
_JOINERS: Final = frozenset("\u200c\u200d")
_FLAG_TAGS: Final = range(0xE0020, 0xE0080)


def clean_title(text: str) -> str:
    """Return the name as it is stored and shown; raise InvalidRequest when nothing of it is left.

    On one line, without control characters and direction overrides, at most 200 code points, cut
    at a word with "…".
    """
    title = _cut(_on_one_line(text[:_LOOKED_AT]), LONGEST_TITLE)
    if not title:
        raise InvalidRequest(f"a title of {len(text)} characters shows nothing")
    return title


def typed_title(text: str) -> str:
    """Return the name that a person typed, cleaned like every other, and never cut.

    Raises EmptyTitle when nothing of it can be seen, and TitleTooLong over 200 code points.
    """
    text = text.strip()
    if len(text) > _LOOKED_AT:
        raise TitleTooLong(f"{len(text)} characters: the limit is {LONGEST_TITLE}")
    title = _on_one_line(text)
    if not title:
        raise EmptyTitle(f"a title of {len(text)} characters shows nothing")
    if len(title) > LONGEST_TITLE:
        raise TitleTooLong(f"{len(title)} characters: the limit is {LONGEST_TITLE}")
    return title


def title_from_message(text: str) -> str | None:
    """Return a title made of the message's first line, or None when it shows no words at all.

    Markdown marks are left out; at most 60 code points, cut at a word with "…".
    """
    for line in text.lstrip()[:_LOOKED_AT].splitlines():
        if FENCE.match(line):
            continue
        title = _on_one_line(without_marks(line))
        if any(sign.isalnum() for sign in title):
            return _cut(title, LONGEST_FROM_MESSAGE)
    # A message of signs only, say "???" or an emoji, is still better shown than "Untitled".
    return _cut(_on_one_line(text.lstrip()[:_LOOKED_AT]), LONGEST_FROM_MESSAGE) or None


def _on_one_line(text: str) -> str:
    """Return the text with single spaces and nothing invisible, or "" if nothing can be seen."""
    kept = "".join(sign for sign in clean(" ".join(text.split())) if not _hidden(sign))
    kept = " ".join(kept.split())
    return kept if shows_something(kept) else ""


def _hidden(sign: str) -> bool:
    if sign in _JOINERS or ord(sign) in _FLAG_TAGS:
        return False
    return unicodedata.category(sign) in {"Cc", "Cf", "Cs"}


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    words, space, _ = head.rpartition(" ")
    # One very long word, or a language without spaces, is cut where it is.
    cut_at_word = space and len(words) > longest // 2 and text[longest - 1] != " "
    return (words if cut_at_word else head).rstrip(" ,;:.-\u200d") + "…"
