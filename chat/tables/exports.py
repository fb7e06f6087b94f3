"""What is taken out of the database as a whole: a page of threads, a page of what was said.

Every page is a short statement for itself and begins after the last row of the one before, so that
nothing is held while somebody reads slowly, and nothing comes twice or is left out whatever else
goes on: threads in the order of their keys, items in the order of their places.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from chat.connection import Connection
from chat.tables.item_marks import Feedback, Outcome

THREADS_AT_ONCE: Final = 100
ITEMS_AT_ONCE: Final = 200
BYTES_AT_ONCE: Final = 256 * 1024
"""Of documents in a page of items; one that is larger comes alone."""

THREADS: Final = """
    -- chat.exports.threads
      SELECT id, title, title_source, status, created_at, last_message_at, pinned_at, archived_at,
             document::text, last_position
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND id > %(after)s
         AND deleted_at IS NULL
    ORDER BY id
       LIMIT %(limit)s
"""

SELECTED: Final = """
    -- chat.exports.selected
      SELECT id, title, title_source, status, created_at, last_message_at, pinned_at, archived_at,
             document::text, last_position
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND id = ANY(%(thread_ids)s)
         AND id > %(after)s
         AND deleted_at IS NULL
    ORDER BY id
       LIMIT %(limit)s
"""

# A row counts while those before it are not yet BYTES_AT_ONCE; `fetched` tells a page that was cut
# for that from the last one. The question about the thread is asked row by row: as a join it would
# be planned for all threads of the person.
ITEMS: Final = """
    -- chat.exports.items
      SELECT fetched, thread_id, position, id, kind, feedback, outcome, created_at, document::text
        FROM (SELECT *,
                     count(*) OVER () AS fetched,
                     sum(octet_length(document::text))
                         OVER (ORDER BY position
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                FROM (SELECT thread_id, position, id, kind, feedback, outcome, created_at, document
                        FROM chatkit_thread_item AS item
                       WHERE item.user_id = %(user_id)s
                         AND item.thread_id = %(thread_id)s
                         AND item.position > %(after)s
                         AND (SELECT thread.deleted_at IS NULL
                                FROM chatkit_thread AS thread
                               WHERE thread.user_id = %(user_id)s
                                 AND thread.id = item.thread_id)
                    ORDER BY item.position
                       LIMIT %(limit)s) AS page) AS counted
       WHERE coalesce(bytes_before, 0) < %(bytes)s
    ORDER BY position
"""

# For threads so short that sorting what is in them costs nothing.
ITEMS_OF_SHORT: Final = """
    -- chat.exports.items_of_short
      SELECT fetched, thread_id, position, id, kind, feedback, outcome, created_at, document::text
        FROM (SELECT thread_id, position, id, kind, feedback, outcome, created_at, document,
                     count(*) OVER () AS fetched,
                     sum(octet_length(document::text))
                         OVER (ORDER BY thread_id, position
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                FROM chatkit_thread_item AS item
               WHERE item.user_id = %(user_id)s
                 AND item.thread_id = ANY(%(thread_ids)s)
                 AND (SELECT thread.deleted_at IS NULL
                        FROM chatkit_thread AS thread
                       WHERE thread.user_id = %(user_id)s
                         AND thread.id = item.thread_id)) AS counted
       WHERE coalesce(bytes_before, 0) < %(bytes)s
    ORDER BY thread_id, position
"""


@dataclass(frozen=True, slots=True)
class ExportedThread:
    """A thread without its items; dates are aware, `document` is ChatKit's JSON as it is stored.

    `last_position` is at least the number of its items; it is not exported.
    """

    id: str
    title: str | None
    title_source: Literal["none", "message", "model", "user"]
    status: Literal["active", "locked", "closed"]
    created_at: datetime
    last_message_at: datetime
    pinned_at: datetime | None
    archived_at: datetime | None
    document: str
    last_position: int = 0


@dataclass(frozen=True, slots=True)
class ExportedItem:
    """An item, also one that people never see; otherwise like a thread."""

    thread_id: str
    position: int
    id: str
    kind: str
    feedback: Feedback | None
    outcome: Outcome | None
    created_at: datetime
    document: str


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of items; `cut` says that there are more, and `next_limit` how many to ask for."""

    items: list[ExportedItem]
    cut: bool
    next_limit: int


def threads(conn: Connection, *, user_id: str, after: str) -> list[ExportedThread]:
    """Return the user's next threads after that id, "" for the first ones; none at the end."""
    params = {"user_id": user_id, "after": after, "limit": THREADS_AT_ONCE}
    return [ExportedThread(*row) for row in conn.execute(THREADS, params)]


def selected(
    conn: Connection, *, user_id: str, after: str, thread_ids: list[str]
) -> list[ExportedThread]:
    """Return the next of those of the threads that are the user's; otherwise as `threads`."""
    params = {
        "user_id": user_id,
        "after": after,
        "limit": THREADS_AT_ONCE,
        "thread_ids": thread_ids,
    }
    return [ExportedThread(*row) for row in conn.execute(SELECTED, params)]


def items(
    conn: Connection, *, user_id: str, thread_id: str, after: int, limit: int = ITEMS_AT_ONCE
) -> ItemPage:
    """Return the user's items of a thread after a position, at most `limit`; none if it is deleted.

    A page whose documents are large has fewer, but one at least.
    """
    params = {
        "user_id": user_id,
        "thread_id": thread_id,
        "after": after,
        "limit": limit,
        "bytes": BYTES_AT_ONCE,
    }
    return _page(conn.execute(ITEMS, params).fetchall(), limit)


def items_of_short(conn: Connection, *, user_id: str, thread_ids: list[str]) -> ItemPage:
    """Return the items of several threads that have few of them, in the order of the threads' ids.

    Otherwise as `items`.
    """
    params = {"user_id": user_id, "thread_ids": thread_ids, "bytes": BYTES_AT_ONCE}
    return _page(conn.execute(ITEMS_OF_SHORT, params).fetchall(), None)


def _page(rows: list[tuple[Any, ...]], limit: int | None) -> ItemPage:
    found = [ExportedItem(*row[1:]) for row in rows]
    if rows and len(rows) < rows[0][0]:
        # PostgreSQL weighs every document that it fetches: not many more than will be shown.
        return ItemPage(found, cut=True, next_limit=2 * len(rows))
    next_limit = min(2 * (limit or ITEMS_AT_ONCE), ITEMS_AT_ONCE)
    return ItemPage(found, cut=len(rows) == limit, next_limit=next_limit)
