"""A person's conversations: title, dates and ChatKit's metadata."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from chatkit.types import ThreadItem, ThreadMetadata

from chat.db import Connection
from chat.errors import ThreadNotFound
from chat.tables.documents import model_json

LOAD: Final = """
    -- chat.threads.load
    SELECT id, title, document::text
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

FIND: Final = """
    -- chat.threads.find
    SELECT id, title, created_at, last_message_at, status, unread,
           EXISTS (SELECT FROM chatkit_turn AS turn
                    WHERE turn.user_id = %(user_id)s
                      AND turn.thread_id = chatkit_thread.id
                      AND turn.state = 'running'
                      AND turn.lease_until > clock_timestamp())
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

# Whoever saves a thread with another title than the stored one has named it.
SAVE: Final = """
    -- chat.threads.save
    INSERT INTO chatkit_thread AS old (user_id, id, title, title_source, document, status)
    VALUES (%(user_id)s, %(thread_id)s, %(title)s,
            CASE WHEN %(title)s::text IS NULL THEN 'none' ELSE 'user' END,
            %(document)s, %(status)s)
        ON CONFLICT (user_id, id) DO UPDATE
       SET title = excluded.title,
           title_source = CASE WHEN excluded.title IS NOT DISTINCT FROM old.title
                               THEN old.title_source
                               ELSE excluded.title_source
                           END,
           document = excluded.document,
           status = excluded.status
"""

# One statement, so that a failure leaves no thread without its first message behind. An id that
# is taken inserts nothing: the same request may have been stored by an earlier try.
START: Final = """
    -- chat.threads.start
      WITH started AS (
               INSERT INTO chatkit_thread
                      (user_id, id, title, title_source, document, status, last_position)
               VALUES (%(user_id)s, %(thread_id)s, %(title)s,
                       CASE WHEN %(title)s::text IS NULL THEN 'none' ELSE 'message' END,
                       %(document)s, %(status)s, 1)
                   ON CONFLICT (user_id, id) DO NOTHING
            RETURNING id)
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)
    SELECT %(user_id)s, id, 1, %(item_id)s, %(kind)s, %(item)s
      FROM started
"""

# What a turn changes of its thread. A name that somebody gave meanwhile wins over the turn's, and a
# thread that was deleted meanwhile does not come back.
UPDATE: Final = """
    -- chat.threads.update
    UPDATE chatkit_thread
       SET document = %(document)s,
           status = %(status)s,
           title_source = CASE WHEN title IS NOT DISTINCT FROM %(old_title)s
                                AND title IS DISTINCT FROM %(title)s
                               THEN 'model' ELSE title_source END,
           title = CASE WHEN title IS NOT DISTINCT FROM %(old_title)s
                        THEN %(title)s ELSE title END
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

MARK_READ: Final = """
    -- chat.threads.mark_read
    UPDATE chatkit_thread
       SET unread = false
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND unread
"""

RENAME: Final = """
    -- chat.threads.rename
       UPDATE chatkit_thread
          SET title = %(title)s,
              title_source = 'user'
        WHERE user_id = %(user_id)s
          AND id = %(thread_id)s
    RETURNING id, title, document::text
"""

IMPROVE_TITLE: Final = """
    -- chat.threads.improve_title
    UPDATE chatkit_thread
       SET title = %(title)s,
           title_source = 'model'
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND title_source IN ('none', 'message')
"""

DELETE: Final = """
    -- chat.threads.delete
    DELETE FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

NEWEST: Final = """
    -- chat.threads.newest
      SELECT id, title, created_at, last_message_at, status, unread,
             EXISTS (SELECT FROM chatkit_turn AS turn
                      WHERE turn.user_id = %(user_id)s
                        AND turn.thread_id = chatkit_thread.id
                        AND turn.state = 'running'
                        AND turn.lease_until > clock_timestamp())
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND (last_message_at, id) < (%(at)s, %(id)s)
    ORDER BY last_message_at DESC, id DESC
       LIMIT %(limit)s
