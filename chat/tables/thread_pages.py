"""ChatKit's pages of threads, whose cursors are bare ids: see docs/decisions/0002.

Archived threads are left out, as in our own list: ChatKit knows no archive.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Final

from chatkit.types import Page, ThreadMetadata

from chat.connection import Connection
from chat.db import NOT_WRITABLE
from chat.errors import UnknownCursor
from chat.tables.pages import clamped, page_of
from chat.tables.threads import metadata_of

PAGE_DESC: Final = """
    -- chat.thread_pages.page_desc
      SELECT id, title, document::text, last_message_at
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND archived_at IS NULL
         AND deleted_at IS NULL
         AND (%(id)s::text IS NULL OR (last_message_at, id) < (%(at)s, %(id)s))
    ORDER BY last_message_at DESC, id DESC
       LIMIT %(limit)s
"""

PAGE_ASC: Final = """
    -- chat.thread_pages.page_asc
      SELECT id, title, document::text, last_message_at
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND archived_at IS NULL
         AND deleted_at IS NULL
         AND (%(id)s::text IS NULL OR (last_message_at, id) > (%(at)s, %(id)s))
    ORDER BY last_message_at, id
       LIMIT %(limit)s
"""

# A cursor that was handed out keeps the place that its thread had then.
PLACE: Final = """
    -- chat.thread_pages.place
    SELECT coalesce(
               (SELECT last_message_at
                  FROM chatkit_thread_cursor
                 WHERE user_id = %(user_id)s
                   AND thread_id = %(thread_id)s),
               (SELECT last_message_at
                  FROM chatkit_thread
                 WHERE user_id = %(user_id)s
                   AND id = %(thread_id)s))
"""

HAND_OUT: Final = """
    -- chat.thread_pages.hand_out
      WITH forgotten AS (
               DELETE FROM chatkit_thread_cursor
                WHERE user_id = %(user_id)s
                  AND thread_id <> %(thread_id)s
                  AND handed_out_at < clock_timestamp() - interval '7 days')
    INSERT INTO chatkit_thread_cursor (user_id, thread_id, last_message_at)
    VALUES (%(user_id)s, %(thread_id)s, %(at)s)
        ON CONFLICT (user_id, thread_id) DO UPDATE
       SET last_message_at = excluded.last_message_at,
           handed_out_at = excluded.handed_out_at
"""


def page_desc(
    conn: Connection, *, user_id: str, limit: int, after: str | None
) -> Page[ThreadMetadata]:
    """Return ChatKit's page of threads, newest activity first; raise UnknownCursor.

    The cursor stays where its thread was when the page was handed out, also when that thread has
    moved or is deleted since: a thread that did not change is never skipped or repeated.
    """
    return _page(conn, PAGE_DESC, user_id=user_id, limit=clamped(limit), after=after)


def page_asc(
    conn: Connection, *, user_id: str, limit: int, after: str | None
) -> Page[ThreadMetadata]:
    """Return ChatKit's page of threads, oldest activity first; otherwise as `page_desc`."""
    return _page(conn, PAGE_ASC, user_id=user_id, limit=clamped(limit), after=after)


def _page(
    conn: Connection, statement: str, *, user_id: str, limit: int, after: str | None
) -> Page[ThreadMetadata]:
    at = _place(conn, user_id, after) if after is not None else None
    params = {"user_id": user_id, "at": at, "id": after, "limit": limit + 1}
    rows = conn.execute(statement, params).fetchall()
    page = page_of(rows, limit, metadata_of)
    if page.after is not None:
        last = {"user_id": user_id, "thread_id": page.after, "at": rows[limit - 1][3]}
        # In a database that takes nothing new, threads stay where they are, and so do cursors.
        with contextlib.suppress(*NOT_WRITABLE):
            conn.execute(HAND_OUT, last)
    return page


def _place(conn: Connection, user_id: str, thread_id: str) -> datetime:
    row = conn.execute(PLACE, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    if row is None or row[0] is None:
        raise UnknownCursor(thread_id)
    at: datetime = row[0]
    return at
