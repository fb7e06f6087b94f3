"""ChatKit's pages of items, in the order in which they were said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from chatkit.types import Page, ThreadItem

from chat.connection import Connection
from chat.errors import UnknownCursor
from chat.tables.items import HIDDEN, item_of, thread_exists
from chat.tables.pages import clamped, page_of

PLACE: Final = """
    -- chat.item_pages.place
    SELECT coalesce(
               (SELECT position
                  FROM chatkit_thread_item
                 WHERE user_id = %(user_id)s
                   AND thread_id = %(thread_id)s
                   AND id = %(item_id)s),
               (SELECT position
                  FROM chatkit_deleted_item
                 WHERE user_id = %(user_id)s
                   AND thread_id = %(thread_id)s
                   AND id = %(item_id)s))
"""

PAGE_ASC: Final = """
    -- chat.item_pages.page_asc
      SELECT id, document::text
        FROM chatkit_thread_item
       WHERE user_id = %(user_id)s
         AND thread_id = %(thread_id)s
         AND position > %(position)s
         AND kind <> ALL(%(left_out)s::text[])
         AND EXISTS (SELECT FROM chatkit_thread
                      WHERE user_id = %(user_id)s
                        AND id = %(thread_id)s
                        AND deleted_at IS NULL)
    ORDER BY position
       LIMIT %(limit)s
"""

PAGE_DESC: Final = """
    -- chat.item_pages.page_desc
      SELECT id, document::text
        FROM chatkit_thread_item
       WHERE user_id = %(user_id)s
         AND thread_id = %(thread_id)s
         AND position < %(position)s
         AND kind <> ALL(%(left_out)s::text[])
         AND EXISTS (SELECT FROM chatkit_thread
                      WHERE user_id = %(user_id)s
                        AND id = %(thread_id)s
                        AND deleted_at IS NULL)
    ORDER BY position DESC
       LIMIT %(limit)s
"""

SHOWN: Final = """
    -- chat.item_pages.shown
    SELECT position
      FROM chatkit_thread_item
     WHERE user_id = %(user_id)s
       AND thread_id = %(thread_id)s
       AND id = %(item_id)s
       AND kind <> ALL(%(left_out)s::text[])
       AND EXISTS (SELECT FROM chatkit_thread
                    WHERE user_id = %(user_id)s
                      AND id = %(thread_id)s
                      AND deleted_at IS NULL)
"""

LAST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Around:
    """A page in the middle of a thread, oldest first.

    The page before it ends before the item `earlier`; None says that there is none. `newest` says
    that the item in the middle is on the thread's newest page of the same length.
    """

    items: list[ThreadItem]
    earlier: str | None
    newest: bool


def page_asc(
    conn: Connection,
    *,
    user_id: str,
    thread_id: str,
    limit: int,
    after: str | None,
    left_out: Collection[str] = (),
) -> Page[ThreadItem]:
    """Return ChatKit's page of items, oldest first; empty if the thread is not the user's.

    `after` is an item's id, also a deleted one's; raises UnknownCursor if it never was here. Items
    of the kinds `left_out` are passed over, and the page is as full as without them.
    """
    params = {"user_id": user_id, "thread_id": thread_id, "position": 0, "left_out": list(left_out)}
    return _page(conn, PAGE_ASC, params, clamped(limit), after)


def page_desc(
    conn: Connection,
    *,
    user_id: str,
    thread_id: str,
    limit: int,
    after: str | None,
    left_out: Collection[str] = (),
) -> Page[ThreadItem]:
    """Return ChatKit's page of items, newest first; otherwise as `page_asc`."""
    params = {
        "user_id": user_id,
        "thread_id": thread_id,
        "position": LAST,
        "left_out": list(left_out),
    }
    return _page(conn, PAGE_DESC, params, clamped(limit), after)


def around(
    conn: Connection, *, user_id: str, thread_id: str, item_id: str, limit: int
) -> Around | None:
    """Return the item among those before and after it, `limit` altogether, that people see.

    None if it is not in this thread of this user, or of a kind that people never see. Reads
    about `limit` rows on either side, however long the thread is.
    """
    limit = clamped(limit)
    params: dict[str, Any] = {"user_id": user_id, "thread_id": thread_id, "item_id": item_id}
    params["left_out"] = list(HIDDEN)
    row = conn.execute(SHOWN, params).fetchone()
    if row is None:
        return None
    before, after = limit // 2, limit - limit // 2
    upto = {**params, "position": row[0] + 1, "limit": before + 1}
    older = page_of(conn.execute(PAGE_DESC, upto).fetchall(), before, item_of)
    newer = conn.execute(PAGE_ASC, {**params, "position": row[0], "limit": limit}).fetchall()
    shown = [*reversed(older.data), *map(item_of, newer[:after])]
    return Around(shown, older.after, newest=len(newer) < limit)


def _page(
    conn: Connection, statement: str, params: dict[str, Any], limit: int, after: str | None
) -> Page[ThreadItem]:
    if after is not None:
        row = conn.execute(PLACE, {**params, "item_id": after}).fetchone()
        if row is None or row[0] is None:
            if thread_exists(conn, params):
                raise UnknownCursor(after)
            return Page()
        params = {**params, "position": row[0]}
    rows = conn.execute(statement, {**params, "limit": limit + 1}).fetchall()
    return page_of(rows, limit, item_of)
