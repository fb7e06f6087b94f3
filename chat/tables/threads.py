"""A person's conversations: title, dates and ChatKit's metadata."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from chatkit.types import HiddenContextItem, ThreadItem, ThreadMetadata

from chat.connection import Connection
from chat.db import NOT_WRITABLE
from chat.errors import ThreadNotFound
from chat.search_text import lexemes
from chat.tables.documents import model_json
from chat.tables.items import search_columns

LOAD: Final = """
    -- chat.threads.load
    SELECT id, title, document::text
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
"""

# Whoever saves a thread with another title than the stored one has named it.
SAVE: Final = """
    -- chat.threads.save
    INSERT INTO chatkit_thread AS old
           (user_id, id, title, title_words, title_source, document, status)
    VALUES (%(user_id)s, %(thread_id)s, %(title)s, array_to_tsvector(%(title_words)s::text[]),
            CASE WHEN %(title)s::text IS NULL THEN 'none' ELSE 'user' END,
            %(document)s, %(status)s)
        ON CONFLICT (user_id, id) DO UPDATE
       SET title = excluded.title,
           title_words = excluded.title_words,
           title_source = CASE WHEN excluded.title IS NOT DISTINCT FROM old.title
                               THEN old.title_source
                               ELSE excluded.title_source
                           END,
           document = excluded.document,
           status = excluded.status
     WHERE old.deleted_at IS NULL
"""

# One statement, so that a failure leaves no thread without its first message behind. An id that
# is taken inserts nothing: the same request may have been stored by an earlier try.
START: Final = """
    -- chat.threads.start
      WITH started AS (
               INSERT INTO chatkit_thread
                      (user_id, id, title, title_words, title_source, document, status,
                       last_position)
               VALUES (%(user_id)s, %(thread_id)s, %(title)s,
                       array_to_tsvector(%(title_words)s::text[]),
                       CASE WHEN %(title)s::text IS NULL THEN 'none' ELSE 'message' END,
                       %(document)s, %(status)s,
                       CASE WHEN %(page)s::text IS NULL THEN 1 ELSE 2 END)
                   ON CONFLICT (user_id, id) DO NOTHING
            RETURNING id, last_position)
    INSERT INTO chatkit_thread_item
           (user_id, thread_id, position, id, kind, document, preview, words)
    SELECT %(user_id)s, id, 1, %(page_id)s, %(page_kind)s, %(page)s::json, NULL, NULL
      FROM started
     WHERE last_position = 2
     UNION ALL
    SELECT %(user_id)s, id, last_position, %(item_id)s, %(kind)s, %(item)s::json,
           %(preview)s, array_to_tsvector(%(words)s::text[])
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
           title_words = CASE WHEN title IS NOT DISTINCT FROM %(old_title)s
                              THEN array_to_tsvector(%(title_words)s::text[])
                              ELSE title_words END,
           title = CASE WHEN title IS NOT DISTINCT FROM %(old_title)s
                        THEN %(title)s ELSE title END
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
"""

MARK_READ: Final = """
    -- chat.threads.mark_read
    UPDATE chatkit_thread
       SET unread = false
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
       AND unread
"""

RENAME: Final = """
    -- chat.threads.rename
       UPDATE chatkit_thread
          SET title = %(title)s,
              title_words = array_to_tsvector(%(title_words)s::text[]),
              title_source = 'user'
        WHERE user_id = %(user_id)s
          AND id = %(thread_id)s
          AND deleted_at IS NULL
    RETURNING id, title, document::text
"""

IMPROVE_TITLE: Final = """
    -- chat.threads.improve_title
    UPDATE chatkit_thread
       SET title = %(title)s,
           title_words = array_to_tsvector(%(title_words)s::text[]),
           title_source = 'model'
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
       AND title_source IN ('none', 'message')
"""


def load(conn: Connection, *, user_id: str, thread_id: str) -> ThreadMetadata:
    """Return the user's thread; raise ThreadNotFound if it is not theirs."""
    row = conn.execute(LOAD, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return metadata_of(row)


def save(conn: Connection, *, user_id: str, thread: ThreadMetadata) -> None:
    """Insert the thread, or replace the user's thread of that id; its place in the list stays.

    Raises ThreadNotFound if it was deleted and can still be brought back.
    """
    if conn.execute(SAVE, {"user_id": user_id, **columns(user_id, thread)}).rowcount == 0:
        raise ThreadNotFound(thread.id)


def update(
    conn: Connection, *, user_id: str, thread: ThreadMetadata, old_title: str | None
) -> None:
    """Store what a turn changed of the thread; raise ThreadNotFound if it was deleted.

    The title is changed only if it still is `old_title`.
    """
    params = {"user_id": user_id, "old_title": old_title, **columns(user_id, thread)}
    if conn.execute(UPDATE, params).rowcount == 0:
        raise ThreadNotFound(thread.id)


def mark_read(conn: Connection, *, user_id: str, thread_id: str) -> None:
    """Forget that an answer was finished while nobody was reading.

    It comes with reading, which goes on in a database that takes nothing new: then it stays unread.
    """
    with contextlib.suppress(*NOT_WRITABLE):
        conn.execute(MARK_READ, {"user_id": user_id, "thread_id": thread_id})


def start(
    conn: Connection,
    *,
    user_id: str,
    thread: ThreadMetadata,
    first_item: ThreadItem,
    page: HiddenContextItem | None = None,
) -> None:
    """Insert a new thread together with its first item, or nothing if the id is taken.

    A page context goes before the item. A title counts as made from the first message, so that a
    model may improve it.
    """
    conn.execute(
        START,
        {
            "user_id": user_id,
            **columns(user_id, thread),
            "item_id": first_item.id,
            "kind": first_item.type,
            "item": model_json(first_item),
            "page_id": page and page.id,
            "page_kind": page and page.type,
            "page": page and model_json(page),
            **search_columns(user_id, first_item),
        },
    )


def rename(conn: Connection, *, user_id: str, thread_id: str, title: str) -> ThreadMetadata:
    """Give the thread the name that its owner chose; raise ThreadNotFound if it is not theirs."""
    params = _title_columns(user_id, thread_id, title)
    row = conn.execute(RENAME, params).fetchone()
    if row is None:
        raise ThreadNotFound(thread_id)
    return metadata_of(row)


def improve_title(conn: Connection, *, user_id: str, thread_id: str, title: str) -> bool:
    """Replace a title made from the first message; return False, and change nothing, otherwise."""
    params = _title_columns(user_id, thread_id, title)
    return conn.execute(IMPROVE_TITLE, params).rowcount == 1


def columns(user_id: str, thread: ThreadMetadata) -> dict[str, Any]:
    """Return what is stored of the thread."""
    return {
        **_title_columns(user_id, thread.id, thread.title),
        "document": model_json(thread, exclude={"title", "items"}),
        "status": thread.status.type,
    }


def _title_columns(user_id: str, thread_id: str, title: str | None) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "thread_id": thread_id,
        "title": title,
        "title_words": lexemes(user_id, title),
    }


def metadata_of(row: tuple[Any, ...]) -> ThreadMetadata:
    """Return the thread in a row of its id, its title and its document."""
    thread = ThreadMetadata.model_validate_json(row[2])
    thread.title = row[1]
    return thread
