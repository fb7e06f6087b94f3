"""How threads end: at once, or set aside for the seconds in which they can be brought back.

A thread that is set aside is gone for everybody: every statement but those here leaves it out.
`purge` works for all people at once, because it serves the worker and not a person.
"""

from __future__ import annotations

from typing import Final

from chat.connection import Connection

UNDO_SECONDS: Final = 10.0
"""How long a deletion can be undone."""
GRACE_SECONDS: Final = 1.0
"""How much later an undo may arrive: it was clicked in time."""
PURGE_SECONDS: Final = UNDO_SECONDS + 2 * GRACE_SECONDS
"""After this the threads are deleted for good: no undo that was accepted meets a purge."""
AT_ONCE: Final = 2_000
"""Threads that one statement sets aside or brings back: less than its deadline allows."""
PURGED_AT_ONCE: Final = 50
PURGE_DEADLINE: Final = 60.0
"""Seconds for one purge: nobody waits for it, and a thread may have a million messages."""

DELETE: Final = """
    -- chat.deletions.delete
    DELETE FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
"""

# Those of an earlier try with the same id are counted again, so that it is safe to repeat.
SET_ASIDE: Final = """
    -- chat.deletions.set_aside
    UPDATE chatkit_thread
       SET deleted_at = coalesce(deleted_at, clock_timestamp()),
           deletion_id = %(deletion_id)s
     WHERE user_id = %(user_id)s
       AND id = ANY(%(thread_ids)s)
       AND (deleted_at IS NULL OR deletion_id = %(deletion_id)s)
"""

# Asked twice, because another request may have done it while this one waited for the row.
SET_SOME_ASIDE: Final = """
    -- chat.deletions.set_some_aside
    UPDATE chatkit_thread
       SET deleted_at = clock_timestamp(),
           deletion_id = %(deletion_id)s
     WHERE user_id = %(user_id)s
       AND id = ANY(ARRAY(SELECT id
                            FROM chatkit_thread
                           WHERE user_id = %(user_id)s
                             AND deleted_at IS NULL
                           LIMIT %(limit)s))
       AND deleted_at IS NULL
"""

RESTORE_SOME: Final = """
    -- chat.deletions.restore_some
    UPDATE chatkit_thread
       SET deleted_at = NULL,
           deletion_id = NULL
     WHERE user_id = %(user_id)s
       AND id = ANY(ARRAY(SELECT id
                            FROM chatkit_thread
                           WHERE user_id = %(user_id)s
                             AND deletion_id = %(deletion_id)s
                             AND (SELECT max(deleted_at)
                                    FROM chatkit_thread
                                   WHERE user_id = %(user_id)s
                                     AND deletion_id = %(deletion_id)s)
                                 > clock_timestamp() - make_interval(secs => %(seconds)s)
                        ORDER BY deleted_at
                           LIMIT %(limit)s))
       AND deletion_id = %(deletion_id)s
"""

# Oldest first, and not those that another worker is at. A deletion of many threads takes a while,
# and its time counts from its end: none of them goes while the last of them can be brought back.
PURGE: Final = """
    -- chat.deletions.purge
    DELETE FROM chatkit_thread
     WHERE (user_id, id) IN (SELECT user_id, id
                               FROM chatkit_thread AS due
                              WHERE deleted_at < clock_timestamp()
                                                 - make_interval(secs => %(seconds)s)
                                AND NOT EXISTS
                                    (SELECT FROM chatkit_thread AS later
                                      WHERE later.user_id = due.user_id
                                        AND later.deletion_id = due.deletion_id
                                        AND later.deleted_at >= clock_timestamp()
                                                 - make_interval(secs => %(seconds)s))
                           ORDER BY deleted_at
                              LIMIT %(limit)s
                         FOR UPDATE SKIP LOCKED)
"""

WAITING: Final = """
    -- chat.deletions.waiting
    SELECT count(*)
      FROM chatkit_thread
     WHERE user_id = %(user_id)s
       AND deletion_id = %(deletion_id)s
"""

NEXT_DUE: Final = """
    -- chat.deletions.next_due
    SELECT extract(epoch FROM min(deleted_at) - clock_timestamp())::float8 + %(seconds)s
      FROM chatkit_thread
     WHERE deleted_at IS NOT NULL
"""


def delete(conn: Connection, *, user_id: str, thread_id: str) -> bool:
    """Delete the user's thread with everything in it, for good; return whether there was one."""
    return conn.execute(DELETE, {"user_id": user_id, "thread_id": thread_id}).rowcount == 1


def set_aside(conn: Connection, *, user_id: str, thread_ids: list[str], deletion_id: str) -> int:
    """Delete those of the threads that are theirs, so that `restore` can bring them back.

    Returns how many. Safe to repeat with the same new `deletion_id`.
    """
    params = {"user_id": user_id, "thread_ids": thread_ids, "deletion_id": deletion_id}
    return conn.execute(SET_ASIDE, params).rowcount


def set_all_aside(conn: Connection, *, user_id: str, deletion_id: str) -> int:
    """Delete all threads of the user, archived ones too; return how many that deletion holds.

    AT_ONCE threads at a time, each time for itself: what fails in the middle goes on when it is
    repeated with the same `deletion_id`.
    """
    params = {"user_id": user_id, "deletion_id": deletion_id, "limit": AT_ONCE}
    _until_none(conn, SET_SOME_ASIDE, params)
    return waiting(conn, user_id=user_id, deletion_id=deletion_id)


def waiting(conn: Connection, *, user_id: str, deletion_id: str) -> int:
    """Return how many threads of that deletion of the user's are still there."""
    row = conn.execute(WAITING, {"user_id": user_id, "deletion_id": deletion_id}).fetchone()
    return int(row[0]) if row else 0


def restore(conn: Connection, *, user_id: str, deletion_id: str) -> int:
    """Bring back what that deletion of the user's took, if it is not too late; return how many."""
    params = {
        "user_id": user_id,
        "deletion_id": deletion_id,
        "seconds": UNDO_SECONDS + GRACE_SECONDS,
        "limit": AT_ONCE,
    }
    return _until_none(conn, RESTORE_SOME, params)


def purge(conn: Connection) -> float | None:
    """Delete for good what was set aside PURGE_SECONDS ago, of anybody; safe to repeat.

    Each batch is one transaction. Returns in how many seconds the next is due, or None.
    """
    params = {"seconds": PURGE_SECONDS, "limit": PURGED_AT_ONCE}
    with conn.patient(PURGE_DEADLINE):
        while conn.execute_for_everybody(PURGE, params).rowcount == PURGED_AT_ONCE:
            pass
    row = conn.execute_for_everybody(NEXT_DUE, params).fetchone()
    return None if row is None or row[0] is None else float(row[0])


def _until_none(conn: Connection, statement: str, params: dict[str, object]) -> int:
    total = 0
    while count := conn.execute(statement, params).rowcount:
        total += count
    return total
