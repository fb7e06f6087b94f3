"""What addresses carry: ids of threads and items, and the place where a page of the list ended."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Final

from chat.errors import ThreadNotFound, UnknownCursor
from chat.tables import thread_lists

LONGEST_ID: Final = 200


def cursor_of(place: thread_lists.Place) -> str:
    """Return a place in the list as one word for an address."""
    words = f"{place.last_message_at.isoformat()} {place.id}"
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def place_of(cursor: str) -> thread_lists.Place:
    """Return the place that `cursor_of` made the word from; raise UnknownCursor for others."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        words = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, thread_id = words.partition(" ")
        place = thread_lists.Place(datetime.fromisoformat(moment), thread_id)
    except (ValueError, binascii.Error) as exc:
        raise UnknownCursor(cursor) from exc
    if place.last_message_at.tzinfo is None or not is_plain(thread_id):
        raise UnknownCursor(cursor)
    return place


def check_id(thread_id: str) -> None:
    """Refuse what cannot be an id before the database does: a NUL byte would be an error there."""
    if not is_plain(thread_id):
        raise ThreadNotFound(thread_id)


def is_plain(word: str) -> bool:
    """Return whether the word can be an id or a cursor: one short line that shows."""
    return 0 < len(word) <= LONGEST_ID and word.isprintable()
