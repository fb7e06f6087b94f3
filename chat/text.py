"""Text that PostgreSQL can store, JSON can carry and UTF-8 can spell."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_UNFIT: Final = re.compile("[\0\ud800-\udfff]")
_HIGH_AT_END: Final = re.compile("[\ud800-\udbff]$")


def clean(text: str) -> str:
    """Return the text with NUL and lone surrogates replaced by U+FFFD.

    The two halves of a pair that stand next to each other become their one character. Clean text
    is returned as it is, without a copy.
    """
    if not _UNFIT.search(text):
        return text
    # A round trip through UTF-16 joins halves and finds the lone ones, in one pass.
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\0", REPLACEMENT)


def clean_json(value: Any) -> Any:
    """Return the value with every text in it cleaned, keys included.

    Goes into dicts, lists, tuples and pydantic models; anything else, and whatever is clean
    already, is returned as it is. What changes is a copy: the value itself is never written to.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, BaseModel):
        return clean_model(value)
    if isinstance(value, dict):
        pairs = {clean_json(key): clean_json(part) for key, part in value.items()}
        return value if _same([*pairs, *pairs.values()], [*value, *value.values()]) else pairs
    if isinstance(value, list | tuple):
        parts = [clean_json(part) for part in value]
        return value if _same(parts, value) else type(value)(parts)
    return value


def clean_model(model: M) -> M:
    """Return the pydantic model with every text in it cleaned; a clean one is returned as it is."""
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    fields |= model.model_extra or {}
    changed = {
        name: cleaned
        for name, value in fields.items()
        if (cleaned := clean_json(value)) is not value
    }
    return model.model_copy(update=changed) if changed else model


def shows_something(text: str) -> bool:
    """Return whether anything of the text can be seen: a letter, a digit, a sign, an emoji."""
    return any(unicodedata.category(sign)[0] not in "CZM" for sign in text)


class StreamCleaner:
    """Cleans one text that arrives in pieces, where a cut may go through the middle of a pair."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what of the text so far can be shown: half a character at the end waits."""
        text = self._held + piece
        self._held = ""
        if _HIGH_AT_END.search(text):
            text, self._held = text[:-1], text[-1]
        return clean(text)

    def finish(self) -> str:
        """Return what was still waiting for its other half."""
        rest, self._held = clean(self._held), ""
        return rest


def _same(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    return len(ours) == len(theirs) and all(map(operator.is_, ours, theirs))
