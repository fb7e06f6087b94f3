"""An export as it is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from chat.tables.exports import ExportedItem, ExportedThread

FORMAT: Final = "threadkeeper"
VERSION: Final = 1

HEADER: Final = f'{{"format":"{FORMAT}","version":{VERSION},"threads":['
END: Final = "]}"
BEFORE_DOCUMENT: Final = ',"document":'
BEFORE_ITEMS: Final = ',"items":['


def written(
    found: Iterable[tuple[ExportedThread, Iterable[ExportedItem]]],
) -> Iterator[str]:
    """Yield the threads with their items, in pieces of a line each."""
    yield HEADER
    before = "\n"
    for thread, items in found:
        yield before + _thread_line(thread)
        before = "\n"
        for item in items:
            yield before + _item_line(item)
            before = ",\n"
        yield f"\n{END}"
        before = ",\n"
    yield f"\n{END}\n"


def _thread_line(thread: ExportedThread) -> str:
    fields = {
        "id": thread.id,
        "title": thread.title,
        "title_source": thread.title_source,
        "status": thread.status,
        "created_at": _spelled(thread.created_at),
        "last_message_at": _spelled(thread.last_message_at),
        "pinned_at": thread.pinned_at and _spelled(thread.pinned_at),
        "archived_at": thread.archived_at and _spelled(thread.archived_at),
    }
    return _line(fields, thread.document) + BEFORE_ITEMS


def _item_line(item: ExportedItem) -> str:
    fields = {
        "id": item.id,
        "kind": item.kind,
        "feedback": item.feedback,
        "outcome": item.outcome,
        "created_at": _spelled(item.created_at),
    }
    return _line(fields, item.document) + "}"


def _line(fields: dict[str, Any], document: str) -> str:
    # JSON may have line ends between its words. Ours never has; such a one travels as a text.
    if "\n" in document:
        document = json.dumps(document, ensure_ascii=False)
    head = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return f"{head[:-1]}{BEFORE_DOCUMENT}{document}"


def _spelled(moment: datetime) -> str:
    """Return the moment in UTC, to the microsecond: `2026-03-01T12:00:00.123456Z`."""
    there = moment.astimezone(UTC)
    return there.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
