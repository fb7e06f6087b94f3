"""One page of a thread's messages, as its page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final, Literal

from chatkit.types import ThreadItem

from chat.context import User
from chat.errors import UnknownCursor
from chat.tables import item_marks, item_pages, thread_lists, threads
from chat.tables.item_marks import ItemMarks
from chat.tables.items import HIDDEN
from chat.web.addresses import check_id, is_plain
from chat.web.days import day_words
from chat.web.services import services

PAGE_SIZE: Final = 20
UNTITLED: Final = "New conversation"
GONE: Final = "That message is not there any more."


@dataclass(frozen=True, slots=True)
class Said:
    """An item as it is shown: when, in the reader's time zone, and how it ended.

    `day` names its day where that begins on the page; `found` says that it was looked for.
    """

    item: ThreadItem
    moment: datetime
    spelled: str
    marks: ItemMarks
    day: str | None
    found: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """One page of a thread, oldest first.

    `earlier` is the item before which the page before it ends, and `later` the one after which the
    next begins; None at the ends. `newest` says that one can write here, if the status allows it;
    `reason` is why it does not.
    """

    id: str
    title: str
    status: Literal["active", "locked", "closed"]
    reason: str | None
    said: list[Said]
    writing: bool
    earlier: str | None
    later: str | None
    newest: bool
    notice: str | None = None
    pinned: bool = False
    archived: bool = False


@dataclass(frozen=True, slots=True)
class _Page:
    """Items, oldest first, and where the pages beside them are."""

    items: Sequence[ThreadItem]
    earlier: str | None = None
    later: str | None = None
    found: str | None = None
    notice: str | None = None
    newest: bool = False


def conversation_page(
    user: User, thread_id: str, wanted: Mapping[str, str], zone: tzinfo
) -> Conversation:
    """Return the page of a thread that the address asks for; the newest marks it as read.

    `wanted` may name an item `at` which to open, `before` which or `after` which to read. An item
    `at` that is not there leads to the newest page, with a notice. Raises ThreadNotFound, and
    UnknownCursor for a `before` or `after` that never was there.
    """
    check_id(thread_id)
    run = services().database.run
    found = run(thread_lists.find, user_id=user.id, thread_id=thread_id)
    page = _wanted(user, thread_id, wanted)
    if found.unread and page.newest:
        run(threads.mark_read, user_id=user.id, thread_id=thread_id)
    return Conversation(
        id=found.id,
        title=found.title or UNTITLED,
        status=found.status,
        reason=None if found.status == "active" else _reason(user, thread_id),
        said=_said(user, found, page, zone),
        writing=found.writing,
        earlier=page.earlier,
        later=page.later,
        newest=page.newest,
        notice=page.notice,
        pinned=found.pinned,
        archived=found.archived,
    )


def _wanted(user: User, thread_id: str, wanted: Mapping[str, str]) -> _Page:
    if "at" in wanted:
        return _around(user, thread_id, wanted["at"])
    if "before" in wanted:
        return _before(user, thread_id, _cursor(wanted["before"]))
    if "after" in wanted:
        return _after(user, thread_id, _cursor(wanted["after"]))
    return _newest(user, thread_id)


def _cursor(word: str) -> str:
    if not is_plain(word):
        raise UnknownCursor(word)
    return word


def _newest(
    user: User, thread_id: str, *, found: str | None = None, notice: str | None = None
) -> _Page:
    page = _before(user, thread_id, None)
    return _Page(page.items, earlier=page.earlier, found=found, notice=notice, newest=True)


def _before(user: User, thread_id: str, before: str | None) -> _Page:
    run = services().database.run
    page = run(
        item_pages.page_desc,
        user_id=user.id,
        thread_id=thread_id,
        limit=PAGE_SIZE,
        after=before,
        left_out=HIDDEN,
    )
    items = page.data[::-1]
    return _Page(items, earlier=page.after, later=items[-1].id if items else None)


def _after(user: User, thread_id: str, after: str) -> _Page:
    """Return what follows an item; the newest page where the thread comes to its end."""
    run = services().database.run
    page = run(
        item_pages.page_asc,
        user_id=user.id,
        thread_id=thread_id,
        limit=PAGE_SIZE,
        after=after,
        left_out=HIDDEN,
    )
    if not page.has_more:
        return _newest(user, thread_id)
    return _Page(page.data, earlier=page.data[0].id, later=page.after)


def _around(user: User, thread_id: str, item_id: str) -> _Page:
    run = services().database.run
    page = None
    if is_plain(item_id):
        page = run(
            item_pages.around,
            user_id=user.id,
            thread_id=thread_id,
            item_id=item_id,
            limit=PAGE_SIZE,
        )
    if page is None:
        return _newest(user, thread_id, notice=GONE)
    if page.newest:
        return _newest(user, thread_id, found=item_id)
    return _Page(page.items, earlier=page.earlier, later=page.items[-1].id, found=item_id)


def _reason(user: User, thread_id: str) -> str | None:
    """Return why the thread takes no messages, if somebody said so."""
    thread = services().database.run(threads.load, user_id=user.id, thread_id=thread_id)
    return None if thread.status.type == "active" else thread.status.reason


def _said(user: User, thread: thread_lists.ThreadRow, page: _Page, zone: tzinfo) -> list[Said]:
    marks = services().database.run(
        item_marks.of,
        user_id=user.id,
        thread_id=thread.id,
        item_ids=[item.id for item in page.items],
    )
    # By the database's clock, as all that is shown here: those of workers may differ.
    today = _in_zone(thread.read_at, zone).date()
    said: list[Said] = []
    last: date | None = None
    for item in page.items:
        mark = marks.get(item.id, ItemMarks())
        moment = item_marks.said_at(item.created_at, mark.stored_at)
        local = _in_zone(moment, zone)
        day = None if local.date() == last else day_words(local.date(), today)
        last = local.date()
        spelled = item_marks.spelled(moment)
        said.append(Said(item, local, spelled, mark, day, found=item.id == page.found))
    return said


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment
