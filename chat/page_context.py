"""What a website tells about the page on which somebody writes: data, and never instructions.

A message's request may bring it. It is stored before the message, as a hidden item whose content
has the one key KEY; docs/decisions/0035 says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from chatkit.types import HiddenContextItem, ThreadItem, UserMessageItem
from pydantic_core import to_json

from chat.errors import InvalidPageContext
from chat.text import clean_json

KEY: Final = "threadkeeper_context"
"""Its name in a request's metadata, and in the content of the item."""

NAMES: Final = ("url", "title", "data")
LARGEST: Final = 8 * 1024
"""Bytes of all of it as JSON in UTF-8."""
LONGEST_URL: Final = 2000
LONGEST_TITLE: Final = 300
"""Code points."""

LEFT_OUT: Final = "[too long, left out]"
"""What the model reads in the place of data for which there is no room."""

_ADDRESS: Final = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)
_SHORTEST: Final = 8
_ESCAPED: Final = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"})


def sent_with(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the page context in a request's metadata, cleaned; None if there is none.

    Equal ones come back in the same order. Raises InvalidPageContext.
    """
    if KEY not in metadata:
        return None
    told = clean_json(metadata[KEY])
    problem = _problem(told)
    if problem is not None:
        raise InvalidPageContext(problem)
    return {name: told[name] for name in NAMES if name in told}


def item_before(
    message: UserMessageItem, metadata: Mapping[str, Any], item_id: str
) -> HiddenContextItem | None:
    """Return the item of this id for the page context in the metadata of the message's request.

    None if there is none; raises InvalidPageContext.
    """
    told = sent_with(metadata)
    if told is None:
        return None
    return HiddenContextItem(
        id=item_id,
        thread_id=message.thread_id,
        created_at=message.created_at,
        content={KEY: told},
    )


def of(item: ThreadItem) -> dict[str, Any] | None:
    """Return the page context that the item holds, or None: most items are something else."""
    if not isinstance(item, HiddenContextItem) or not isinstance(item.content, dict):
        return None
    told = item.content.get(KEY)
    return told if isinstance(told, dict) and len(item.content) == 1 else None


def newest(items: Iterable[ThreadItem]) -> dict[str, Any] | None:
    """Return the page context that came last in the items, oldest first; None without one."""
    found = [told for item in items if (told := of(item)) is not None]
    return found[-1] if found else None


def as_text(told: Mapping[str, Any]) -> str:
    """Return it as JSON in one line, in which no `<`, `>` or `&` is left to close anything."""
    quoted = json.dumps(clean_json(told), ensure_ascii=False, default=str)
    # They stand inside of texts only, where JSON takes the escape for the sign.
    return quoted.translate(_ESCAPED)


def shortened(told: dict[str, Any], size: int) -> dict[str, Any]:
    """Return it so that its text has at most about `size` bytes: first the data goes, whole."""
    if len(as_text(told).encode()) <= size:
        return told
    texts = {name: told[name] for name in ("url", "title") if isinstance(told.get(name), str)}
    kept = {**texts, **({"data": LEFT_OUT} if "data" in told else {})}
    while (
        len(as_text(kept).encode()) > size and max(map(len, texts.values()), default=0) > _SHORTEST
    ):
        texts = {name: text[: len(text) // 2] + "…" for name, text in texts.items()}
        kept |= texts
    return kept


def _problem(told: Any) -> str | None:
    """Return what is wrong with it, without its words; None if nothing is."""
    if not isinstance(told, dict):
        return f"a page context of type {type(told).__name__}"
    if unknown := told.keys() - set(NAMES):
        return f"{len(unknown)} unknown names in a page context"
    if "url" in told and not _is_address(told["url"]):
        return "the page's url is no http address of at most 2000 characters"
    if "title" in told and not _is_line(told["title"]):
        return "the page's title is no line of at most 300 characters"
    size = len(to_json(told))
    return None if size <= LARGEST else f"a page context of {size} bytes: the limit is {LARGEST}"


def _is_address(url: Any) -> bool:
    if not isinstance(url, str) or len(url) > LONGEST_URL or not _ADDRESS.fullmatch(url):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _is_line(title: Any) -> bool:
    return isinstance(title, str) and len(title) <= LONGEST_TITLE and len(title.splitlines()) <= 1
