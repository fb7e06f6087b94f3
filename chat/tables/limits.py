"""How often a person may do a thing: one row a person and kind, counted by the database's clock.

A window begins with its first count and has an end; what comes after that begins the next one.
`chat.turns.begin` counts turns by the same rule, in its own statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat.connection import Connection
from chat.errors import QuotaReached, RateLimited

REQUESTS: Final = "requests_per_minute"
TURNS: Final = "turns_per_minute"
TURNS_OF_A_DAY: Final = "turns_per_day"

# The statement's own time throughout: it must not find the window over in one line, and not in the
# next. It may be some milliseconds old when it has waited for the row.
TAKE: Final = """
    -- chat.limits.take
    INSERT INTO chatkit_limit AS counter
           (user_id, kind, ends_at, taken, most)
    VALUES (%(user_id)s, %(kind)s, statement_timestamp() + make_interval(secs => %(seconds)s),
            %(number)s, %(most)s)
        ON CONFLICT (user_id, kind) DO UPDATE
       SET ends_at = CASE WHEN counter.ends_at <= statement_timestamp() THEN excluded.ends_at
                          ELSE counter.ends_at END,
           taken = CASE WHEN counter.ends_at <= statement_timestamp() THEN 0
                        ELSE counter.taken END + excluded.taken,
           most = excluded.most
     WHERE counter.ends_at <= statement_timestamp()
        OR counter.taken < excluded.most
 RETURNING taken, extract(epoch FROM ends_at - statement_timestamp())::float8
"""

WAIT: Final = """
    -- chat.limits.wait
      SELECT kind, extract(epoch FROM ends_at - statement_timestamp())::float8
        FROM chatkit_limit
       WHERE user_id = %(user_id)s
         AND kind = ANY(%(kinds)s::text[])
    ORDER BY ends_at DESC
"""

# A few at a time, and not those that another worker is at. An hour later, because it does not
# matter when, and a window of which somebody was just told is never the one that goes.
FORGET: Final = """
    -- chat.limits.forget
      WITH over AS MATERIALIZED (
           SELECT user_id, kind
             FROM chatkit_limit
            WHERE ends_at < clock_timestamp() - interval '1 hour'
            LIMIT 500
       FOR UPDATE SKIP LOCKED
      )
    DELETE FROM chatkit_limit
     WHERE (user_id, kind) IN (SELECT user_id, kind FROM over)
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many of a kind in a window of `seconds`."""

    kind: str
    most: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What of a number may be done, and for how many seconds the window goes on."""

    granted: int
    seconds: float


def take(conn: Connection, *, user_id: str, limit: Limit, number: int) -> Taken:
    """Count `number` more for the user, and return how many of them the limit has room for.

    A repeat counts them again: the person is then short of them until the window ends.
    """
    params = {
        "user_id": user_id,
        "kind": limit.kind,
        "seconds": limit.seconds,
        "number": number,
        "most": limit.most,
    }
    row = conn.execute(TAKE, params).fetchone()
    if row is None:
        return Taken(0, _longest(conn, user_id=user_id, kinds=[limit.kind])[1])
    taken, seconds = row
    return Taken(max(0, number - max(0, taken - limit.most)), seconds)


def refusal(conn: Connection, *, user_id: str, kinds: Sequence[str]) -> RateLimited:
    """Return the error for limits that have no room: the one that lasts longest says when."""
    kind, seconds = _longest(conn, user_id=user_id, kinds=kinds)
    return QuotaReached(seconds) if kind == TURNS_OF_A_DAY else RateLimited(seconds)


def forget(conn: Connection) -> int:
    """Delete up to 500 rows of windows that are long over; return how many those were."""
    return conn.execute_for_everybody(FORGET).rowcount


def _longest(conn: Connection, *, user_id: str, kinds: Sequence[str]) -> tuple[str, float]:
    row = conn.execute(WAIT, {"user_id": user_id, "kinds": list(kinds)}).fetchone()
    # It may have been forgotten since: then there is nothing to wait for.
    return (kinds[0], 0.0) if row is None else (str(row[0]), float(row[1]))
