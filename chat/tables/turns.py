"""Turns: who runs one, how far it got, and what it streamed.

`checkpoint`, `expired` and `forget` work for all people at once, because they serve the worker and
not a person; nothing that they return leaves the process but a turn's own ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from chatkit.types import ThreadItem, ThreadMetadata
from psycopg.errors import ForeignKeyViolation, UniqueViolation

from chat.db import Connection
from chat.errors import ThreadNotFound, TooManyTurns, TurnRunning
from chat.tables import items, threads
from chat.tables.items import HIDDEN

State = Literal["running", "done", "stopped", "interrupted", "failed"]

LEASE_SECONDS: Final = 10
"""How long a worker that says nothing is believed to be alive."""
KEPT_HOURS: Final = 24
"""How long a finished turn can be replayed under its idempotency key."""

BEGIN: Final = """
    -- chat.turns.begin
    INSERT INTO chatkit_turn
           (user_id, id, thread_id, worker, lease_until, idempotency_key, request_hash)
    SELECT %(user_id)s, %(turn_id)s, %(thread_id)s, %(worker)s,
           clock_timestamp() + make_interval(secs => %(lease)s), %(key)s, %(hash)s
     WHERE (SELECT count(*)
              FROM chatkit_turn
             WHERE user_id = %(user_id)s
               AND state = 'running') < %(most)s
"""

FIND: Final = """
    -- chat.turns.find
    SELECT user_id, id, thread_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
"""

FIND_BY_KEY: Final = """
    -- chat.turns.find_by_key
    SELECT user_id, id, thread_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn
     WHERE user_id = %(user_id)s
       AND idempotency_key = %(key)s
"""

FIND_RUNNING: Final = """
    -- chat.turns.find_running
    SELECT user_id, id, thread_id, state, request_hash,
           state = 'running' AND lease_until < clock_timestamp()
      FROM chatkit_turn
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND state = 'running'
"""

# A worker that was cut off for longer than its lease takes its turn back, unless the thread has
# gone on without it.
CHECKPOINT: Final = """
    -- chat.turns.checkpoint
      WITH given AS (
               SELECT *
                 FROM unnest(%(user_ids)s::text[], %(turn_ids)s::text[],
                             %(seqs)s::integer[], %(events)s::text[])
                   AS given (user_id, turn_id, seq, events)),
           kept AS (
               UPDATE chatkit_turn AS turn
                  SET state = 'running',
                      ended_at = NULL,
                      lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
                 FROM given
                WHERE turn.user_id = given.user_id
                  AND turn.id = given.turn_id
                  AND turn.worker = %(worker)s
                  AND (turn.state = 'running'
                       OR turn.state = 'interrupted'
                          AND NOT EXISTS (SELECT FROM chatkit_turn AS later
                                           WHERE later.user_id = turn.user_id
                                             AND later.thread_id = turn.thread_id
                                             AND later.began_at > turn.began_at))
            RETURNING turn.user_id, turn.id, turn.stop_requested),
           stored AS (
               INSERT INTO chatkit_turn_event (user_id, turn_id, seq, events)
               SELECT given.user_id, given.turn_id, given.seq, given.events
                 FROM given
                 JOIN kept ON kept.user_id = given.user_id AND kept.id = given.turn_id
                WHERE given.events <> ''
                   ON CONFLICT (user_id, turn_id, seq) DO NOTHING)
    SELECT user_id, id, stop_requested
      FROM kept
"""

EVENTS: Final = """
    -- chat.turns.events_after
       SELECT turn.state,
              turn.state = 'running' AND turn.lease_until < clock_timestamp(),
              event.seq, event.events
         FROM chatkit_turn AS turn
    LEFT JOIN chatkit_turn_event AS event
           ON event.user_id = turn.user_id
          AND event.turn_id = turn.id
          AND event.seq > %(seq)s
        WHERE turn.user_id = %(user_id)s
          AND turn.id = %(turn_id)s
     ORDER BY event.seq
"""

REQUEST_STOP: Final = """
    -- chat.turns.request_stop
       UPDATE chatkit_turn
          SET stop_requested = true
        WHERE user_id = %(user_id)s
          AND thread_id = %(thread_id)s
          AND state = 'running'
    RETURNING id
