"""Putting whole conversations back: a thread as it was, and its items in their order.

The statements of one thread belong into one transaction of the caller, begun by `thread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chatkit.types import ThreadItem

from chat.connection import Connection
from chat.search_text import lexemes
from chat.tables.exports import ExportedItem, ExportedThread
from chat.tables.items import search_columns
from chat.tables.thread_lists import MOST_PINNED

# No more are pinned than the list shows: what has no room there is found among the others.
THREAD: Final = """
    -- chat.imports.thread
    INSERT INTO chatkit_thread
           (user_id, id, title, title_words, title_source, status, created_at, last_message_at,
            pinned_at, archived_at, document)
    VALUES (%(user_id)s, %(thread_id)s, %(title)s, array_to_tsvector(%(title_words)s::text[]),
            %(title_source)s, %(status)s, %(created_at)s, %(last_message_at)s,
            CASE WHEN %(most)s > (SELECT count(*)
                                    FROM chatkit_thread
                                   WHERE user_id = %(user_id)s
                                     AND pinned_at IS NOT NULL)
                 THEN %(pinned_at)s::timestamptz
             END,
            %(archived_at)s, %(document)s)
        ON CONFLICT (user_id, id) DO NOTHING
    RETURNING pinned_at IS NOT NULL
"""

IS_THERE: Final = """
    -- chat.imports.is_there
    SELECT deleted_at IS NULL
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

# The words of an item come as one text with a line for each: there are no arrays of unequal arrays.
ITEMS: Final = """
    -- chat.imports.items
    INSERT INTO chatkit_thread_item
           (user_id, thread_id, position, id, kind, feedback, outcome, created_at, document,
            preview, words)
    SELECT %(user_id)s, %(thread_id)s, position, id, kind, feedback, outcome, created_at,
           document::json, preview, array_to_tsvector(string_to_array(words, E'\\n'))
      FROM unnest(%(positions)s::bigint[], %(ids)s::text[], %(kinds)s::text[],
                  %(feedback)s::text[], %(outcomes)s::text[], %(created_at)s::timestamptz[],
                  %(documents)s::text[], %(previews)s::text[], %(words)s::text[])
           AS item (position, id, kind, feedback, outcome, created_at, document, preview, words)
        ON CONFLICT (user_id, thread_id, id) DO NOTHING
"""

FINISH: Final = """
    -- chat.imports.finish
    UPDATE chatkit_thread
       SET last_position = %(last_position)s
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""


def thread(conn: Connection, *, user_id: str, thread: ExportedThread) -> bool | None:
    """Store a thread without its items for the user, and return whether it is pinned.

    None, and nothing is stored, if the user has one of that id. One that was pinned is not if
    MOST_PINNED others are.
    """
    params = {
        "user_id": user_id,
        "thread_id": thread.id,
        "title": thread.title,
        "title_words": lexemes(user_id, thread.title),
        "title_source": thread.title_source,
        "status": thread.status,
        "created_at": thread.created_at,
        "last_message_at": thread.last_message_at,
        "pinned_at": thread.pinned_at,
        "archived_at": thread.archived_at,
        "document": thread.document,
        "most": MOST_PINNED,
    }
    row = conn.execute(THREAD, params).fetchone()
    return None if row is None else bool(row[0])


def is_there(conn: Connection, *, user_id: str, thread_id: str) -> bool:
    """Return whether the user has the thread and has not just deleted it."""
    row = conn.execute(IS_THERE, {"user_id": user_id, "thread_id": thread_id}).fetchone()
    return row is not None and bool(row[0])


def items(
    conn: Connection,
    *,
    user_id: str,
    thread_id: str,
    items: Sequence[tuple[ExportedItem, ThreadItem]],
) -> int:
    """Store items of a thread at their positions, each with the model that its document makes.

    Returns how many: less than all if an id was there before.
    """
    rows = [item for item, _ in items]
    search = [search_columns(user_id, parsed) for _, parsed in items]
    words = [columns["words"] for columns in search]
    params = {
        "user_id": user_id,
        "thread_id": thread_id,
        "positions": [row.position for row in rows],
        "ids": [row.id for row in rows],
        "kinds": [row.kind for row in rows],
        "feedback": [row.feedback for row in rows],
        "outcomes": [row.outcome for row in rows],
        "created_at": [row.created_at for row in rows],
        "documents": [row.document for row in rows],
        "previews": [columns["preview"] for columns in search],
        "words": [None if found is None else "\n".join(found) for found in words],
    }
    return conn.execute(ITEMS, params).rowcount


def finish(conn: Connection, *, user_id: str, thread_id: str, last_position: int) -> None:
    """Let the thread's next item come after those that were stored."""
    params = {"user_id": user_id, "thread_id": thread_id, "last_position": last_position}
    conn.execute(FINISH, params)
