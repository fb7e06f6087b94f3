"""What is in a thread, in the order in which it was said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from chatkit.types import FeedbackKind, ThreadItem
from pydantic import TypeAdapter

from chat.connection import Connection
from chat.errors import InvalidRequest, ItemNotFound, ThreadNotFound
from chat.search_text import lexemes, preview_of, text_of
from chat.tables.documents import model_json

ITEM: Final[TypeAdapter[ThreadItem]] = TypeAdapter(ThreadItem)
"""Built once: building it takes milliseconds."""

HIDDEN: Final = frozenset({"hidden_context_item", "sdk_hidden_context", "end_of_turn"})
"""Kinds that people never see; storing one is no activity in the thread."""

UNSENT: Final = HIDDEN - {"end_of_turn"}
"""Those of them that ChatKit sends to no client."""

CONSTANT_ID: Final = "__fake_id__"
"""What the Agents SDK calls every message of a Chat Completions server."""

LOAD: Final = """
    -- chat.items.load
    SELECT id, document::text
      FROM chatkit_thread_item
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND id = %(item_id)s
       AND EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
"""

# The counter's row is locked until the item is stored, so places are taken and become visible in
# the same order; updating it is also what checks the owner.
ADD: Final = """
    -- chat.items.add
      WITH revived AS (
               DELETE FROM chatkit_deleted_item
                WHERE user_id = %(user_id)s
                  AND thread_id = %(thread_id)s
                  AND id = %(item_id)s),
           thread AS (
               UPDATE chatkit_thread
                  SET last_position = last_position + 1,
                      last_message_at = CASE WHEN %(hidden)s THEN last_message_at
                                             ELSE greatest(clock_timestamp(), last_message_at)
                                         END,
                      archived_at = CASE WHEN %(kind)s <> 'user_message' THEN archived_at END
                WHERE user_id = %(user_id)s
                  AND id = %(thread_id)s
                  AND deleted_at IS NULL
                  AND NOT EXISTS (SELECT FROM chatkit_thread_item
                                   WHERE user_id = %(user_id)s
                                     AND thread_id = %(thread_id)s
                                     AND id = %(item_id)s)
            RETURNING last_position)
    INSERT INTO chatkit_thread_item
           (user_id, thread_id, position, id, kind, document, preview, words)
    SELECT %(user_id)s, %(thread_id)s, last_position, %(item_id)s, %(kind)s, %(document)s,
           %(preview)s, array_to_tsvector(%(words)s::text[])
      FROM thread
        ON CONFLICT (user_id, thread_id, id) DO NOTHING
"""

REPLACE: Final = """
    -- chat.items.replace
    UPDATE chatkit_thread_item
       SET kind = %(kind)s,
           document = %(document)s,
           preview = %(preview)s,
           words = array_to_tsvector(%(words)s::text[]),
           outcome = NULL
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND id = %(item_id)s
       AND EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
"""

IDS_AFTER: Final = """
    -- chat.items.ids_after
      SELECT id
        FROM chatkit_thread_item
       WHERE user_id = %(user_id)s
         AND thread_id = %(thread_id)s
         AND position > (SELECT position
                           FROM chatkit_thread_item
                          WHERE user_id = %(user_id)s
                            AND thread_id = %(thread_id)s
                            AND id = %(item_id)s)
       AND EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
    ORDER BY position
"""

# The place stays known, so that a page that ended with this item can be followed by the next.
DELETE: Final = """
    -- chat.items.delete
      WITH gone AS (
               DELETE FROM chatkit_thread_item
                WHERE user_id = %(user_id)s
                  AND thread_id = %(thread_id)s
                  AND id = ANY(%(item_ids)s)
                  AND EXISTS (SELECT FROM chatkit_thread
                               WHERE user_id = %(user_id)s
                                 AND id = %(thread_id)s
                                 AND deleted_at IS NULL)
            RETURNING id, position)
    INSERT INTO chatkit_deleted_item (user_id, thread_id, id, position)
    SELECT %(user_id)s, %(thread_id)s, id, position
      FROM gone
        ON CONFLICT (user_id, thread_id, id) DO UPDATE
       SET position = excluded.position
"""

THREAD_EXISTS: Final = """
    -- chat.items.thread_exists
    SELECT EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
"""

# All of the items or none: one that is not in this thread of this user refuses the others too.
SET_FEEDBACK: Final = """
    -- chat.items.set_feedback
    UPDATE chatkit_thread_item
       SET feedback = %(kind)s
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND id = ANY(%(item_ids)s)
       AND EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
       AND %(wanted)s = (SELECT count(*)
                           FROM chatkit_thread_item
                          WHERE user_id = %(user_id)s
                            AND thread_id = %(thread_id)s
                            AND id = ANY(%(item_ids)s))
