"""An export as it is read: line by line, and every line with suspicion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, BinaryIO, Final, Literal

from chatkit.types import ThreadItem, ThreadMetadata
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chat.errors import ImportRefused
from chat.export_format.writing import BEFORE_DOCUMENT, BEFORE_ITEMS, END, FORMAT, VERSION
from chat.tables.exports import ExportedItem, ExportedThread
from chat.tables.item_marks import Feedback, Outcome
from chat.tables.items import CONSTANT_ID, ITEM

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line that is read; what the app stores of one message is far less."""
LONGEST_ID: Final = 200
LONGEST_TITLE: Final = 2_000
"""Characters; the app itself gives none of more than 200."""

FOREIGN: Final = "this is not an export of Threadkeeper, or another program has spelled it anew"
NOT_OURS: Final = "this is not a line that Threadkeeper wrote"
CUT_OFF: Final = "the file ends in the middle"


@dataclass(frozen=True, slots=True)
class ReadThread:
    """A line that begins a thread."""

    line: int
    thread: ExportedThread


@dataclass(frozen=True, slots=True)
class ReadItem:
    """An item's line, and the item in it."""

    line: int
    size: int
    item: ExportedItem
    parsed: ThreadItem


@dataclass(frozen=True, slots=True)
class ThreadEnd:
    """The line after a thread's last item."""

    line: int


Read = ReadThread | ReadItem | ThreadEnd

Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]


class _Head(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Header(_Head):
    format: str
    version: int
    threads: list[None]


class _Thread(_Head):
    id: Id
    title: Annotated[str, Field(max_length=LONGEST_TITLE)] | None
    title_source: Literal["none", "message", "model", "user"]
    status: Literal["active", "locked", "closed"]
    created_at: AwareDatetime
    last_message_at: AwareDatetime
    pinned_at: AwareDatetime | None
    archived_at: AwareDatetime | None


class _Item(_Head):
    id: Id
    kind: str
    feedback: Feedback | None
    outcome: Outcome | None
    created_at: AwareDatetime


THREAD: Final = TypeAdapter(ThreadMetadata)
TEXT: Final = TypeAdapter(str)


def read(stream: BinaryIO) -> Iterator[Read]:
    """Yield the threads of an export with their items, line by line.

    Raises ImportRefused, with the number of the line, for what `written` does not write.
    It holds one line at a time and LONGEST_LINE at most. Commas are not looked at.
    """
    lines = _lines(stream)
    _check_header(next(lines, (1, "")))
    thread: ExportedThread | None = None
    position = 0
    number = 1
    for number, line in lines:
        if line == END and thread is None:
            _check_nothing_follows(lines)
            return
        if line == END:
            thread = None
            yield ThreadEnd(number)
        elif thread is None:
            thread, position = _thread(number, line), 0
            yield ReadThread(number, thread)
        else:
            position += 1
            yield _item(number, line, thread.id, position)
    raise ImportRefused(number, CUT_OFF)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, without line end and comma."""
    number = 0
    while read := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(read) > LONGEST_LINE:
            raise ImportRefused(number, f"a line is longer than {LONGEST_LINE} bytes")
        try:
            line = read.decode().rstrip("\r\n")
        except UnicodeDecodeError as exc:
            raise ImportRefused(number, "this is not UTF-8") from exc
        yield number, line.removesuffix(",")


def _check_header(first: tuple[int, str]) -> None:
    try:
        header = _Header.model_validate_json(first[1] + END)
    except ValidationError as exc:
        raise ImportRefused(1, FOREIGN) from exc
    if header.format != FORMAT:
        raise ImportRefused(1, FOREIGN)
    if header.version != VERSION:
        raise ImportRefused(
            1, f"the file has version {header.version}, and this program reads version {VERSION}"
        )


def _check_nothing_follows(lines: Iterator[tuple[int, str]]) -> None:
    for number, line in lines:
        if line.strip():
            raise ImportRefused(number, "something follows after the end")


def _thread(number: int, line: str) -> ExportedThread:
    head, document = _cut(number, line, BEFORE_ITEMS)
    try:
        fields = _Thread.model_validate_json(head)
        metadata = THREAD.validate_json(document)
    except ValidationError as exc:
        raise ImportRefused(number, _reason(exc)) from exc
    if (metadata.id, metadata.status.type) != (fields.id, fields.status):
        raise ImportRefused(number, "the thread and its document have another id or status")
    _check_id(number, fields.id)
    for moment in (fields.created_at, fields.last_message_at, fields.pinned_at, fields.archived_at):
        _check_moment(number, moment)
    return ExportedThread(**dict(fields), document=document)


def _item(number: int, line: str, thread_id: str, position: int) -> ReadItem:
    head, document = _cut(number, line, "}")
    try:
        fields = _Item.model_validate_json(head)
        parsed = ITEM.validate_json(document)
    except ValidationError as exc:
        raise ImportRefused(number, _reason(exc)) from exc
    if (parsed.id, parsed.type) != (fields.id, fields.kind):
        raise ImportRefused(number, "the item and its document have another id or kind")
    _check_id(number, fields.id)
    _check_moment(number, fields.created_at)
    item = ExportedItem(**dict(fields), thread_id=thread_id, position=position, document=document)
    return ReadItem(number, len(line), item, parsed)


def _cut(number: int, line: str, end: str) -> tuple[str, str]:
    """Return what stands before the document, as JSON, and the document itself."""
    # Inside a text the quotes would stand behind backslashes: the first one is the right one.
    head, found, rest = line.partition(BEFORE_DOCUMENT)
    if not found or not rest.endswith(end):
        raise ImportRefused(number, NOT_OURS)
    document = rest.removesuffix(end)
    if document.startswith('"'):
        try:
            document = TEXT.validate_json(document)
        except ValidationError as exc:
            raise ImportRefused(number, NOT_OURS) from exc
    _check_numbers(number, document)
    return head + "}", document


def _check_numbers(number: int, document: str) -> None:
    """Refuse NaN and Infinity, which pydantic reads as JSON and PostgreSQL does not."""

    def refuse(word: str) -> None:
        raise ImportRefused(number, f"{word} is no number in JSON")

    if "NaN" in document or "Infinity" in document:
        try:
            json.loads(document, parse_constant=refuse)
        except (ValueError, RecursionError) as exc:
            raise ImportRefused(number, NOT_OURS) from exc


def _check_id(number: int, word: str) -> None:
    if not word.isprintable() or word == CONSTANT_ID:
        raise ImportRefused(number, "an id is one line of printable characters")
    # It stands in addresses, and there it must not lead elsewhere.
    if "/" in word or word.startswith("."):
        raise ImportRefused(number, "an id has no slash, and no dot at its beginning")


def _check_moment(number: int, moment: datetime | None) -> None:
    # A date at the end of the calendar cannot be shown in every time zone.
    if moment is not None and not 1 < moment.year < 9999:
        raise ImportRefused(number, "a date is not between the years 2 and 9998")


def _reason(exc: ValidationError) -> str:
    """Return what is wrong without the words of the file, which are somebody's."""
    first = exc.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])[:100]
    if first["type"] == "json_invalid":
        return "this is not JSON, or the line was cut"
    return f"{place or 'the line'}: {first['msg'][:100]}"