"""

FAR_FUTURE: Final = "infinity"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the newest threads ended: the last row's activity and id."""

    last_message_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread as lists and headings show it. Dates are aware, in UTC.

    `unread` says that an answer was finished while nobody was reading, `writing` that one is
    being written now.
    """

    id: str
    title: str | None
    created_at: datetime
    last_message_at: datetime
    status: Literal["active", "locked", "closed"]
    unread: bool = False
    writing: bool = False


@dataclass(frozen=True, slots=True)
class ThreadList:
    """A page of threads, newest activity first; `next` is None at the end."""

    rows: list[ThreadRow]
    next: Place | None


def load(conn: Connection, *, user_id: str, thread_id: str) -> ThreadMetadata:
    """Return the user's thread; raise ThreadNotFound if it is not theirs."""
    row = conn.execute(LOAD, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return metadata_of(row)


def find(conn: Connection, *, user_id: str, thread_id: str) -> ThreadRow:
    """Return what a heading shows of the user's thread; raise ThreadNotFound if not theirs."""
    row = conn.execute(FIND, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return ThreadRow(*row)


def save(conn: Connection, *, user_id: str, thread: ThreadMetadata) -> None:
    """Insert the thread, or replace the user's thread of that id; its place in the list stays."""
    conn.execute(SAVE, {"user_id": user_id, **_columns(thread)})


def update(
    conn: Connection, *, user_id: str, thread: ThreadMetadata, old_title: str | None
) -> None:
    """Store what a turn changed of the thread; raise ThreadNotFound if it was deleted.

    The title is changed only if it still is `old_title`.
    """
    params = {"user_id": user_id, "old_title": old_title, **_columns(thread)}
    if conn.execute(UPDATE, params).rowcount == 0:
        raise ThreadNotFound(thread.id)


def mark_read(conn: Connection, *, user_id: str, thread_id: str) -> None:
    """Forget that an answer was finished while nobody was reading."""
    conn.execute(MARK_READ, {"user_id": user_id, "thread_id": thread_id})


def start(
    conn: Connection, *, user_id: str, thread: ThreadMetadata, first_item: ThreadItem
) -> None:
    """Insert a new thread together with its first item, or nothing if the id is taken.

    A title counts as made from the first message, so that a model may improve it.
    """
    conn.execute(
        START,
        {
            "user_id": user_id,
            **_columns(thread),
            "item_id": first_item.id,
            "kind": first_item.type,
            "item": model_json(first_item),
        },
    )


def rename(conn: Connection, *, user_id: str, thread_id: str, title: str) -> ThreadMetadata:
    """Give the thread the name that its owner chose; raise ThreadNotFound if it is not theirs."""
    params = {"user_id": user_id, "thread_id": thread_id, "title": title}
    row = conn.execute(RENAME, params).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return metadata_of(row)


def improve_title(conn: Connection, *, user_id: str, thread_id: str, title: str) -> bool:
    """Replace a title made from the first message; return False, and change nothing, otherwise."""
    params = {"user_id": user_id, "thread_id": thread_id, "title": title}
    return conn.execute(IMPROVE_TITLE, params).rowcount == 1


def delete(conn: Connection, *, user_id: str, thread_id: str) -> bool:
    """Delete the user's thread with everything in it; return whether there was one."""
    return conn.execute(DELETE, {"user_id": user_id, "thread_id": thread_id}).rowcount == 1


def newest(conn: Connection, *, user_id: str, limit: int, after: Place | None) -> ThreadList:
    """Return the threads with the newest activity, from just after a place on."""
    rows = conn.execute(
        NEWEST,
        {
            "user_id": user_id,
            "at": after.last_message_at if after else FAR_FUTURE,
            "id": after.id if after else "",
            "limit": limit + 1,
        },
    ).fetchall()
    shown = [ThreadRow(*row) for row in rows[:limit]]
    has_more = len(rows) > limit
    return ThreadList(shown, Place(shown[-1].last_message_at, shown[-1].id) if has_more else None)


def _columns(thread: ThreadMetadata) -> dict[str, Any]:
    return {
        "thread_id": thread.id,
        "title": thread.title,
        "document": model_json(thread, exclude={"title", "items"}),
        "status": thread.status.type,
    }


def metadata_of(row: tuple[Any, ...]) -> ThreadMetadata:
    """Return the thread in a row of its id, its title and its document."""
    thread = ThreadMetadata.model_validate_json(row[2])
    thread.title = row[1]
    return thread
