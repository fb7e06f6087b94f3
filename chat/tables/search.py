"""Messages and titles that have all of somebody's words, newest first.

The cost must not grow with what others said, nor with how common a word is. So the newest messages
are looked at first, which finds common words at once. How often a word is among them tells how many
more would fill the page: if those are not too many, they are looked at as well. Otherwise the word
is rare, and its list in the index is short. See docs/decisions/0030.

The first step's LIMIT is a SELECT, whose value PostgreSQL does not know when it plans: then it
prefers the walk in order. With the number it would read and sort everything of a person of whom it
thinks that they have less, and who is not in its statistics may have a lot.

A message is fetched by its position and its id, so that either key finds it alone: with one of them
PostgreSQL may choose the other's index, and read a long thread to its end.

In the second step the index alone finds the rows: the owner is in every lexeme, and PostgreSQL,
which does not know that, must not choose to read all messages of the owner instead. Two owners may
share the digits, so the owner is asked for again behind the fence. Behind row level security the
index of words cannot be used, as PostgreSQL shows a row to `@@` only after the policy: `anywhere`
is false then, and the owner's rows are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chatkit.types import ThreadItem

from chat.connection import Connection
from chat.tables.items import item_of

NEWEST_MESSAGES: Final = 1_000
"""Messages that are looked at before the index of words is asked."""
MOST_MESSAGES: Final = 5_000
"""Messages that are looked at at most: about as fast as 3000 out of the index (measured)."""
NEWEST_THREADS: Final = 500
MOST_TITLES: Final = 5
LAST_POSITION: Final = 2**63 - 1

AMONG_NEWEST: Final = """
    -- chat.search.among_newest
      WITH newest AS MATERIALIZED (
               SELECT id, thread_id, position, created_at, words
                 FROM chatkit_thread_item
                WHERE user_id = %(user_id)s
                  AND words IS NOT NULL
                  AND (created_at, thread_id, position)
                      < (%(before)s::timestamptz, %(before_thread)s, %(before_position)s::bigint)
                  AND created_at >= %(since)s::timestamptz
             ORDER BY created_at DESC, thread_id DESC, position DESC
                LIMIT (SELECT %(looked_at)s::bigint)),
           found AS MATERIALIZED (
               SELECT id, thread_id, position, created_at
                 FROM newest
                WHERE words @@ %(query)s::tsquery),
           page AS MATERIALIZED (
               SELECT found.id, found.thread_id, found.position, found.created_at,
                      thread.title, thread.archived_at IS NOT NULL AS archived
                 FROM found
           CROSS JOIN LATERAL (SELECT title, archived_at
                                 FROM chatkit_thread
                                WHERE user_id = %(user_id)s
                                  AND id = found.thread_id
                                  AND deleted_at IS NULL
                               OFFSET 0) AS thread
             ORDER BY found.created_at DESC, found.thread_id DESC, found.position DESC
                LIMIT %(limit)s)
    SELECT item.id, item.document::text, page.thread_id, page.position, page.created_at,
           page.title, page.archived, clock_timestamp()
      FROM page
      JOIN chatkit_thread_item AS item
        ON item.user_id = %(user_id)s
       AND item.thread_id = page.thread_id
       AND item.position = page.position
       AND item.id = page.id
  ORDER BY page.created_at DESC, page.thread_id DESC, page.position DESC
"""

EVERYWHERE: Final = """
    -- chat.search.everywhere
      WITH found AS MATERIALIZED (
               SELECT user_id, id, thread_id, position, created_at
                 FROM chatkit_thread_item
                WHERE words @@ %(query)s::tsquery
                  AND (%(anywhere)s::boolean OR user_id = %(user_id)s)),
           page AS MATERIALIZED (
               SELECT found.id, found.thread_id, found.position, found.created_at,
                      thread.title, thread.archived_at IS NOT NULL AS archived
                 FROM (SELECT id, thread_id, position, created_at
                         FROM found
                        WHERE user_id = %(user_id)s
                          AND (created_at, thread_id, position)
                              < (%(before)s::timestamptz, %(before_thread)s,
                                 %(before_position)s::bigint)
                          AND created_at >= %(since)s::timestamptz
                     ORDER BY created_at DESC, thread_id DESC, position DESC
                       OFFSET 0) AS found
           CROSS JOIN LATERAL (SELECT title, archived_at
                                 FROM chatkit_thread
                                WHERE user_id = %(user_id)s
                                  AND id = found.thread_id
                                  AND deleted_at IS NULL
                               OFFSET 0) AS thread
             ORDER BY found.created_at DESC, found.thread_id DESC, found.position DESC
                LIMIT %(limit)s)
    SELECT item.id, item.document::text, page.thread_id, page.position, page.created_at,
           page.title, page.archived, clock_timestamp()
      FROM page
      JOIN chatkit_thread_item AS item
        ON item.user_id = %(user_id)s
       AND item.thread_id = page.thread_id
       AND item.position = page.position
       AND item.id = page.id
  ORDER BY page.created_at DESC, page.thread_id DESC, page.position DESC
