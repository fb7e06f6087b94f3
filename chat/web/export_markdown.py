"""Conversations as Markdown that people read: docs/export.md shows how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from typing import Final

from chatkit.types import AssistantMessageItem, ThreadItem, UserMessageItem

from chat.tables.exports import ExportedItem, ExportedThread
from chat.tables.item_marks import said_at
from chat.tables.items import HIDDEN, ITEM
from chat.web.conversation import UNTITLED
from chat.web.days import MONTHS
from chat.web.item_words import OUTCOMES, THUMBS
from chat.web.step_text import plain, quoted, sources_text, step_text

BETWEEN: Final = "\n---\n\n"
NOTHING: Final = "No conversations.\n"
STATUS: Final = {"locked": "This conversation is locked.", "closed": "This conversation is closed."}

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def written(
    found: Iterable[tuple[ExportedThread, Iterable[ExportedItem]]], zone: tzinfo
) -> Iterator[str]:
    """Yield the threads one after the other, piece by piece, with the reader's times."""
    between = ""
    for thread, items in found:
        yield between
        between = BETWEEN
        yield from _thread_text(thread, items, zone)
    if not between:
        yield NOTHING


def _thread_text(
    thread: ExportedThread, items: Iterable[ExportedItem], zone: tzinfo
) -> Iterator[str]:
    """Yield the thread's head, and then each item that people see."""
    yield _head(thread, zone)
    speaker = None
    empty = True
    for row in items:
        if row.kind in HIDDEN:
            continue
        item, empty = ITEM.validate_json(row.document), False
        who = "You" if isinstance(item, UserMessageItem) else "Assistant"
        is_message = isinstance(item, UserMessageItem | AssistantMessageItem)
        if is_message or who != speaker:
            yield f"\n## {who} · {_moment(said_at(item.created_at, row.created_at), zone)}\n"
        speaker = who
        yield f"\n{_item_text(item)}\n"
        yield from _marks(row)
    if empty:
        yield "\nNo messages.\n"


def _head(thread: ExportedThread, zone: tzinfo) -> str:
    title = plain(" ".join((thread.title or UNTITLED).split()))
    began = _moment(thread.created_at, zone)
    last = _moment(thread.last_message_at, zone)
    lines = [f"Began {began}, last message {last}. Times are in {_zone_name(zone)}."]
    lines += [STATUS[thread.status]] if thread.status in STATUS else []
    return f"# {title}\n\n{' '.join(lines)}\n"


def _item_text(item: ThreadItem) -> str:
    match item:
        case UserMessageItem():
            said = "".join(part.text for part in item.content)
            files = [f"Attached: {plain(file.name)}" for file in item.attachments]
            above = [quoted(item.quoted_text)] if item.quoted_text else []
            return "\n\n".join([*above, _closed(said), *files])
        case AssistantMessageItem():
            texts = [_closed(part.text) for part in item.content]
            sources = [note.source for part in item.content for note in part.annotations]
            return "\n\n".join([*texts, *sources_text(sources)])
    return step_text(item)


def _marks(row: ExportedItem) -> Iterator[str]:
    if row.outcome:
        yield f"\n*{OUTCOMES[row.outcome]}*\n"
    if row.feedback and row.kind == "assistant_message":
        yield f"\n*{THUMBS[row.feedback]}*\n"


def _closed(text: str) -> str:
    """Return the text as it is, and end the block of code in which it broke off."""
    fence = ""
    for line in text.splitlines():
        match = _FENCE.fullmatch(line)
        if match is None:
            continue
        marks, rest = match[1], match[2]
        if not fence and not (marks[0] == "`" and "`" in rest):
            fence = marks
        elif fence and marks.startswith(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _moment(moment: datetime, zone: tzinfo) -> str:
    try:
        there = moment.astimezone(zone)
    except (OverflowError, ValueError):
        there = moment
    return f"{there.day} {MONTHS[there.month - 1]} {there.year}, {there:%H:%M}"


def _zone_name(zone: tzinfo) -> str:
    return str(getattr(zone, "key", None) or zone)
