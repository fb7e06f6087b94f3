"""Threads as lists and headings show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from chat.connection import Connection
from chat.errors import ThreadNotFound

FIND: Final = """
    -- chat.thread_lists.find
      SELECT thread.id, thread.title, thread.created_at, thread.last_message_at, clock_timestamp(),
             thread.status, thread.unread, thread.pinned_at IS NOT NULL,
             thread.archived_at IS NOT NULL,
             EXISTS (SELECT FROM chatkit_turn AS turn
                      WHERE turn.user_id = %(user_id)s
                        AND turn.thread_id = thread.id
                        AND turn.state = 'running'
                        AND turn.lease_until > clock_timestamp()),
             NULL
        FROM chatkit_thread AS thread
       WHERE thread.user_id = %(user_id)s
         AND thread.id = %(thread_id)s
         AND thread.deleted_at IS NULL
"""

# The preview is looked for among the newest fifty items: before messages of an older version have
# theirs, a list must not walk each thread to its beginning.
NEWEST: Final = """
    -- chat.thread_lists.newest
      SELECT thread.id, thread.title, thread.created_at, thread.last_message_at, clock_timestamp(),
             thread.status, thread.unread, thread.pinned_at IS NOT NULL,
             thread.archived_at IS NOT NULL,
             EXISTS (SELECT FROM chatkit_turn AS turn
                      WHERE turn.user_id = %(user_id)s
                        AND turn.thread_id = thread.id
                        AND turn.state = 'running'
                        AND turn.lease_until > clock_timestamp()),
             (SELECT item.preview
                FROM chatkit_thread_item AS item
               WHERE item.user_id = %(user_id)s
                 AND item.thread_id = thread.id
                 AND item.position > thread.last_position - 50
                 AND item.preview IS NOT NULL
            ORDER BY item.position DESC
               LIMIT 1)
        FROM chatkit_thread AS thread
       WHERE thread.user_id = %(user_id)s
         AND thread.archived_at IS NULL
         AND thread.deleted_at IS NULL
         AND thread.pinned_at IS NULL
         AND (thread.last_message_at, thread.id) < (%(at)s, %(id)s)
    ORDER BY thread.last_message_at DESC, thread.id DESC
       LIMIT %(limit)s
"""

ARCHIVED: Final = """
    -- chat.thread_lists.archived
      SELECT thread.id, thread.title, thread.created_at, thread.last_message_at, clock_timestamp(),
             thread.status, thread.unread, thread.pinned_at IS NOT NULL,
             thread.archived_at IS NOT NULL,
             EXISTS (SELECT FROM chatkit_turn AS turn
                      WHERE turn.user_id = %(user_id)s
                        AND turn.thread_id = thread.id
                        AND turn.state = 'running'
                        AND turn.lease_until > clock_timestamp()),
             (SELECT item.preview
                FROM chatkit_thread_item AS item
               WHERE item.user_id = %(user_id)s
                 AND item.thread_id = thread.id
                 AND item.position > thread.last_position - 50
                 AND item.preview IS NOT NULL
            ORDER BY item.position DESC
               LIMIT 1)
        FROM chatkit_thread AS thread
       WHERE thread.user_id = %(user_id)s
         AND thread.archived_at IS NOT NULL
         AND thread.deleted_at IS NULL
         AND (thread.last_message_at, thread.id) < (%(at)s, %(id)s)
    ORDER BY thread.last_message_at DESC, thread.id DESC
       LIMIT %(limit)s
"""

PINNED: Final = """
    -- chat.thread_lists.pinned
      SELECT thread.id, thread.title, thread.created_at, thread.last_message_at, clock_timestamp(),
             thread.status, thread.unread, thread.pinned_at IS NOT NULL,
             thread.archived_at IS NOT NULL,
             EXISTS (SELECT FROM chatkit_turn AS turn
                      WHERE turn.user_id = %(user_id)s
                        AND turn.thread_id = thread.id
                        AND turn.state = 'running'
                        AND turn.lease_until > clock_timestamp()),
             (SELECT item.preview
                FROM chatkit_thread_item AS item
               WHERE item.user_id = %(user_id)s
                 AND item.thread_id = thread.id
                 AND item.position > thread.last_position - 50
                 AND item.preview IS NOT NULL
            ORDER BY item.position DESC
               LIMIT 1)
        FROM chatkit_thread AS thread
       WHERE thread.user_id = %(user_id)s
         AND thread.pinned_at IS NOT NULL
         AND thread.deleted_at IS NULL
    ORDER BY thread.last_message_at DESC, thread.id DESC
       LIMIT %(limit)s
"""

FAR_FUTURE: Final = "infinity"
"""Where a list begins: after everything that was ever said."""
MOST_PINNED: Final = 100
"""Pinned threads, which stand above all others and have no pages."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the newest threads ended: the last row's activity and id."""

    last_message_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread as lists and headings show it. Dates are aware, and by the database's clock.

    `unread` says that an answer was finished while nobody was reading, `writing` that one is
    being written now. `read_at` is when it was read from the database. `preview` is the
    beginning of the newest message, known in lists only.
    """

    id: str
    title: str | None
    created_at: datetime
    last_message_at: datetime
    read_at: datetime = field(compare=False)
    status: Literal["active", "locked", "closed"]
    unread: bool = False
    pinned: bool = False
    archived: bool = False
    writing: bool = False
    preview: str | None = None


@dataclass(frozen=True, slots=True)
class ThreadList:
    """A page of threads, newest activity first; `next` is None at the end."""

    rows: list[ThreadRow]
    next: Place | None


def find(conn: Connection, *, user_id: str, thread_id: str) -> ThreadRow:
    """Return what a heading shows of the user's thread; raise ThreadNotFound if not theirs."""
    row = conn.execute(FIND, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return ThreadRow(*row)


def newest(conn: Connection, *, user_id: str, limit: int, after: Place | None) -> ThreadList:
    """Return the threads with the newest activity, from just after a place on.

    Without those that are pinned or archived, which have lists of their own.
    """
    return _page(conn, NEWEST, user_id=user_id, limit=limit, after=after)


def archived(conn: Connection, *, user_id: str, limit: int, after: Place | None) -> ThreadList:
    """Return the archived threads, newest activity first, from just after a place on."""
    return _page(conn, ARCHIVED, user_id=user_id, limit=limit, after=after)


def pinned(conn: Connection, *, user_id: str) -> list[ThreadRow]:
    """Return the pinned threads, newest activity first."""
    # Two that are pinned at the same moment may be one too many: better that than one unseen.
    params = {"user_id": user_id, "limit": 2 * MOST_PINNED}
    return [ThreadRow(*row) for row in conn.execute(PINNED, params)]


def _page(
    conn: Connection, statement: str, *, user_id: str, limit: int, after: Place | None
) -> ThreadList:
    params: dict[str, Any] = {
        "user_id": user_id,
        "at": after.last_message_at if after else FAR_FUTURE,
        "id": after.id if after else "",
        "limit": limit + 1,
    }
    rows = conn.execute(statement, params).fetchall()
    shown = [ThreadRow(*row) for row in rows[:limit]]
    has_more = len(rows) > limit
    return ThreadList(shown, Place(shown[-1].last_message_at, shown[-1].id) if has_more else None)
