"""What search and lists know of a message: its words, and its first line."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from chatkit.types import AssistantMessageItem, ThreadItem, UserMessageItem

LONGEST_WORD: Final = 60
"""Characters of a word that count; what comes after them makes no difference."""
MOST_BYTES: Final = 400_000
"""Of all words of one message: a tsvector holds a megabyte."""
PREVIEW: Final = 120
"""Characters of a message's first line that a list shows."""

_WORD: Final = re.compile(r"\w+")
_MARKUP: Final = re.compile(r"[#*_`>|~\[\]]+")


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
    """Return the beginning of a message in one line without its Markdown; None for other items."""
    text = text_of(item)
    if text is None:
        return None
    return " ".join(_MARKUP.sub(" ", text[: PREVIEW * 4]).split())[:PREVIEW]


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared: small, without accents, each once."""
    small = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(sign for sign in small if not unicodedata.combining(sign))
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(plain)))


def lexemes(user_id: str, text: str | None) -> list[str] | None:
    """Return a text's words as the index holds them, behind their owner; None without a text."""
    if text is None:
        return None
    owner, left, found = owner_of(user_id), MOST_BYTES, list[str]()
    for word in words_of(text):
        found.append(owner + word)
        left -= len(found[-1].encode())
        if left < 0:
            break
    return found


def owner_of(user_id: str) -> str:
    """Return the eight digits that stand before a user's words in the index.

    Two users may share them: every statement asks for the owner itself as well.
    """
    return hashlib.blake2s(user_id.encode(errors="replace"), digest_size=4).hexdigest()
