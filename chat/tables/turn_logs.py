"""What turns streamed: checkpoint after checkpoint, to be followed and replayed.

`checkpoint` and `forget` work for all people at once, because they serve the worker and
not a person; nothing that they return leaves the process but a turn's own ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chat.connection import Connection
from chat.tables.turns import LEASE_SECONDS, State

KEPT_HOURS: Final = 24
"""How long a finished turn can be replayed under its idempotency key."""

CHECKPOINT: Final = """
    -- chat.turn_logs.checkpoint
      WITH given AS (
               SELECT *
                 FROM unnest(%(user_ids)s::text[], %(turn_ids)s::text[],
                             %(seqs)s::integer[], %(events)s::text[])
                   AS given (user_id, turn_id, seq, events)),
           kept AS (
               UPDATE chatkit_turn AS turn
                  SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
                 FROM given
                WHERE turn.user_id = given.user_id
                  AND turn.id = given.turn_id
                  AND turn.worker = %(worker)s
                  AND turn.state = 'running'
                  AND EXISTS (SELECT FROM chatkit_thread AS thread
                               WHERE thread.user_id = turn.user_id
                                 AND thread.id = turn.thread_id
                                 AND thread.deleted_at IS NULL)
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
    -- chat.turn_logs.events_after
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
          AND EXISTS (SELECT FROM chatkit_thread AS thread
                       WHERE thread.user_id = %(user_id)s
                         AND thread.id = turn.thread_id
                         AND thread.deleted_at IS NULL)
     ORDER BY event.seq
"""

# A few at a time, and not those that another worker is at: it must never be felt.
FORGET: Final = """
    -- chat.turn_logs.forget
    DELETE FROM chatkit_turn
     WHERE (user_id, id) IN (SELECT user_id, id
                               FROM chatkit_turn
                              WHERE ended_at < clock_timestamp() - make_interval(hours => %(hours)s)
                              LIMIT 500
                         FOR UPDATE SKIP LOCKED)
"""

FORGET_CURSORS: Final = """
    -- chat.turn_logs.forget_cursors
    DELETE FROM chatkit_thread_cursor
     WHERE (user_id, thread_id) IN (SELECT user_id, thread_id
                                      FROM chatkit_thread_cursor
                                     WHERE handed_out_at < clock_timestamp() - interval '7 days'
                                     LIMIT 500
                                FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one turn streamed since its last checkpoint; empty to say only "still alive"."""

    user_id: str
    turn_id: str
    seq: int
    events: str


@dataclass(frozen=True, slots=True)
class Log:
    """A turn's state, and the checkpoints after the one that was asked from."""

    state: State
    expired: bool
    checkpoints: list[tuple[int, str]]

    @property
    def next_seq(self) -> int:
        """The number of the checkpoint that comes after these."""
        return self.checkpoints[-1][0] + 1 if self.checkpoints else 0


def checkpoint(
    conn: Connection, *, worker: str, rows: Sequence[Checkpoint]
) -> dict[tuple[str, str], bool]:
    """Store what this worker's turns streamed, and renew their leases, in one statement.

    Returns for each turn that is still this worker's whether it is to be stopped. One that is
    missing was deleted with its thread, or settled after its lease was over.
    """
    found = conn.execute_for_everybody(
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


def forget(conn: Connection) -> int:
    """Delete up to 500 turns that ended KEPT_HOURS ago; return how many those were.

    And as many cursors that nobody has asked for in a week, also of people who are gone.
    """
    conn.execute_for_everybody(FORGET_CURSORS)
    return conn.execute_for_everybody(FORGET, {"hours": KEPT_HOURS}).rowcount
