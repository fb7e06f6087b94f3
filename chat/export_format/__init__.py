"""Conversations as lines of JSON: docs/export.md describes them.

The whole is one JSON value, and each line of it can be read for itself: a header, a line for each
thread, a line for each of its items, and a line at the end of both. A `document` is ChatKit's JSON
of the thread or item, byte for byte as it is stored; so it is cut out of its line and never spelled
anew.
"""

from __future__ import annotations

from chat.export_format.reading import (
    LONGEST_ID,
    LONGEST_LINE,
    Read,
    ReadItem,
    ReadThread,
    ThreadEnd,
    read,
)
from chat.export_format.writing import written

__all__ = [
    "LONGEST_ID",
    "LONGEST_LINE",
    "Read",
    "ReadItem",
    "ReadThread",
    "ThreadEnd",
    "read",
    "written",
]
