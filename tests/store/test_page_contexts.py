"""A message and what is told about its page: one statement, stored together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from chatkit.types import HiddenContextItem, ThreadItem, ThreadMetadata

from chat.answers import HISTORY_PAGE
from chat.db import Database
from chat.errors import ThreadNotFound, TooManyTurns, TurnRunning
from chat.page_context import KEY
from chat.tables import item_pages, items, page_contexts, threads
from chat.tables import turns as table
from chat.tables.documents import model_json
from chat.tables.turns import NewTurn
from tests.fix_proxy import Proxy, proxy
from tests.fix_store import NOON, a_message, a_thread

__all__ = ["proxy"]

ALICE = "user_alice"
TELLING_OLD_ITEMS = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)
    SELECT 'user_alice', 'thr_1', n, 'old_' || n, 'hidden_context_item', %s
      FROM generate_series(100, 20000) AS n
"""


@pytest.fixture
def database(open_database: Callable[[str], Database], proxy: Proxy) -> Database:
    return open_database(proxy.dsn)


def a_page(item_id: str = "shcx_1", told: Any = None, content: Any = None) -> HiddenContextItem:
    content = {KEY: told or {"title": "Cable"}} if content is None else content
    return HiddenContextItem(id=item_id, thread_id="thr_1", created_at=NOON, content=content)


def begin(
    database: Database,
    message: ThreadItem,
    page: HiddenContextItem | None,
    *,
    new: ThreadMetadata | None = None,
    user_id: str = ALICE,
    turn_id: str | None = None,
    most: int = 100,
) -> None:
    database.run(
        table.begin,
        user_id=user_id,
        turn=NewTurn(turn_id or f"turn_{message.id}", "thr_1", "worker", message.id),
        thread=new,
        message=message,
        page=page,
        most=most,
    )


def end_turns(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute("UPDATE chatkit_turn SET state = 'done', ended_at = now()")


def ids(database: Database) -> list[str]:
    page = database.run(
        item_pages.page_asc, user_id=ALICE, thread_id="thr_1", limit=100, after=None
    )
    return [item.id for item in page.data]


@pytest.mark.parametrize("is_new", [True, False], ids=["new thread", "old thread"])
def test_it_takes_no_statement_more(database: Database, proxy: Proxy, is_new: bool) -> None:
    new = a_thread() if is_new else None
    if not is_new:
        database.run(threads.save, user_id=ALICE, thread=a_thread())
    proxy.take_statements()

    begin(database, a_message("q1"), a_page(), new=new)
    with_page = proxy.take_statements()
    with psycopg.connect(proxy.dsn) as conn:
        conn.execute("DELETE FROM chatkit_thread_item")
        conn.execute("DELETE FROM chatkit_turn")
        if is_new:
            conn.execute("DELETE FROM chatkit_thread")
    proxy.take_statements()
    begin(database, a_message("q2"), None, new=new)
    without = proxy.take_statements()

    assert len(with_page) == len(without) >= 2, (with_page, without)


@pytest.mark.parametrize("is_new", [True, False], ids=["new thread", "old thread"])
def test_a_repeated_try_changes_nothing(database: Database, is_new: bool) -> None:
    if not is_new:
        database.run(threads.save, user_id=ALICE, thread=a_thread())
    for _ in range(2):
        begin(database, a_message("q1"), a_page(), new=a_thread() if is_new else None)

    assert ids(database) == ["shcx_1", "q1"]


def test_a_turn_that_cannot_begin_leaves_nothing(database: Database, dsn: str) -> None:
    begin(database, a_message("q1"), a_page(), new=a_thread())
    other = {"title": "another"}

    with pytest.raises(TurnRunning):
        begin(database, a_message("q2"), a_page("shcx_2", other))
    end_turns(dsn)
    with pytest.raises(TooManyTurns):
        begin(database, a_message("q3"), a_page("shcx_3", other), most=0)
    with pytest.raises(ThreadNotFound):
        begin(database, a_message("q4"), a_page("shcx_4", other), user_id="user_mallory")

    assert ids(database) == ["shcx_1", "q1"]


def test_hidden_items_of_others_and_texts_that_look_like_one_are_no_page(
    database: Database, dsn: str
) -> None:
    begin(database, a_message("q1"), a_page(), new=a_thread())
    end_turns(dsn)
    looks_like = model_json(a_page(told={"title": "another"}))
    others: list[ThreadItem] = [
        a_page("h1", content=looks_like),
        a_page("h2", content={"note": "a\0b", "page": {KEY: {"title": "another"}}}),
        a_page("h3", content=["\0", looks_like]),
        a_message("q2", looks_like),
    ]
    for item in others:
        database.run(items.add, user_id=ALICE, thread_id="thr_1", item=item)

    begin(database, a_message("q3"), a_page("shcx_2"))

    assert ids(database) == ["shcx_1", "q1", "h1", "h2", "h3", "q2", "q3"]


def test_a_long_thread_is_not_read_for_it(database: Database, dsn: str) -> None:
    database.run(threads.save, user_id=ALICE, thread=a_thread())
    message = a_message("q1")
    hidden = a_page(content="a hidden note of the site")
    params = {
        **items.columns(ALICE, "thr_1", message),
        **page_contexts.page_columns(a_page("shcx_new")),
    }
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(TELLING_OLD_ITEMS, [model_json(hidden)])
        conn.execute("UPDATE chatkit_thread SET last_position = 20000")
        conn.execute("VACUUM (ANALYZE) chatkit_thread, chatkit_thread_item")
        row = conn.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {page_contexts.ADD}", params).fetchone()
    assert row is not None

    read = [
        (node["Node Type"], node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in _nodes(row[0][0]["Plan"])
        if node.get("Relation Name") == "chatkit_thread_item" and node["Node Type"] != "ModifyTable"
    ]
    assert read
    assert max(rows for _kind, rows in read) <= page_contexts.NEAR, read
    assert "Seq Scan" not in {kind for kind, _rows in read}


def test_what_is_stored_near_enough_is_on_the_models_first_page() -> None:
    assert page_contexts.NEAR + 5 <= HISTORY_PAGE


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