"""


def load(conn: Connection, *, user_id: str, thread_id: str, item_id: str) -> ThreadItem:
    """Return the item; raise ItemNotFound if it is not in this thread of this user."""
    params = {"user_id": user_id, "thread_id": thread_id, "item_id": item_id}
    row = conn.execute(LOAD, params).fetchone()
    if row is None:
        raise ItemNotFound(item_id)
    return item_of(row)


def add(conn: Connection, *, user_id: str, thread_id: str, item: ThreadItem) -> None:
    """Append the item to the user's thread; a finished item of that id is never overwritten.

    Raises ThreadNotFound if the thread is not theirs, and InvalidRequest for the Agents SDK's
    constant id, under which every answer would pass for the same item.
    """
    params = columns(user_id, thread_id, item)
    if conn.execute(ADD, params).rowcount == 1:
        return
    if not thread_exists(conn, params):
        raise ThreadNotFound(thread_id)


def save(conn: Connection, *, user_id: str, thread_id: str, item: ThreadItem) -> None:
    """Replace the item where it is, or append it; raises as `add` does."""
    params = columns(user_id, thread_id, item)
    if conn.execute(REPLACE, params).rowcount == 1:
        return
    if conn.execute(ADD, params).rowcount == 1:
        return
    if not thread_exists(conn, params):
        raise ThreadNotFound(thread_id)
    conn.execute(REPLACE, params)


def delete(conn: Connection, *, user_id: str, thread_id: str, item_ids: Collection[str]) -> None:
    """Delete those of the items that are there; their places stay valid cursors."""
    params = {"user_id": user_id, "thread_id": thread_id, "item_ids": list(item_ids)}
    conn.execute(DELETE, params)


def ids_after(conn: Connection, *, user_id: str, thread_id: str, item_id: str) -> list[str]:
    """Return the ids of what was said after the item, in order; none if it is not theirs."""
    params = {"user_id": user_id, "thread_id": thread_id, "item_id": item_id}
    return [row[0] for row in conn.execute(IDS_AFTER, params)]


def replace_answer(
    conn: Connection,
    *,
    user_id: str,
    thread_id: str,
    old_ids: Collection[str],
    new_items: Collection[ThreadItem],
) -> None:
    """Put a new answer in the place of an old one: all of it in one transaction, or nothing.

    Raises ThreadNotFound if the thread is not the user's.
    """
    with conn.transaction():
        for item in new_items:
            add(conn, user_id=user_id, thread_id=thread_id, item=item)
        delete(conn, user_id=user_id, thread_id=thread_id, item_ids=old_ids)


def set_feedback(
    conn: Connection,
    *,
    user_id: str,
    thread_id: str,
    item_ids: Collection[str],
    kind: FeedbackKind,
) -> None:
    """Keep the user's thumbs on these items; raise ItemNotFound if one is not in the thread."""
    ids = sorted(set(item_ids))
    params = {
        "user_id": user_id,
        "thread_id": thread_id,
        "item_ids": ids,
        "wanted": len(ids),
        "kind": kind,
    }
    if conn.execute(SET_FEEDBACK, params).rowcount != len(ids):
        raise ItemNotFound(", ".join(ids)[:200])


def thread_exists(conn: Connection, params: dict[str, Any]) -> bool:
    """Return whether the thread of these parameters is the user's."""
    row = conn.execute(THREAD_EXISTS, params).fetchone()
    return row is not None and bool(row[0])


def search_columns(user_id: str, item: ThreadItem) -> dict[str, Any]:
    """Return what lists and search know of the item; nothing of what is no message."""
    return {"preview": preview_of(item), "words": lexemes(user_id, text_of(item))}


def columns(user_id: str, thread_id: str, item: ThreadItem) -> dict[str, Any]:
    """Return what is stored of the item; raise InvalidRequest for CONSTANT_ID."""
    if item.id == CONSTANT_ID:
        raise InvalidRequest(f"item id {CONSTANT_ID} is the same for every message")
    return {
        "user_id": user_id,
        "thread_id": thread_id,
        "item_id": item.id,
        "kind": item.type,
        "hidden": item.type in HIDDEN,
        "document": model_json(item),
        **search_columns(user_id, item),
    }


def item_of(row: tuple[Any, ...]) -> ThreadItem:
    """Return the item in a row of its id and its document."""
    return ITEM.validate_json(row[1])
