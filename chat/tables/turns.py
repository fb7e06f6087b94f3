"""Turns: how one begins, who runs it, and how it is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from chatkit.types import HiddenContextItem, ThreadItem, ThreadMetadata
from psycopg import Rollback
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from chat.connection import Connection
from chat.errors import ChatError, ThreadNotFound, TooManyTurns, TurnRunning
from chat.tables import items, page_contexts, threads
from chat.tables.limits import Limit, refusal

State = Literal["running", "done", "stopped", "interrupted", "failed"]

LEASE_SECONDS: Final = 10
"""How long a worker that says nothing is believed to be alive."""

# The turn counts for each of the limits, as in chat.limits.take, and begins if all have room. If
# one has not, the transaction ends without having counted for the others.
BEGIN: Final = """
    -- chat.turns.begin
      WITH counted AS (
               INSERT INTO chatkit_limit AS counter
                      (user_id, kind, ends_at, taken, most)
               SELECT %(user_id)s, kind, statement_timestamp() + make_interval(secs => seconds),
                      1, most
                 FROM unnest(%(kinds)s::text[], %(seconds)s::integer[], %(mosts)s::integer[])
                   AS given (kind, seconds, most)
                   ON CONFLICT (user_id, kind) DO UPDATE
                  SET ends_at = CASE WHEN counter.ends_at <= statement_timestamp()
                                     THEN excluded.ends_at ELSE counter.ends_at END,
                      taken = CASE WHEN counter.ends_at <= statement_timestamp()
                                   THEN 1 ELSE counter.taken + 1 END,
                      most = excluded.most
                WHERE counter.ends_at <= statement_timestamp()
                   OR counter.taken < excluded.most
            RETURNING kind),
           stored AS (
               INSERT INTO chatkit_turn
                      (user_id, id, thread_id, message_id, worker, lease_until, idempotency_key,
                       request_hash)
               SELECT %(user_id)s, %(turn_id)s, %(thread_id)s, %(message_id)s, %(worker)s,
                      clock_timestamp() + make_interval(secs => %(lease)s), %(key)s, %(hash)s
                WHERE (SELECT count(*) FROM counted) = cardinality(%(kinds)s::text[])
                  AND (SELECT count(*)
                         FROM chatkit_turn
                        WHERE user_id = %(user_id)s
                          AND state = 'running'
                          AND lease_until > clock_timestamp()) < %(most)s
                  AND EXISTS (SELECT FROM chatkit_thread
                               WHERE user_id = %(user_id)s
                                 AND id = %(thread_id)s
                                 AND deleted_at IS NULL)
            RETURNING id)
    SELECT (SELECT count(*) FROM stored),
           ARRAY(SELECT unnest(%(kinds)s::text[]) EXCEPT SELECT kind FROM counted)
"""

FIND: Final = """
    -- chat.turns.find
    SELECT user_id, id, thread_id, message_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn AS turn
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
       AND EXISTS (SELECT FROM chatkit_thread AS thread
                    WHERE thread.user_id = %(user_id)s
                      AND thread.id = turn.thread_id
                      AND thread.deleted_at IS NULL)
"""

FIND_BY_KEY: Final = """
    -- chat.turns.find_by_key
    SELECT user_id, id, thread_id, message_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn AS turn
     WHERE user_id = %(user_id)s
       AND idempotency_key = %(key)s
       AND EXISTS (SELECT FROM chatkit_thread AS thread
                    WHERE thread.user_id = %(user_id)s
                      AND thread.id = turn.thread_id
                      AND thread.deleted_at IS NULL)
"""

FIND_RUNNING: Final = """
    -- chat.turns.find_running
    SELECT user_id, id, thread_id, message_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn AS turn
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND state = 'running'
       AND EXISTS (SELECT FROM chatkit_thread AS thread
                    WHERE thread.user_id = %(user_id)s
                      AND thread.id = turn.thread_id
                      AND thread.deleted_at IS NULL)
"""

REQUEST_STOP: Final = """
    -- chat.turns.request_stop
       UPDATE chatkit_turn AS turn
          SET stop_requested = true
        WHERE user_id = %(user_id)s
          AND thread_id = %(thread_id)s
          AND state = 'running'
          AND EXISTS (SELECT FROM chatkit_thread AS thread
                       WHERE thread.user_id = %(user_id)s
                         AND thread.id = turn.thread_id
                         AND thread.deleted_at IS NULL)
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn as it is stored; `expired` says that its worker has not been heard of."""

    user_id: str
    id: str
    thread_id: str
    message_id: str | None
    state: State
    request_hash: str | None
    expired: bool


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn that begins: its ids, the message it answers, who runs it, and its key."""

    id: str
    thread_id: str
    worker: str
    message_id: str | None = None
    key: str | None = None
    request_hash: str | None = None