"""

TITLES_AMONG_NEWEST: Final = """
    -- chat.search.titles_among_newest
      WITH newest AS MATERIALIZED (
               SELECT id, title, title_words, created_at, last_message_at
                 FROM chatkit_thread
                WHERE user_id = %(user_id)s
                  AND archived_at IS NULL
                  AND deleted_at IS NULL
                  AND last_message_at >= %(since)s::timestamptz
             ORDER BY last_message_at DESC, id DESC
                LIMIT (SELECT %(looked_at)s::bigint))
      SELECT id, title, last_message_at, false, clock_timestamp()
        FROM newest
       WHERE title_words @@ %(query)s::tsquery
         AND created_at < %(before)s::timestamptz
    ORDER BY last_message_at DESC, id DESC
       LIMIT %(limit)s
"""

TITLES_EVERYWHERE: Final = """
    -- chat.search.titles_everywhere
      WITH found AS MATERIALIZED (
               SELECT user_id, id, title, created_at, last_message_at, archived_at, deleted_at
                 FROM chatkit_thread
                WHERE title_words @@ %(query)s::tsquery
                  AND (%(anywhere)s::boolean OR user_id = %(user_id)s))
      SELECT id, title, last_message_at, archived_at IS NOT NULL, clock_timestamp()
        FROM found
       WHERE user_id = %(user_id)s
         AND deleted_at IS NULL
         AND last_message_at >= %(since)s::timestamptz
         AND created_at < %(before)s::timestamptz
    ORDER BY archived_at IS NOT NULL, last_message_at DESC, id DESC
       LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Period:
    """From when on and before when something was said; open where None. Aware dates."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of messages ended. Dates of two may be the same, all three are not."""

    created_at: datetime
    thread_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Found:
    """A message that has all of the words, and the thread that it is in.

    Both dates are the database's: when it was stored, and when it was found.
    """

    item: ThreadItem
    thread_id: str
    position: int
    created_at: datetime
    title: str | None
    archived: bool
    read_at: datetime

    @property
    def place(self) -> Place:
        """Return where a page that ends with this message ends."""
        return Place(self.created_at, self.thread_id, self.position)


@dataclass(frozen=True, slots=True)
class FoundTitle:
    """A thread whose title has all of the words."""

    thread_id: str
    title: str
    last_message_at: datetime
    archived: bool
    read_at: datetime


ALWAYS: Final = Period()


def messages(
    conn: Connection,
    *,
    user_id: str,
    query: str,
    limit: int,
    period: Period = ALWAYS,
    after: Place | None = None,
) -> list[Found]:
    """Return the user's newest messages that match, from just after a place on.

    `query` is what `Query.tsquery` makes. Archived threads are searched too; whatever is deleted
    is gone at once.
    """
    params: dict[str, Any] = {
        "user_id": user_id,
        "query": query,
        "anywhere": not conn.walled,
        "since": period.since or "-infinity",
        "before": period.before or "infinity",
        # Nothing is before this thread and position but what is before the moment itself.
        "before_thread": "",
        "before_position": 0,
        "looked_at": NEWEST_MESSAGES,
        "limit": limit,
    }
    if after is not None and (period.before is None or after.created_at < period.before):
        params |= {
            "before": after.created_at,
            "before_thread": after.thread_id,
            "before_position": after.position,
        }
    rows = conn.execute(AMONG_NEWEST, params).fetchall()
    enough = _enough(len(rows), limit)
    if enough is not None:
        rows = conn.execute(AMONG_NEWEST, {**params, "looked_at": enough}).fetchall()
    if len(rows) < limit:
        rows = conn.execute(EVERYWHERE, params).fetchall()
    return [Found(item_of(row), *row[2:]) for row in rows]


def _enough(found: int, wanted: int) -> int | None:
    """Return how many messages most likely hold what is wanted, if some of the newest did.

    None when nothing is wanted any more, and when it would be more than MOST_MESSAGES.
    """
    if found == 0 or found >= wanted:
        return None
    # Half as many again, because what is rare comes in heaps.
    enough = NEWEST_MESSAGES * wanted * 3 // (found * 2)
    return enough if enough <= MOST_MESSAGES else None


def titles(
    conn: Connection, *, user_id: str, query: str, period: Period = ALWAYS
) -> list[FoundTitle]:
    """Return the threads whose titles match, those that are archived after the others.

    One more than MOST_TITLES at most: that one says that there are more.

    In each of the two the newest activity is first. With a period, only threads that were alive
    in it.
    """
    params: dict[str, Any] = {
        "user_id": user_id,
        "query": query,
        "anywhere": not conn.walled,
        "since": period.since or "-infinity",
        "before": period.before or "infinity",
        "looked_at": NEWEST_THREADS,
        "limit": MOST_TITLES + 1,
    }
    rows = conn.execute(TITLES_AMONG_NEWEST, params).fetchall()
    if len(rows) <= MOST_TITLES:
        rows = conn.execute(TITLES_EVERYWHERE, params).fetchall()
    return [FoundTitle(*row) for row in rows]
