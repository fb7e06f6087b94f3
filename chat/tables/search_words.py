"""Words for what was stored before there was search: a batch at a time, by any worker.

`OWNER` looks through everybody's rows, because it serves the worker and not a person; all that
follows is one owner's. Threads that are set aside are filled too: they may be brought back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

from pydantic import ValidationError

from chat.connection import Connection
from chat.search_text import lexemes, preview_of, text_of
from chat.tables.items import item_of

logger = logging.getLogger(__name__)

AT_ONCE: Final = 200
"""Rows of one batch at most: a transaction of less than a second."""
BYTES_AT_ONCE: Final = 1_000_000
"""Of the documents in a batch; one that is larger is a batch of its own."""
DEADLINE: Final = 60.0
"""Seconds for one statement of it: nobody waits, and a message may have a megabyte."""

# Ordered, so that the small indexes of what has no words are what PostgreSQL reads: without rows
# in them this costs nothing, however many messages there are.
OWNER: Final = """
    -- chat.search_words.owner
    SELECT coalesce(
               (SELECT user_id
                  FROM chatkit_thread_item
                 WHERE words IS NULL
                   AND kind IN ('user_message', 'assistant_message')
              ORDER BY user_id, thread_id
                 LIMIT 1),
               (SELECT user_id
                  FROM chatkit_thread
                 WHERE title_words IS NULL
                   AND title IS NOT NULL
              ORDER BY user_id
                 LIMIT 1))
"""

# Not those that another worker is at, or that somebody is changing: that gives them words as well.
MESSAGES: Final = """
    -- chat.search_words.messages
      SELECT id, thread_id, position, octet_length(document::text)
        FROM chatkit_thread_item
       WHERE user_id = %(user_id)s
         AND words IS NULL
         AND kind IN ('user_message', 'assistant_message')
    ORDER BY user_id, thread_id
       LIMIT %(limit)s
  FOR NO KEY UPDATE SKIP LOCKED
"""

DOCUMENTS: Final = """
    -- chat.search_words.documents
     SELECT item.id, item.document, wanted.thread_id, wanted.position
       FROM unnest(%(thread_ids)s::text[], %(positions)s::bigint[], %(ids)s::text[])
            AS wanted (thread_id, position, id)
CROSS JOIN LATERAL (SELECT id, document::text
                      FROM chatkit_thread_item
                     WHERE user_id = %(user_id)s
                       AND thread_id = wanted.thread_id
                       AND position = wanted.position
                       AND id = wanted.id
                    OFFSET 0) AS item
"""

# An array of arrays would have to be a rectangle, so a row's words come in one text.
FILL_MESSAGES: Final = """
    -- chat.search_words.fill_messages
    UPDATE chatkit_thread_item AS item
       SET words = array_to_tsvector(string_to_array(new.words, ' ')),
           preview = new.preview
      FROM unnest(%(thread_ids)s::text[], %(positions)s::bigint[], %(ids)s::text[],
                  %(words)s::text[], %(previews)s::text[])
           AS new (thread_id, position, id, words, preview)
     WHERE item.user_id = %(user_id)s
       AND item.thread_id = new.thread_id
       AND item.position = new.position
       AND item.id = new.id
       AND item.words IS NULL
"""

TITLES: Final = """
    -- chat.search_words.titles
      SELECT id, title
        FROM chatkit_thread
       WHERE user_id = %(user_id)s
         AND title_words IS NULL
         AND title IS NOT NULL
    ORDER BY user_id
       LIMIT %(limit)s
  FOR NO KEY UPDATE SKIP LOCKED
"""

FILL_TITLES: Final = """
    -- chat.search_words.fill_titles
    UPDATE chatkit_thread AS thread
       SET title_words = array_to_tsvector(string_to_array(new.words, ' '))
      FROM unnest(%(ids)s::text[], %(words)s::text[]) AS new (id, words)
     WHERE thread.user_id = %(user_id)s
       AND thread.id = new.id
       AND thread.title_words IS NULL
"""


def fill_some(conn: Connection) -> int | None:
    """Give words to some messages and titles of one owner; return how many, safe to repeat.

    None says that nobody has any left. 0 says that others are at what is left.
    """
    row = conn.execute_for_everybody(OWNER).fetchone()
    if row is None or row[0] is None:
        return None
    with conn.patient(DEADLINE), conn.transaction():
        return _fill_messages(conn, row[0]) + _fill_titles(conn, row[0])


def _fill_messages(conn: Connection, user_id: str) -> int:
    rows = _batch(conn, user_id)
    if not rows:
        return 0
    known = [_known_of(user_id, row) for row in rows]
    params = {
        "user_id": user_id,
        "ids": [row[0] for row in rows],
        "thread_ids": [row[2] for row in rows],
        "positions": [row[3] for row in rows],
        "words": [words for words, _ in known],
        "previews": [preview for _, preview in known],
    }
    conn.execute(FILL_MESSAGES, params)
    return len(rows)


def _batch(conn: Connection, user_id: str) -> list[Any]:
    """Return id, document, thread and position of messages that wait for words, and lock them."""
    found = conn.execute(MESSAGES, {"user_id": user_id, "limit": AT_ONCE}).fetchall()
    sizes = accumulate(row[3] for row in found)
    batch = [row for row, size in zip(found, sizes, strict=True) if size <= BYTES_AT_ONCE]
    batch = batch or found[:1]
    params = {
        "user_id": user_id,
        "ids": [row[0] for row in batch],
        "thread_ids": [row[1] for row in batch],
        "positions": [row[2] for row in batch],
    }
    return conn.execute(DOCUMENTS, params).fetchall()


def _known_of(user_id: str, row: Sequence[Any]) -> tuple[str, str | None]:
    """Return a message's words and its preview; none of either for one that cannot be read."""
    try:
        item = item_of((row[0], row[1]))
    except ValidationError as exc:
        # Of an older or newer version. Leaving it without words would mean to meet it for ever.
        logger.warning("no words for a message of %d characters: %s", len(row[1]), exc.title)
        return "", None
    return " ".join(lexemes(user_id, text_of(item)) or []), preview_of(item)


def _fill_titles(conn: Connection, user_id: str) -> int:
    rows = conn.execute(TITLES, {"user_id": user_id, "limit": AT_ONCE}).fetchall()
    if rows:
        params = {
            "user_id": user_id,
            "ids": [row[0] for row in rows],
            "words": [" ".join(lexemes(user_id, row[1]) or []) for row in rows],
        }
        conn.execute(FILL_TITLES, params)
    return len(rows)