"""

STORE_EVENTS: Final = """
    -- chat.turns.store_events
    INSERT INTO chatkit_turn_event (user_id, turn_id, seq, events)
    VALUES (%(user_id)s, %(turn_id)s, %(seq)s, %(events)s)
        ON CONFLICT (user_id, turn_id, seq) DO NOTHING
"""

END: Final = """
    -- chat.turns.end
    UPDATE chatkit_turn
       SET state = %(state)s,
           ended_at = clock_timestamp()
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
       AND worker = %(worker)s
       AND state IN ('running', %(state)s)
"""

LOCK_EXPIRED: Final = """
    -- chat.turns.lock_expired
       SELECT id
         FROM chatkit_turn
        WHERE user_id = %(user_id)s
          AND id = %(turn_id)s
          AND state = 'running'
          AND lease_until < clock_timestamp()
   FOR UPDATE SKIP LOCKED
"""

SETTLE: Final = """
    -- chat.turns.settle
    UPDATE chatkit_turn
       SET state = 'interrupted',
           ended_at = clock_timestamp()
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
"""

MARK_LAST_ITEM: Final = """
    -- chat.turns.mark_last_item
    UPDATE chatkit_thread_item
       SET outcome = %(outcome)s
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND position = (SELECT max(position)
                         FROM chatkit_thread_item
                        WHERE user_id = %(user_id)s
                          AND thread_id = %(thread_id)s
                          AND kind <> ALL(%(hidden)s))
"""

MARK_UNREAD: Final = """
    -- chat.turns.mark_unread
    UPDATE chatkit_thread
       SET unread = true
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

EXPIRED: Final = """
    -- chat.turns.expired
      SELECT user_id, id, thread_id, state, request_hash, true
        FROM chatkit_turn
       WHERE state = 'running'
         AND lease_until < clock_timestamp()
    ORDER BY began_at
       LIMIT 100
"""

FORGET: Final = """
    -- chat.turns.forget
    DELETE FROM chatkit_turn
     WHERE ended_at < clock_timestamp() - make_interval(hours => %(hours)s)
"""


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn as it is stored; `expired` says that its worker has not been heard of."""

    user_id: str
    id: str
    thread_id: str
    state: State
    request_hash: str | None
    expired: bool


@dataclass(frozen=True, slots=True)
class NewTurn:
    """A turn that begins: its ids, who runs it, and the key that makes it once."""

    id: str
    thread_id: str
    worker: str
    key: str | None = None
    request_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one turn streamed since its last checkpoint; empty to say only "still alive"."""

    user_id: str
    turn_id: str
    seq: int
    events: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended, its last events, and whether anybody was reading them."""

    user_id: str
    turn_id: str
    thread_id: str
    worker: str
    state: State
    seq: int
    events: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Log:
    """A turn's state, and the checkpoints after the one that was asked from."""

    state: State
    expired: bool
    checkpoints: list[tuple[int, str]]


def begin(
    conn: Connection,
    *,
    user_id: str,
    turn: NewTurn,
    thread: ThreadMetadata | None,
    message: ThreadItem | None,
    most: int,
) -> None:
    """Store a turn with the message that began it, and with the thread if that is new.

    All of it in one transaction. Raises TurnRunning if the thread has a running turn or the key
    was used, TooManyTurns at `most` running turns of the user, and ThreadNotFound.
    """
    try:
        with conn.transaction():
            if message is not None and thread is not None:
                threads.start(conn, user_id=user_id, thread=thread, first_item=message)
            elif message is not None:
                items.add(conn, user_id=user_id, thread_id=turn.thread_id, item=message)
            _insert(conn, user_id=user_id, turn=turn, most=most)
    except UniqueViolation as exc:
        # The answer to an earlier try may have been lost: then the turn is ours already.
        if find(conn, user_id=user_id, turn_id=turn.id) is None:
            raise TurnRunning(turn.thread_id) from exc
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


def checkpoint(
    conn: Connection, *, worker: str, rows: Sequence[Checkpoint]
) -> dict[tuple[str, str], bool]:
    """Store what this worker's turns streamed, and renew their leases, in one statement.

    Returns for each turn that is still this worker's whether it is to be stopped. One that is
    missing was deleted with its thread, or settled after its lease was over.
    """
    found = conn.execute(
        CHECKPOINT,
        {
            "worker": worker,
            "lease": LEASE_SECONDS,
            "user_ids": [row.user_id for row in rows],
            "turn_ids": [row.turn_id for row in rows],
            "seqs": [row.seq for row in rows],
            "events": [row.events for row in rows],
        },
    )
    return {(user_id, turn_id): stop for user_id, turn_id, stop in found}


