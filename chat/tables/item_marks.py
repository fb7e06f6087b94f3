"""What people see of items beside what was said: how they ended, the thumbs, and when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from chat.connection import Connection

# Each item for itself. For `id = ANY(...)` PostgreSQL would read the whole of a thread that has
# become long since its statistics were made.
OF: Final = """
    -- chat.item_marks.of
    SELECT item.id, item.created_at, item.outcome, item.feedback
      FROM unnest(%(item_ids)s::text[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT id, created_at, outcome, feedback
                      FROM chatkit_thread_item
                     WHERE user_id = %(user_id)s
                       AND thread_id = %(thread_id)s
                       AND id = wanted.id
                    OFFSET 0) AS item
     WHERE EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
"""

Outcome = Literal["stopped", "interrupted", "failed"]
Feedback = Literal["positive", "negative"]
OLD: Final = timedelta(days=1)
"""No clock is that wrong, and no two time zones are that far apart."""


@dataclass(frozen=True, slots=True)
class ItemMarks:
    """When it was stored, how it ended when it did not end well, and what the person thinks."""

    stored_at: datetime | None = None
    outcome: Outcome | None = None
    feedback: Feedback | None = None


def of(
    conn: Connection, *, user_id: str, thread_id: str, item_ids: Collection[str]
) -> dict[str, ItemMarks]:
    """Return the marks of those of the items that are there, by id."""
    params = {"user_id": user_id, "thread_id": thread_id, "item_ids": list(item_ids)}
    return {row[0]: ItemMarks(*row[1:]) for row in conn.execute(OF, params)}


def said_at(created_at: datetime, stored_at: datetime | None) -> datetime:
    """Return when an item was said, in UTC: when it was stored, by the database's clock.

    What the item says itself is by the clock and in the zone of whichever machine made it. It is
    believed when it is older than a day: then the item was brought here from elsewhere.
    """
    try:
        said = created_at.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        # At the ends of the calendar there is no other zone to go to.
        said = created_at.replace(tzinfo=UTC)
    if stored_at is None or stored_at - said > OLD:
        return said
    return stored_at.astimezone(UTC)


def spelled(moment: datetime) -> str:
    """Return a moment in UTC as pages and our own clients spell it: `2026-03-01T12:00:00Z`."""
    return moment.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
