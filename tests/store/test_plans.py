"""Each page is read from the index that was made for it, however much there is of everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest

from chat.tables import deletions, item_marks, item_pages, thread_lists, thread_pages
from chat.wall import WalledConnection
from tests.fix_postgres import Databases
from tests.fix_store import connected

BUSY: Final = "user_busy"
LONG: Final = "thr_long"
PEOPLE: Final = """
    INSERT INTO chatkit_thread (user_id, id, title, document, created_at, last_message_at,
                                last_position, pinned_at, archived_at)
    SELECT CASE WHEN n % 2 = 0 THEN 'user_busy' ELSE 'user_' || n % 100 END,
           'thr_' || n, 'Title ' || n, '{}',
           now() - make_interval(mins => n), now() - make_interval(mins => n), 3,
           CASE WHEN n % 1000 = 2 THEN now() END,
           CASE WHEN n % 10 = 4 THEN now() END
      FROM generate_series(1, 12000) AS n
"""
ITEMS: Final = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document, preview)
    SELECT user_id, id, position, id || '_' || position, 'user_message', '{}', 'What was said'
      FROM chatkit_thread, generate_series(1, 3) AS position
"""
LONG_THREAD: Final = """
    INSERT INTO chatkit_thread (user_id, id, document, last_position)
    VALUES ('user_busy', 'thr_long', '{}', 20000)
"""
LONG_ITEMS: Final = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document, preview)
    SELECT 'user_busy', 'thr_long', n, 'msg_' || n, 'user_message', '{}', 'What was said'
      FROM generate_series(1, 20000) AS n
"""
DELETED: Final = """
    UPDATE chatkit_thread
       SET deleted_at = now(), deletion_id = 'del_1'
     WHERE user_id = 'user_busy' AND id IN ('thr_6', 'thr_8')
"""
PARAMS: Final[dict[str, Any]] = {
    "user_id": BUSY,
    "thread_id": LONG,
    "item_id": "msg_10000",
    "position": 10000,
    "id": "thr_5000",
    "limit": 21,
    "left_out": [],
    "deletion_id": "del_1",
    "seconds": 12,
}
FIRST: Final = {"at": "infinity", "id": ""}
DEEP: Final = {"at": "2020-01-01 00:00+00", "id": "thr_5000"}

LIST, MESSAGES = "chatkit_thread_by_activity", "chatkit_thread_item_pkey"
PLANS: Final = {
    "list": (thread_lists.NEWEST, FIRST, {LIST, MESSAGES}),
    "list, deep": (thread_lists.NEWEST, DEEP, {LIST, MESSAGES}),
    "pinned": (thread_lists.PINNED, {}, {"chatkit_thread_pinned", MESSAGES}),
    "archive": (thread_lists.ARCHIVED, FIRST, {"chatkit_thread_archived", MESSAGES}),
    "heading": (thread_lists.FIND, {}, {"chatkit_thread_pkey"}),
    "protocol's list": (thread_pages.PAGE_DESC, DEEP, {LIST}),
    "protocol's list, upwards": (thread_pages.PAGE_ASC, DEEP, {LIST}),
    "messages": (item_pages.PAGE_DESC, {}, {MESSAGES, "chatkit_thread_pkey"}),
    "messages, upwards": (item_pages.PAGE_ASC, {}, {MESSAGES, "chatkit_thread_pkey"}),
    "a message's place": (item_pages.PLACE, {}, {"chatkit_thread_item_id"}),
    "purge": (deletions.PURGE, {}, {"chatkit_thread_deleted"}),
    "next purge": (deletions.NEXT_DUE, {}, {"chatkit_thread_deleted"}),
    "undo": (deletions.RESTORE_SOME, {}, {"chatkit_thread_deletion"}),
}
SORTED_BY_INDEX: Final = set(PLANS) - {"pinned", "purge", "undo"}
"""All but those that sort a handful of rows."""


@pytest.fixture(scope="module")
def full(
    databases: Databases, migrated: str, row_level_security: bool
) -> Iterator[psycopg.Connection[Any]]:
    """A database with enough of everything for its plans to be those of a large one."""
    dsn = databases.create("plans", template=migrated)
    with psycopg.connect(dsn, autocommit=True) as conn:
        for statement in (PEOPLE, ITEMS, LONG_THREAD, LONG_ITEMS, DELETED):
            conn.execute(statement)
        conn.execute("VACUUM (ANALYZE) chatkit_thread, chatkit_thread_item, chatkit_turn")
        conn.execute("ALTER TABLE chatkit_thread_item SET (autovacuum_enabled = off)")
    with connected(dsn, row_level_security=row_level_security) as conn:
        yield conn
    databases.drop("plans")


def plan_of(conn: psycopg.Connection[Any], statement: str, params: dict[str, Any]) -> Any:
    run: Any = conn.execute
    if isinstance(conn, WalledConnection) and "%(user_id)s" not in statement:
        run = conn.execute_for_everybody
    row = run(f"EXPLAIN (FORMAT JSON) {statement}", {**PARAMS, **params}).fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("name", PLANS)
def test_a_page_is_read_from_its_index(full: psycopg.Connection[Any], name: str) -> None:
    statement, params, wanted = PLANS[name]

    found = list(nodes(plan_of(full, statement, params)))

    used = {node["Index Name"] for node in found if "Index Name" in node}
    read_whole = [
        node["Relation Name"]
        for node in found
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "chatkit_turn"
    ]
    sorts = [node for node in found if "Sort" in node["Node Type"]]
    assert wanted <= used, f"{name} reads {used}: what became of {wanted - used}?"
    assert not read_whole, f"{name} reads all of {read_whole}"
    assert name not in SORTED_BY_INDEX or not sorts, f"{name} sorts what its index has in order"


def test_the_marks_of_a_page_cost_the_same_in_a_thread_that_has_grown_since_the_statistics(
    full: psycopg.Connection[Any],
) -> None:
    owner = {"user_id": BUSY}
    full.execute(LONG_THREAD.replace("thr_long", "thr_grown"), owner)
    grown = LONG_ITEMS.replace("thr_long", "thr_grown").replace("'msg_'", "'grown_'")
    full.execute(grown, owner)
    params = {"thread_id": "thr_grown", "item_ids": [f"grown_{n}" for n in range(19980, 20000)]}
    row = full.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {item_marks.OF}", {**PARAMS, **params}
    ).fetchone()
    assert row is not None

    found = [node for node in nodes(row[0][0]["Plan"]) if "Index Name" in node]

    assert {"chatkit_thread_item_id"} <= {node["Index Name"] for node in found}
    assert not [node for node in found if node.get("Rows Removed by Filter", 0) > 20]


def test_a_page_touches_as_many_rows_of_a_long_thread_as_of_a_short_one(
    full: psycopg.Connection[Any],
) -> None:
    def rows_read(thread_id: str) -> int:
        params = {**PARAMS, "thread_id": thread_id, "position": 2**63 - 1, "limit": 3}
        statement = f"EXPLAIN (ANALYZE, FORMAT JSON) {item_pages.PAGE_DESC}"
        row = full.execute(statement, params).fetchone()
        assert row is not None
        found = nodes(row[0][0]["Plan"])
        return sum(
            node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
            for node in found
            if "Index Name" in node
        )

    assert rows_read(LONG) == rows_read("thr_2")