def events_after(conn: Connection, *, user_id: str, turn_id: str, seq: int) -> Log | None:
    """Return the state and what was streamed after checkpoint `seq`; None if it is not theirs."""
    params = {"user_id": user_id, "turn_id": turn_id, "seq": seq}
    rows = conn.execute(EVENTS, params).fetchall()
    if not rows:
        return None
    state, expired = rows[0][:2]
    return Log(state, expired, [(row[2], row[3]) for row in rows if row[2] is not None])


def request_stop(conn: Connection, *, user_id: str, thread_id: str) -> str | None:
    """Ask for the running turn's end, whichever worker runs it; return its id, or None."""
    params = {"user_id": user_id, "thread_id": thread_id}
    row = conn.execute(REQUEST_STOP, params).fetchone()
    return None if row is None else str(row[0])


def end(conn: Connection, *, ending: Ending) -> bool:
    """Store a turn's last events and how it ended, in one transaction.

    Returns False, and stores nothing, if the turn is no longer that worker's.
    """
    params = {
        "user_id": ending.user_id,
        "turn_id": ending.turn_id,
        "thread_id": ending.thread_id,
        "worker": ending.worker,
        "state": ending.state,
        "seq": ending.seq,
        "events": ending.events,
    }
    with conn.transaction():
        if conn.execute(END, params).rowcount == 0:
            return False
        if ending.events:
            conn.execute(STORE_EVENTS, params)
        if ending.state != "done":
            _mark_last_item(conn, ending.user_id, ending.thread_id, ending.state)
        if ending.unread:
            conn.execute(MARK_UNREAD, params)
    return True


def settle(
    conn: Connection, *, turn: TurnRow, written: Sequence[ThreadItem], seq: int, events: str
) -> bool:
    """End a turn whose worker died: keep what it wrote, and mark it as interrupted.

    One transaction; returns False if another worker does it, or its own has come back.
    """
    params = {"user_id": turn.user_id, "turn_id": turn.id, "thread_id": turn.thread_id}
    with conn.transaction():
        if conn.execute(LOCK_EXPIRED, params).fetchone() is None:
            return False
        for item in written:
            items.add(conn, user_id=turn.user_id, thread_id=turn.thread_id, item=item)
        conn.execute(STORE_EVENTS, {**params, "seq": seq, "events": events})
        conn.execute(SETTLE, params)
        _mark_last_item(conn, turn.user_id, turn.thread_id, "interrupted")
        conn.execute(MARK_UNREAD, params)
    return True


def expired(conn: Connection) -> list[TurnRow]:
    """Return up to 100 running turns, of anybody, whose worker has not been heard of."""
    return [TurnRow(*row) for row in conn.execute(EXPIRED)]


def forget(conn: Connection) -> int:
    """Delete the logs of turns that ended KEPT_HOURS ago, and return how many those were."""
    return conn.execute(FORGET, {"hours": KEPT_HOURS}).rowcount


def _insert(conn: Connection, *, user_id: str, turn: NewTurn, most: int) -> None:
    params = {
        "user_id": user_id,
        "turn_id": turn.id,
        "thread_id": turn.thread_id,
        "worker": turn.worker,
        "lease": LEASE_SECONDS,
        "key": turn.key,
        "hash": turn.request_hash,
        "most": most,
    }
    if conn.execute(BEGIN, params).rowcount == 0:
        raise TooManyTurns(f"{most} turns are running already")


def _mark_last_item(conn: Connection, user_id: str, thread_id: str, outcome: State) -> None:
    params = {
        "user_id": user_id,
        "thread_id": thread_id,
        "outcome": outcome,
        "hidden": sorted(HIDDEN),
    }
    conn.execute(MARK_LAST_ITEM, params)


def _one(conn: Connection, statement: str, params: dict[str, str]) -> TurnRow | None:
    row = conn.execute(statement, params).fetchone()
    return None if row is None else TurnRow(*row)