def begin(
    conn: Connection,
    *,
    user_id: str,
    turn: NewTurn,
    thread: ThreadMetadata | None,
    message: ThreadItem | None,
    most: int,
    page: HiddenContextItem | None = None,
    limits: Sequence[Limit] = (),
) -> None:
    """Store a turn with the message that began it, and with the thread if that is new.

    `page` is what is told about the page of the message; it is stored before it unless the thread
    knows it already. All of it in one transaction. Raises TurnRunning if the thread has a running
    turn or the key was used, TooManyTurns at `most` running turns of the user, RateLimited when
    one of the `limits` has no room for one more, and ThreadNotFound.
    """
    try:
        with conn.transaction():
            if message is not None and page is not None:
                page_contexts.add(conn, user_id=user_id, thread=thread, message=message, page=page)
            elif message is not None and thread is not None:
                threads.start(conn, user_id=user_id, thread=thread, first_item=message)
            elif message is not None:
                items.add(conn, user_id=user_id, thread_id=turn.thread_id, item=message)
            _insert(conn, user_id=user_id, turn=turn, most=most, limits=limits)
    except UniqueViolation as exc:
        # The answer to an earlier try may have been lost: then the turn is ours already.
        if find(conn, user_id=user_id, turn_id=turn.id) is None:
            raise _in_the_way(conn, user_id, turn, exc) from exc
    except ForeignKeyViolation as exc:
        if exc.diag.constraint_name != "chatkit_turn_thread":
            raise
        raise ThreadNotFound(turn.thread_id) from exc


def find(conn: Connection, *, user_id: str, turn_id: str) -> TurnRow | None:
    """Return the user's turn, or None."""
    return _one(conn, FIND, {"user_id": user_id, "turn_id": turn_id})


def find_by_key(conn: Connection, *, user_id: str, key: str) -> TurnRow | None:
    """Return the turn that the user began with this idempotency key, or None."""
    return _one(conn, FIND_BY_KEY, {"user_id": user_id, "key": key})


def find_running(conn: Connection, *, user_id: str, thread_id: str) -> TurnRow | None:
    """Return the turn that runs in the user's thread, or None."""
    return _one(conn, FIND_RUNNING, {"user_id": user_id, "thread_id": thread_id})


def request_stop(conn: Connection, *, user_id: str, thread_id: str) -> str | None:
    """Ask for the running turn's end, whichever worker runs it; return its id, or None."""
    params = {"user_id": user_id, "thread_id": thread_id}
    row = conn.execute(REQUEST_STOP, params).fetchone()
    return None if row is None else str(row[0])


def _insert(
    conn: Connection, *, user_id: str, turn: NewTurn, most: int, limits: Sequence[Limit]
) -> None:
    params = {
        "user_id": user_id,
        "turn_id": turn.id,
        "thread_id": turn.thread_id,
        "message_id": turn.message_id,
        "worker": turn.worker,
        "lease": LEASE_SECONDS,
        "key": turn.key,
        "hash": turn.request_hash,
        "most": most,
        "kinds": [limit.kind for limit in limits],
        "seconds": [limit.seconds for limit in limits],
        "mosts": [limit.most for limit in limits],
    }
    stored, full = conn.execute(BEGIN, params).fetchone() or (0, [])
    if stored:
        return
    # The answer to an earlier try may have been lost: then it is counted, and stored, already.
    if find(conn, user_id=user_id, turn_id=turn.id) is not None:
        raise Rollback
    if turn.key and find_by_key(conn, user_id=user_id, key=turn.key) is not None:
        raise TurnRunning(turn.thread_id)
    if not items.thread_exists(conn, params):
        raise ThreadNotFound(turn.thread_id)
    if full:
        raise refusal(conn, user_id=user_id, kinds=full)
    raise TooManyTurns(f"{most} turns are running already")


def _in_the_way(conn: Connection, user_id: str, turn: NewTurn, exc: UniqueViolation) -> ChatError:
    """Return what keeps the turn from beginning: a running one, or one of a deleted thread."""
    by_key = exc.diag.constraint_name == "chatkit_turn_key" and turn.key is not None
    if by_key and find_by_key(conn, user_id=user_id, key=str(turn.key)) is None:
        return ThreadNotFound("that of the turn which this key began")
    return TurnRunning(turn.thread_id)


def _one(conn: Connection, statement: str, params: dict[str, str]) -> TurnRow | None:
    row = conn.execute(statement, params).fetchone()
    return None if row is None else TurnRow(*row)
