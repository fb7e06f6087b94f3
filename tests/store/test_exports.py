"""What is taken out as a whole: all of it, in order, a page at a time, and nobody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import psycopg
import pytest

from chat.connection import Connection
from chat.db import Database
from chat.tables import deletions, exports, items, threads
from chat.tables.exports import BYTES_AT_ONCE, ITEMS_AT_ONCE, THREADS_AT_ONCE
from chat.web.export_pages import Pages
from tests.fix_proxy import Proxy, proxy
from tests.fix_store import a_message, a_thread, an_answer

__all__ = ["proxy"]

ALICE, MALLORY = "user_alice", "user_mallory"
MANY: Final = """
    INSERT INTO chatkit_thread (user_id, id, document, last_position)
    SELECT %(user_id)s, 'thr_' || lpad(n::text, 6, '0'), '{}', %(items)s
      FROM generate_series(1, %(threads)s) AS n
"""
SAID: Final = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)
    SELECT user_id, id, n, id || '_' || n, 'user_message',
           json_build_object('text', repeat('x', %(bytes)s))
      FROM chatkit_thread, generate_series(1, %(items)s) AS n
     WHERE user_id = %(user_id)s
"""


def many(conn: Connection, *, threads: int, items: int, bytes: int = 10) -> None:
    """Store so many threads of Alice's with so many items of that size each."""
    params = {"user_id": ALICE, "threads": threads, "items": items, "bytes": bytes}
    conn.execute(MANY, params)
    conn.execute(SAID, params)


def taken(database: Database, ids: list[str] | None = None) -> dict[str, list[str]]:
    """Return the ids of Alice's items by those of her threads, as an export has them."""
    found = Pages(database, ALICE, ids).conversations()
    return {thread.id: [item.id for item in said] for thread, said in found}


def a_thread_of(conn: Connection, user_id: str, thread_id: str, *said: str) -> None:
    threads.save(conn, user_id=user_id, thread=a_thread(thread_id))
    for item_id in said:
        items.add(conn, user_id=user_id, thread_id=thread_id, item=a_message(item_id))


@pytest.mark.parametrize(
    ("threads_", "items_"),
    [
        (0, 0),
        (1, 0),
        (1, ITEMS_AT_ONCE),
        (1, 2 * ITEMS_AT_ONCE + 1),
        (THREADS_AT_ONCE, 2),
        (2 * THREADS_AT_ONCE + 1, 3),
        (3, ITEMS_AT_ONCE - 1),
    ],
)
def test_everything_comes_once_and_in_order_wherever_pages_end(
    database: Database, conn: Connection, threads_: int, items_: int, by_hand: Connection
) -> None:
    many(by_hand, threads=threads_, items=items_)

    found = taken(database)

    assert list(found) == [f"thr_{n:06}" for n in range(1, threads_ + 1)]
    for thread_id, ids in found.items():
        assert ids == [f"{thread_id}_{n}" for n in range(1, items_ + 1)]
    assert taken(database, list(found)) == found


def test_threads_without_items_stand_between_those_that_have_some(
    database: Database, conn: Connection
) -> None:
    for number, said in enumerate([(), ("a",), (), (), ("b", "c"), ()]):
        a_thread_of(conn, ALICE, f"thr_{number}", *said)

    assert list(taken(database).values()) == [[], ["a"], [], [], ["b", "c"], []]


def test_only_what_was_selected_comes_in_the_same_order(
    database: Database, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=5, items=2)
    ids = ["thr_000004", "thr_000002", "thr_000004", "thr_999999"]

    assert list(taken(database, ids)) == ["thr_000002", "thr_000004"]
    assert taken(database, []) == {}


def test_nothing_of_anybody_else_comes(database: Database, conn: Connection) -> None:
    a_thread_of(conn, ALICE, "thr_1", "hers")
    a_thread_of(conn, MALLORY, "thr_1", "his", "more of his")
    a_thread_of(conn, MALLORY, "thr_2", "his")

    assert taken(database) == {"thr_1": ["hers"]}
    assert taken(database, ["thr_1", "thr_2"]) == {"thr_1": ["hers"]}


def test_what_was_deleted_does_not_come(
    database: Database, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=3, items=2)
    deletions.set_aside(conn, user_id=ALICE, thread_ids=["thr_000002"], deletion_id="del_1")

    assert list(taken(database)) == ["thr_000001", "thr_000003"]
    assert taken(database, ["thr_000002"]) == {}


def test_a_thread_that_is_deleted_meanwhile_stops_and_the_others_go_on(
    database: Database, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=3, items=2 * ITEMS_AT_ONCE)
    found = Pages(database, ALICE, None).conversations()
    first, said = next(found)
    next(said)

    deletions.delete(conn, user_id=ALICE, thread_id="thr_000001")
    deletions.set_aside(conn, user_id=ALICE, thread_ids=["thr_000002"], deletion_id="del_1")
    rest = {thread.id: len(list(items)) for thread, items in found}

    assert first.id == "thr_000001"
    assert rest == {"thr_000002": 0, "thr_000003": 2 * ITEMS_AT_ONCE}


