"""The lists of threads, a page at a time, grouped by the reader's days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Final, Literal
from zoneinfo import ZoneInfo

from flask import request, url_for

from chat.context import User
from chat.tables import thread_lists
from chat.web.addresses import LONGEST_ID, cursor_of, place_of
from chat.web.conversation import UNTITLED
from chat.web.pages import day_name
from chat.web.services import services

PAGE_SIZE: Final = 20
LONGEST_PREVIEW: Final = 100
"""Characters of a row's second line: more than the widest list shows."""
PINNED: Final = "Pinned"
Shelf = Literal["newest", "archived"]


@dataclass(frozen=True, slots=True)
class Row:
    """A thread as the list shows it; `moment` is in the reader's time zone, and `day` its heading.

    `state` says that an answer is being written, or was finished and not read yet.
    """

    id: str
    title: str
    moment: datetime
    day: str = ""
    state: Literal["writing", "unread", ""] = ""
    preview: str = ""
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """One page of a list: rows under their headings, and the cursor of the next page.

    `continued` is the heading under which the page before it ended: a part that is put behind that
    page does not repeat it. `address` is where the list begins.
    """

    groups: list[tuple[str, list[Row]]]
    next: str | None
    first: bool
    shelf: Shelf
    address: str
    continued: str | None = None
    only_archived: bool = False
    """Nothing is listed, because all that there is has been put away."""


def list_page(
    user: User, after: str | None, *, shelf: Shelf = "newest", address: str | None = None
) -> ThreadPage:
    """Return the page of a shelf of the user's that begins after a cursor; raise UnknownCursor.

    The first page of the newest has the pinned threads above all others.
    """
    place = None if after is None else place_of(after)
    read = thread_lists.newest if shelf == "newest" else thread_lists.archived
    found = services().database.run(read, user_id=user.id, limit=PAGE_SIZE, after=place)
    zone = time_zone()
    groups = list(_by_day([row_of(row, zone) for row in found.rows]))
    if place is None and shelf == "newest":
        groups = [*_pinned(user, zone), *groups]
    return ThreadPage(
        groups=groups,
        next=None if found.next is None else cursor_of(found.next),
        first=place is None,
        shelf=shelf,
        address=address or _address(shelf),
        continued=None if place is None else _continued(place, found.rows, zone),
        only_archived=not groups and shelf == "newest" and place is None and _some_archived(user),
    )


def _continued(
    place: thread_lists.Place, rows: list[thread_lists.ThreadRow], zone: tzinfo
) -> str | None:
    """Return the heading under which the page before this one ended."""
    return _day(place.last_message_at.astimezone(zone), rows[0].read_at) if rows else None


def _some_archived(user: User) -> bool:
    run = services().database.run
    return bool(run(thread_lists.archived, user_id=user.id, limit=1, after=None).rows)


def _address(shelf: Shelf) -> str:
    return url_for("history.index" if shelf == "newest" else "history.archived")


def _pinned(user: User, zone: tzinfo) -> list[tuple[str, list[Row]]]:
    found = services().database.run(thread_lists.pinned, user_id=user.id)
    return [(PINNED, [row_of(row, zone) for row in found])] if found else []


def _by_day(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    for day, group in groupby(rows, lambda row: row.day):
        yield day, list(group)


def row_of(row: thread_lists.ThreadRow, zone: tzinfo) -> Row:
    """Return the thread as the list shows it to a reader in that zone."""
    moment = row.last_message_at.astimezone(zone)
    return Row(
        id=row.id,
        title=row.title or UNTITLED,
        moment=moment,
        day=_day(moment, row.read_at),
        state=_state(row),
        preview=(row.preview or "")[:LONGEST_PREVIEW],
        pinned=row.pinned,
        archived=row.archived,
    )


def _day(moment: datetime, now: datetime) -> str:
    """Return the heading of a moment. Both are by the database's clock, workers' may differ."""
    return day_name(moment, now.astimezone(moment.tzinfo).date())


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
