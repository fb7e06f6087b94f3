"""Where a person keeps a thread: pinned above all others, or put away in the archive."""

from __future__ import annotations

from typing import Final

from chat.connection import Connection
from chat.errors import ThreadNotFound, TooManyPinned
from chat.tables.thread_lists import MOST_PINNED, find

# A pinned thread is one that is wanted at hand, so it comes back from the archive. One that was
# deleted counts as long as it may be brought back, pin and all.
PIN: Final = """
    -- chat.thread_marks.pin
    UPDATE chatkit_thread
       SET pinned_at = coalesce(pinned_at, clock_timestamp()),
           archived_at = NULL
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
       AND (pinned_at IS NOT NULL
            OR %(most)s > (SELECT count(*)
                             FROM chatkit_thread
                            WHERE user_id = %(user_id)s
                              AND pinned_at IS NOT NULL))
"""

UNPIN: Final = """
    -- chat.thread_marks.unpin
    UPDATE chatkit_thread
       SET pinned_at = NULL
     WHERE user_id = %(user_id)s
       AND id = %(thread_id)s
       AND deleted_at IS NULL
"""

ARCHIVE: Final = """
    -- chat.thread_marks.archive
    UPDATE chatkit_thread
       SET archived_at = coalesce(archived_at, clock_timestamp()),
           pinned_at = NULL
     WHERE user_id = %(user_id)s
       AND id = ANY(%(thread_ids)s)
       AND deleted_at IS NULL
"""

UNARCHIVE: Final = """
    -- chat.thread_marks.unarchive
    UPDATE chatkit_thread
       SET archived_at = NULL
     WHERE user_id = %(user_id)s
       AND id = ANY(%(thread_ids)s)
       AND deleted_at IS NULL
"""


def pin(conn: Connection, *, user_id: str, thread_id: str) -> None:
    """Put the thread above all others; safe to repeat.

    Raises ThreadNotFound if it is not theirs, and TooManyPinned at MOST_PINNED.
    """
    params = {"user_id": user_id, "thread_id": thread_id, "most": MOST_PINNED}
    if conn.execute(PIN, params).rowcount == 0:
        find(conn, user_id=user_id, thread_id=thread_id)
        raise TooManyPinned(f"{MOST_PINNED} threads are pinned already")


def unpin(conn: Connection, *, user_id: str, thread_id: str) -> None:
    """Put the thread back among the others; raise ThreadNotFound. Safe to repeat."""
    if conn.execute(UNPIN, {"user_id": user_id, "thread_id": thread_id}).rowcount == 0:
        raise ThreadNotFound(thread_id)


def archive(conn: Connection, *, user_id: str, thread_ids: list[str]) -> int:
    """Put those of the threads away that are theirs; return how many. Safe to repeat."""
    return conn.execute(ARCHIVE, {"user_id": user_id, "thread_ids": thread_ids}).rowcount


def unarchive(conn: Connection, *, user_id: str, thread_ids: list[str]) -> int:
    """Bring those of the threads back that are theirs; return how many. Safe to repeat."""
    return conn.execute(UNARCHIVE, {"user_id": user_id, "thread_ids": thread_ids}).rowcount
