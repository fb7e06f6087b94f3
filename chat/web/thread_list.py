"""The list of threads, a page at a time, grouped by the reader's days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Final, Literal
from zoneinfo import ZoneInfo

from flask import request

from chat.context import User
from chat.tables import thread_lists
from chat.web.addresses import LONGEST_ID, cursor_of, place_of
from chat.web.conversation import UNTITLED
from chat.web.pages import day_name
from chat.web.services import services

PAGE_SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A thread as the list shows it; `moment` is in the reader's time zone.

    `state` says that an answer is being written, or was finished and not read yet.
    """

    id: str
    title: str
    moment: datetime
    state: Literal["writing", "unread", ""] = ""


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """One page of the list: rows under the name of their day, and the cursor of the next page."""

    groups: list[tuple[str, list[Row]]]
    next: str | None
    first: bool


def list_page(user: User, after: str | None) -> ThreadPage:
    """Return the page of the user's threads that begins after a cursor; raise UnknownCursor."""
    place = None if after is None else place_of(after)
    found = services().database.run(
        thread_lists.newest, user_id=user.id, limit=PAGE_SIZE, after=place
    )
    zone = time_zone()
    rows = [row_of(row, zone) for row in found.rows]
    return ThreadPage(
        groups=list(_by_day(rows, datetime.now(zone))),
        next=None if found.next is None else cursor_of(found.next),
        first=after is None,
    )


def _by_day(rows: list[Row], now: datetime) -> Iterator[tuple[str, list[Row]]]:
    for name, group in groupby(rows, lambda row: day_name(row.moment, now.date())):
        yield name, list(group)


def row_of(row: thread_lists.ThreadRow, zone: tzinfo) -> Row:
    """Return the thread as the list shows it to a reader in that zone."""
    moment = row.last_message_at.astimezone(zone)
    return Row(row.id, row.title or UNTITLED, moment, _state(row))


def _state(row: thread_lists.ThreadRow) -> Literal["writing", "unread", ""]:
    if row.writing:
        return "writing"
    return "unread" if row.unread else ""


def time_zone() -> tzinfo:
    """Return the reader's time zone, which the page keeps in a cookie; UTC until it is known."""
    name = request.cookies.get("timezone", "")
    try:
        return ZoneInfo(name) if len(name) <= LONGEST_ID and name.isascii() else UTC
    except (OSError, ValueError, KeyError):
        return UTC
