"""What addresses carry: ids of threads and items, and the place where a page of the list ended."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final

from chat.errors import ThreadNotFound, UnknownCursor
from chat.tables import thread_lists

LONGEST_ID: Final = 200
YEARS: Final = range(2, 9999)
"""Of a cursor's moment: at the ends of the calendar there is no other zone to go to."""


def cursor_of(place: thread_lists.Place) -> str:
    """Return a place in the list as one word for an address."""
    return packed(f"{place.last_message_at.isoformat()} {place.id}")


def place_of(cursor: str) -> thread_lists.Place:
    """Return the place that `cursor_of` made the word from; raise UnknownCursor for others."""
    try:
        moment, _, thread_id = unpacked(cursor).partition(" ")
        place = thread_lists.Place(datetime.fromisoformat(moment), thread_id)
    except ValueError as exc:
        raise UnknownCursor(cursor) from exc
    at = place.last_message_at
    if at.tzinfo is None or at.year not in YEARS or not is_plain(thread_id):
        raise UnknownCursor(cursor)
    return place


def packed(words: str) -> str:
    """Return words as one word for an address."""
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def unpacked(word: str) -> str:
    """Return what `packed` made the word from; raise ValueError for what it never makes."""
    padded = word.encode("ascii") + b"=" * (-len(word) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True).decode()


def check_id(thread_id: str) -> None:
    """Refuse what cannot be an id before the database does: a NUL byte would be an error there."""
    if not is_plain(thread_id):
        raise ThreadNotFound(thread_id)


def is_plain(word: str) -> bool:
    """Return whether the word can be an id or a cursor: one short line that shows."""
    return 0 < len(word) <= LONGEST_ID and word.isprintable()
