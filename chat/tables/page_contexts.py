"""A person's message together with what is told about the page on which they wrote it."""

from __future__ import annotations

from typing import Any, Final

from chatkit.types import HiddenContextItem, ThreadItem, ThreadMetadata

from chat.connection import Connection
from chat.errors import ThreadNotFound
from chat.page_context import KEY
from chat.tables import items, threads
from chat.tables.documents import model_json

NEAR: Final = 40
"""Items of a thread among which its newest page context is looked for; one that is further back is
stored again. Fewer than the model's first page of history has, so that it is always found there."""

CONTENT: Final = ',"content":'
MARK: Final = f'{CONTENT}{{"{KEY}":'
"""How the content of a page context's document begins. Inside of a text the quotes would have
backslashes before them, so this tells it from what somebody wrote. PostgreSQL's own functions for
JSON refuse some texts that may be stored, those with `\\u0000`."""

# As chat.items.add, for two items in a row. What is told already is told once.
ADD: Final = """
    -- chat.page_contexts.add
      WITH newest AS (
               SELECT right(document::text, length(%(told)s::text)) = %(told)s AS is_same
                 FROM (SELECT position, kind, document
                         FROM chatkit_thread_item
                        WHERE user_id = %(user_id)s
                          AND thread_id = %(thread_id)s
                     ORDER BY position DESC
                        LIMIT %(near)s) AS near
                WHERE kind = %(page_kind)s
                  AND strpos(document::text, %(mark)s) > 0
             ORDER BY position DESC
                LIMIT 1),
           thread AS (
               UPDATE chatkit_thread
                  SET last_position = last_position
                                    + CASE WHEN (SELECT is_same FROM newest) THEN 1 ELSE 2 END,
                      last_message_at = greatest(clock_timestamp(), last_message_at),
                      archived_at = NULL
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
    SELECT %(user_id)s, %(thread_id)s, last_position - 1, %(page_id)s, %(page_kind)s,
           %(page)s::json, NULL, NULL
      FROM thread
     WHERE (SELECT is_same FROM newest) IS NOT TRUE
     UNION ALL
    SELECT %(user_id)s, %(thread_id)s, last_position, %(item_id)s, %(kind)s, %(document)s::json,
           %(preview)s, array_to_tsvector(%(words)s::text[])
      FROM thread
        ON CONFLICT (user_id, thread_id, id) DO NOTHING
"""


def add(
    conn: Connection,
    *,
    user_id: str,
    thread: ThreadMetadata | None,
    message: ThreadItem,
    page: HiddenContextItem,
) -> None:
    """Append the message to the user's thread, or to this new one, in one statement.

    The page context goes before it, unless it is that of the thread's newest already. Safe to
    repeat. Raises ThreadNotFound if the thread is not the user's.
    """
    if thread is not None:
        threads.start(conn, user_id=user_id, thread=thread, first_item=message, page=page)
        return
    params = {**items.columns(user_id, message.thread_id, message), **page_columns(page)}
    if conn.execute(ADD, params).rowcount == 0 and not items.thread_exists(conn, params):
        raise ThreadNotFound(message.thread_id)


def page_columns(page: HiddenContextItem) -> dict[str, Any]:
    """Return what ADD asks for of a page context."""
    document = model_json(page)
    return {
        "page_id": page.id,
        "page_kind": page.type,
        "page": document,
        "told": document[document.index(CONTENT) :],
        "mark": MARK,
        "near": NEAR,
    }
