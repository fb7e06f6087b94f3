"""What a message says: all of its text, and its beginning as a list shows it."""

from __future__ import annotations

import unicodedata
from typing import Final

from chatkit.types import AssistantMessageItem, ThreadItem, UserMessageItem

from chat.search_text.marks import on_one_line

PREVIEW: Final = 120
"""Characters of a message's beginning that a list shows."""

# A message of a megabyte costs what a short one does.
_LOOKED_AT: Final = 2_000


def text_of(item: ThreadItem) -> str | None:
    """Return what people wrote or read in a message; None for items that are none."""
    match item:
        case UserMessageItem():
            quoted = [item.quoted_text] if item.quoted_text else []
            return "\n".join([*quoted, *(part.text for part in item.content)])
        case AssistantMessageItem():
            return "\n".join(part.text for part in item.content)
    return None


def preview_of(item: ThreadItem) -> str | None:
    """Return the beginning of a message in one line without its Markdown; None for other items.

    What a person quoted comes last: their own words say more about where they are.
    """
    text = text_of(item)
    if text is None:
        return None
    if isinstance(item, UserMessageItem) and item.quoted_text:
        own = "\n".join(part.text for part in item.content)
        text = own if own.strip() else text
    beginning = text.lstrip()[:_LOOKED_AT]
    return shown(on_one_line(beginning) or " ".join(beginning.split()))[:PREVIEW]


def shown(text: str) -> str:
    """Return the text without control characters and without what turns its direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign for sign in text if sign in "\u200c\u200d" or _visible(sign))


def _visible(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cc", "Cf", "Cs"}