def test_threads_and_items_that_are_added_meanwhile_confuse_nothing(
    database: Database, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=2, items=ITEMS_AT_ONCE)
    found = Pages(database, ALICE, None).conversations()
    first, said = next(found)
    next(said)

    a_thread_of(conn, ALICE, "thr_000000", "before")
    a_thread_of(conn, ALICE, "thr_000001a", "between")
    a_thread_of(conn, ALICE, "thr_000003", "after")
    by_hand.execute("UPDATE chatkit_thread SET last_position = 1000 WHERE id = 'thr_000001'")
    items.add(conn, user_id=ALICE, thread_id="thr_000001", item=an_answer("more"))
    ids = [first.id, *[item.id for item in said][-1:]]
    rest = {thread.id: len(list(items)) for thread, items in found}

    assert ids == ["thr_000001", "more"]
    assert rest == {"thr_000002": ITEMS_AT_ONCE, "thr_000003": 1}


def test_a_page_is_bounded_in_bytes_but_never_empty(conn: Connection, by_hand: Connection) -> None:
    many(by_hand, threads=1, items=12, bytes=BYTES_AT_ONCE // 3)
    by_hand.execute(
        "UPDATE chatkit_thread_item SET document = json_build_object('t', repeat('y', %s))"
        " WHERE position = 7",
        [4 * BYTES_AT_ONCE],
    )
    after, limit = 0, ITEMS_AT_ONCE
    pages: list[list[int]] = []
    for _ in count():
        page = exports.items(conn, user_id=ALICE, thread_id="thr_000001", after=after, limit=limit)
        pages.append([item.position for item in page.items])
        after, limit = pages[-1][-1], page.next_limit
        if not page.cut:
            break

    assert pages == [[1, 2, 3], [4, 5, 6], [7], [8, 9], [10, 11, 12]]


def test_short_threads_with_large_documents_are_read_in_several_pages(
    database: Database, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=7, items=5, bytes=BYTES_AT_ONCE // 8)
    ids = [f"thr_{n:06}" for n in range(1, 8)]

    page = exports.items_of_short(conn, user_id=ALICE, thread_ids=ids)

    assert page.cut
    assert [item.id for item in page.items][-1] == "thr_000002_3"
    assert taken(database) == {each: [f"{each}_{n}" for n in range(1, 6)] for each in ids}


def test_many_short_threads_need_few_statements(
    open_database: Callable[[str], Database], proxy: Proxy, conn: Connection, by_hand: Connection
) -> None:
    many(by_hand, threads=THREADS_AT_ONCE, items=3)
    database = open_database(proxy.dsn)
    proxy.take_statements()

    assert len(taken(database)) == THREADS_AT_ONCE

    database.close()
    asked = Counter(proxy.take_statements())
    assert asked == {"chat.exports.threads": 2, "chat.exports.items_of_short": 2}


def test_documents_come_as_they_are_stored(conn: Connection, by_hand: Connection) -> None:
    a_thread_of(conn, ALICE, "thr_1", "m1")
    odd = '{ "z":1,\n"a" :-0.0, "big": 1180591620717411303424,"n":1e-300,"z":2, "u":"\\u0000é" }'
    by_hand.execute("UPDATE chatkit_thread_item SET document = %s", [odd])
    by_hand.execute("UPDATE chatkit_thread SET document = %s", [odd])

    [thread] = exports.threads(conn, user_id=ALICE, after="")
    page = exports.items(conn, user_id=ALICE, thread_id="thr_1", after=0)

    assert thread.document == odd
    assert page.items[0].document == odd


def test_each_page_is_read_along_the_primary_key(conn: Connection, by_hand: Connection) -> None:
    many(by_hand, threads=4000, items=5)
    by_hand.execute(
        "INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)"
        " SELECT user_id, id, n, 'm' || n, 'user_message', '{}'"
        "   FROM chatkit_thread, generate_series(6, 20000) AS n WHERE id = 'thr_001000'"
    )
    by_hand.execute("VACUUM ANALYZE")
    params: dict[str, Any] = {
        "user_id": ALICE,
        "after": "thr_002000",
        "thread_ids": [f"thr_{n:06}" for n in range(2000, 2040)],
        "limit": 100,
        "bytes": BYTES_AT_ONCE,
    }
    deep = {**params, "thread_id": "thr_001000", "after": 10_000}

    for statement, values, index in (
        (exports.THREADS, params, "chatkit_thread_pkey"),
        (exports.ITEMS, deep, "chatkit_thread_item_pkey"),
        (exports.ITEMS_OF_SHORT, params, "chatkit_thread_item"),
    ):
        plan = plan_of(conn, statement, values)
        assert f"using {index}" in plan, plan
        for word in ("Seq Scan", "Hash", "Rows Removed by Filter"):
            assert word not in plan, plan


def plan_of(conn: psycopg.Connection[Any], statement: str, params: dict[str, Any]) -> str:
    rows = conn.execute(f"EXPLAIN (ANALYZE, COSTS off) {statement}", params).fetchall()
    return "\n".join(row[0] for row in rows)
