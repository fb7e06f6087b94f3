"""How turns end: by themselves, or settled by another worker when theirs died.

`expired` works for all people at once, because it serves the worker and not a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chatkit.types import ThreadItem

from chat.connection import Connection
from chat.tables import items
from chat.tables.items import HIDDEN
from chat.tables.turns import State, TurnRow

STORE_EVENTS: Final = """
    -- chat.turn_ends.store_events
    INSERT INTO chatkit_turn_event (user_id, turn_id, seq, events)
    VALUES (%(user_id)s, %(turn_id)s, %(seq)s, %(events)s)
        ON CONFLICT (user_id, turn_id, seq) DO NOTHING
"""

# Whoever deletes a thread locks it before its turns; in the other order the two would wait for each
# other.
LOCK_THREAD: Final = """
    -- chat.turn_ends.lock_thread
    SELECT id
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
       FOR NO KEY UPDATE
"""

# By the database's clock on both sides.
ANSWERED: Final = """
    -- chat.turn_ends.answered
    SELECT EXISTS (SELECT
                     FROM chatkit_turn AS turn
                     JOIN chatkit_thread_item AS item
                       ON item.user_id = turn.user_id
                      AND item.thread_id = turn.thread_id
                    WHERE turn.user_id = %(user_id)s
                      AND turn.id = %(turn_id)s
                      AND item.kind = 'assistant_message'
                      AND item.created_at >= turn.began_at)
"""

END: Final = """
    -- chat.turn_ends.end
    UPDATE chatkit_turn
       SET state = %(state)s,
           ended_at = clock_timestamp()
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
       AND worker = %(worker)s
       AND state IN ('running', %(state)s)
"""

# Only what the turn wrote itself, and the message that it answers: an older answer in the thread
# ended as it ended.
MARK_LAST_WRITTEN: Final = """
    -- chat.turn_ends.mark_last_written
    UPDATE chatkit_thread_item
       SET outcome = %(outcome)s
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND position = (SELECT max(position)
                         FROM chatkit_thread_item
                        WHERE user_id = %(user_id)s
                          AND thread_id = %(thread_id)s
                          AND id = ANY(%(written)s)
                          AND kind <> ALL(%(hidden)s))
"""

MARK_MESSAGE: Final = """
    -- chat.turn_ends.mark_message
    UPDATE chatkit_thread_item
       SET outcome = %(outcome)s
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND id = %(message_id)s
       AND outcome IS DISTINCT FROM %(outcome)s
"""

MARK_UNREAD: Final = """
    -- chat.turn_ends.mark_unread
    UPDATE chatkit_thread
       SET unread = true
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
"""

LOCK_EXPIRED: Final = """
    -- chat.turn_ends.lock_expired
       SELECT id
         FROM chatkit_turn
        WHERE user_id = %(user_id)s
          AND id = %(turn_id)s
          AND state = 'running'
          AND lease_until < clock_timestamp()
   FOR UPDATE SKIP LOCKED
"""

# A worker that comes back must not take it for a turn that it has ended so itself.
SETTLE: Final = """
    -- chat.turn_ends.settle
    UPDATE chatkit_turn
       SET state = %(state)s,
           worker = '',
           ended_at = clock_timestamp()
     WHERE user_id = %(user_id)s
       AND id = %(turn_id)s
"""

EXPIRED: Final = """
    -- chat.turn_ends.expired
      SELECT user_id, id, thread_id, message_id, state, request_hash, true
        FROM chatkit_turn AS turn
       WHERE state = 'running'
         AND lease_until < clock_timestamp()
         AND EXISTS (SELECT FROM chatkit_thread AS thread
                      WHERE thread.user_id = turn.user_id
                        AND thread.id = turn.thread_id
                        AND thread.deleted_at IS NULL)
    ORDER BY began_at
       LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended, what of its events is not stored yet, and whether nobody read them.

    `checkpoints` are numbered rows of events; `written` the ids of the items that the turn added.
    """

    user_id: str
    turn_id: str
    thread_id: str
    message_id: str | None
    state: State
    checkpoints: Sequence[tuple[int, str]]
    written: Sequence[str]
    unread: bool


def end(
    conn: Connection, *, worker: str, ending: Ending, items_left: Sequence[ThreadItem] = ()
) -> bool:
    """Store a turn's last events and how it ended, and the items that could not be stored before.

    One transaction; returns False, and stores nothing, if the turn is no longer that worker's or
    its thread is gone.
    """
    params = {**_ids(ending), "worker": worker, "state": ending.state}
    with conn.transaction():
        if conn.execute(LOCK_THREAD, params).fetchone() is None:
            return False
        if conn.execute(END, params).rowcount == 0:
            return False
        _add(conn, ending, items_left)
        _store(conn, ending)
    return True


def settle(conn: Connection, *, ending: Ending, items_left: Sequence[ThreadItem]) -> bool:
    """End a turn whose worker died, and add the items that it had not finished.

    One transaction; returns False if another worker does it, or its own is alive again.
    """
    params = {**_ids(ending), "state": ending.state}
    with conn.transaction():
        if conn.execute(LOCK_THREAD, params).fetchone() is None:
            return False
        if conn.execute(LOCK_EXPIRED, params).fetchone() is None:
            return False
        _add(conn, ending, items_left)
        conn.execute(SETTLE, params)
        _store(conn, ending)
    return True


def expired(conn: Connection) -> list[TurnRow]:
    """Return up to 100 running turns, of anybody, whose worker has not been heard of."""
    return [TurnRow(*row) for row in conn.execute_for_everybody(EXPIRED)]


def answered(conn: Connection, *, user_id: str, turn_id: str) -> bool:
    """Return whether an answer was stored since the turn began, said so in its log or not."""
    row = conn.execute(ANSWERED, {"user_id": user_id, "turn_id": turn_id}).fetchone()
    return row is not None and bool(row[0])


def _add(conn: Connection, ending: Ending, items_left: Sequence[ThreadItem]) -> None:
    for item in items_left:
        items.add(conn, user_id=ending.user_id, thread_id=ending.thread_id, item=item)


def _store(conn: Connection, ending: Ending) -> None:
    ids = _ids(ending)
    for seq, events in ending.checkpoints:
        conn.execute(STORE_EVENTS, {**ids, "seq": seq, "events": events})
    _mark(conn, ending)
    if ending.unread:
        conn.execute(MARK_UNREAD, ids)


def _mark(conn: Connection, ending: Ending) -> None:
    """Note how the turn ended beside what it wrote last, or beside the message if that is nothing.

    A message that is answered at last loses the mark of an earlier try.
    """
    params = {
        **_ids(ending),
        "message_id": ending.message_id,
        "written": list(ending.written),
        "hidden": sorted(HIDDEN),
    }
    if ending.state == "done":
        conn.execute(MARK_MESSAGE, {**params, "outcome": None})
    elif conn.execute(MARK_LAST_WRITTEN, {**params, "outcome": ending.state}).rowcount == 0:
        conn.execute(MARK_MESSAGE, {**params, "outcome": ending.state})


def _ids(ending: Ending) -> dict[str, str]:
    return {
        "user_id": ending.user_id,
        "turn_id": ending.turn_id,
        "thread_id": ending.thread_id,
    }
