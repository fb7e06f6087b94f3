"""How PostgreSQL looks: through the indexes that are there for it, past nobody else's rows.

Twenty people say the same words, and one of them says a lot. Figures of rows and not of time: they
are the same on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chat.connection import Connection
from chat.search_text import owner_of, parse
from chat.tables import search, search_words
from tests.fix_postgres import Databases
from tests.fix_store import connected

BUSY, QUIET = "user_busy", "user_7"
PEOPLE = 20
BUSY_THREADS, BUSY_MESSAGES = 2_000, 20_000
USUAL_THREADS, USUAL_MESSAGES = 60, 600

# "common" is in every message, "rare" in every 500th, and w0 to w199 in some.
FILL_THREADS = """
    INSERT INTO chatkit_thread (user_id, id, title, title_words, document, last_message_at,
                                archived_at)
    SELECT %(user_id)s, 'thr_' || n, 'Title', array_to_tsvector(ARRAY[
               %(owner)s || 'common', %(owner)s || 't' || n %% 50]), '{}',
           timestamptz '2026-01-01' + make_interval(mins => n),
           CASE WHEN n %% 10 = 0 THEN timestamptz '2026-06-01' END
      FROM generate_series(1, %(threads)s) AS n
"""
FILL_ITEMS = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document, preview,
                                     words, created_at)
    SELECT %(user_id)s, 'thr_' || 1 + n %% %(threads)s, n, 'msg_' || n, 'assistant_message',
           json_build_object('type', 'assistant_message', 'id', 'msg_' || n, 'thread_id',
               'thr_' || 1 + n %% %(threads)s, 'created_at', '2026-01-01T00:00:00',
               'content', json_build_array(json_build_object('type', 'output_text', 'text',
                   repeat('common words ', 20), 'annotations', '[]'::json))),
           'common', array_to_tsvector(ARRAY[%(owner)s || 'common', %(owner)s || 'w' || n %% 200,
               %(owner)s || CASE WHEN n %% 500 = 0 THEN 'rare' ELSE 'other' END]),
           timestamptz '2026-01-01' + make_interval(secs => n)
      FROM generate_series(1, %(items)s) AS n
"""


FORGET_WORDS = (
    "UPDATE chatkit_thread_item SET words = NULL WHERE user_id = %(user_id)s",
    "UPDATE chatkit_thread SET title_words = NULL WHERE user_id = %(user_id)s",
)


@pytest.fixture(scope="module")
def crowded(databases: Databases, migrated: str, row_level_security: bool) -> Iterator[Connection]:
    """A database in which twenty people said some thirty thousand things, analysed."""
    dsn = databases.create("search_plans", template=migrated)
    with Connection.connect(dsn, autocommit=True) as conn:
        for number in range(PEOPLE):
            user_id = BUSY if number == 0 else f"user_{number}"
            params = {
                "user_id": user_id,
                "owner": owner_of(user_id),
                "threads": USUAL_THREADS if number else BUSY_THREADS,
                "items": USUAL_MESSAGES if number else BUSY_MESSAGES,
            }
            conn.execute(FILL_THREADS, params)
            conn.execute(FILL_ITEMS, params)
        conn.execute("VACUUM (ANALYZE) chatkit_thread, chatkit_thread_item")
    with connected(dsn, row_level_security=row_level_security) as conn:
        yield conn
    databases.drop("search_plans")


class Plan:
    """What PostgreSQL did for a statement: the indexes that it used, and the rows that it read."""

    def __init__(self, conn: Connection, statement: str, **params: Any) -> None:
        explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement
        params = {"anywhere": not conn.walled, **params}
        asks = "%(user_id)s" in statement
        run: Any = conn.execute if asks else conn.execute_for_everybody
        [row] = run(explain, params).fetchall()
        self.nodes = list(_nodes(row[0][0]["Plan"]))

    @property
    def indexes(self) -> set[str]:
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def walked(self) -> list[str]:
        """Tables that were read from one end to the other."""
        return [node["Relation Name"] for node in self.nodes if node["Node Type"] == "Seq Scan"]

    @property
    def rows_of_items(self) -> int:
        """Return how many messages were read, with those that were thrown away."""
        read = [node for node in self.nodes if node.get("Relation Name") == "chatkit_thread_item"]
        each = ((n["Actual Rows"] + n.get("Rows Removed by Filter", 0)) for n in read)
        return sum(int(rows) * node["Actual Loops"] for rows, node in zip(each, read, strict=True))

    def rows(self, index: str) -> int:
        """Return how many rows came out of an index, with those that were thrown away."""
        return sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in self.nodes
            if node.get("Index Name") == index
        )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def looked_for(user_id: str, query: str, **more: Any) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "query": parse(query).tsquery(user_id),
        "since": "-infinity",
        "before": "infinity",
        "before_thread": "",
        "before_position": 0,
        "looked_at": search.NEWEST_MESSAGES,
        "limit": 21,
        **more,
    }


BY_TIME, WORDS = "chatkit_thread_item_by_time", "chatkit_thread_item_words"
# A hit is fetched by position and by id: either key leads to one row.
KEYS = {"chatkit_thread_item_pkey", "chatkit_thread_item_id", "chatkit_thread_pkey"}
QUERIES = ["common ", "comm", "rare ", "w1", "common rare ", "nonesuch "]


@pytest.mark.parametrize("user_id", [BUSY, QUIET])
@pytest.mark.parametrize("query", QUERIES)
def test_the_newest_messages_are_read_in_their_order_and_no_others(
    crowded: Connection, user_id: str, query: str
) -> None:
    plan = Plan(crowded, search.AMONG_NEWEST, **looked_for(user_id, query))

    assert BY_TIME in plan.indexes
    assert plan.indexes <= {BY_TIME, *KEYS}
    assert plan.walked == []
    assert plan.rows(BY_TIME) <= search.NEWEST_MESSAGES
    assert sum(plan.rows(key) for key in KEYS if "item" in key) <= 21


@pytest.mark.parametrize("since", ["-infinity", "2026-01-01T01:00:00Z"])
@pytest.mark.parametrize("before", ["infinity", "2026-01-01T05:00:00Z"])
def test_a_later_page_and_a_period_are_read_in_their_order_too(
    crowded: Connection, since: str, before: str
) -> None:
    place = {"before_thread": "thr_5", "before_position": 5, "since": since, "before": before}
    plan = Plan(crowded, search.AMONG_NEWEST, **looked_for(BUSY, "rare ", **place))

    assert plan.indexes <= {BY_TIME, *KEYS}
    assert plan.rows(BY_TIME) <= search.NEWEST_MESSAGES


# Not what most messages of the whole table have: then the table is read, and rightly.
@pytest.mark.parametrize(
    ("user_id", "query"), [(QUIET, query) for query in QUERIES] + [(BUSY, "rare "), (BUSY, "w11 ")]
)
def test_everywhere_means_everywhere_in_the_index_of_words(
    crowded: Connection, user_id: str, query: str
) -> None:
    plan = Plan(crowded, search.EVERYWHERE, **looked_for(user_id, query))

    if crowded.walled:
        # Words are compared behind the policy only, so these are all messages of one person; the
        # table is read when that is most of it, and rightly.
        assert WORDS not in plan.indexes
        assert user_id == BUSY or plan.walked == []
        assert user_id == BUSY or plan.rows_of_items <= USUAL_MESSAGES + 21
        return
    assert plan.walked == []
    assert WORDS in plan.indexes
    assert plan.indexes <= {WORDS, *KEYS}
    assert sum(plan.rows(key) for key in KEYS if "item" in key) <= 21


@pytest.mark.parametrize(
    ("query", "own"), [("rare ", 1), ("rar", 1), ("common ", 600), ("comm", 600), ("w1 ", 3)]
)
def test_what_others_say_costs_nothing(crowded: Connection, query: str, own: int) -> None:
    plan = Plan(crowded, search.EVERYWHERE, **looked_for(QUIET, query))

    if crowded.walled:
        assert plan.rows_of_items <= USUAL_MESSAGES + 21
    else:
        assert plan.rows(WORDS) == own


# Not what most titles of the whole table have: then the table is read, and rightly.
@pytest.mark.parametrize(
    ("user_id", "query"),
    [(QUIET, "common "), (QUIET, "comm"), (QUIET, "t1"), (BUSY, "t1 "), (BUSY, "nonesuch ")],
)
def test_titles_are_read_through_their_indexes(
    crowded: Connection, user_id: str, query: str
) -> None:
    words = looked_for(user_id, query, looked_at=search.NEWEST_THREADS, limit=6)
    near = Plan(crowded, search.TITLES_AMONG_NEWEST, **words)
    everywhere = Plan(crowded, search.TITLES_EVERYWHERE, **words)

    assert near.indexes == {"chatkit_thread_by_activity"}
    assert near.rows("chatkit_thread_by_activity") <= search.NEWEST_THREADS
    assert near.walked == []
    if crowded.walled:
        assert user_id == BUSY or everywhere.walked == []
        assert "chatkit_thread_title_words" not in everywhere.indexes
    else:
        assert everywhere.walked == []
        assert everywhere.indexes == {"chatkit_thread_title_words"}


def test_looking_for_what_has_no_words_reads_nothing_where_all_have(crowded: Connection) -> None:
    plan = Plan(crowded, search_words.OWNER)

    assert plan.indexes == {"chatkit_thread_item_without_words", "chatkit_thread_without_words"}
    assert plan.walked == []


def test_a_batch_without_words_is_read_from_its_own_index(crowded: Connection) -> None:
    busy = {"user_id": BUSY}
    with crowded.transaction(force_rollback=True):
        for statement in FORGET_WORDS:
            crowded.execute(statement, busy)
        batch = {"user_id": BUSY, "limit": search_words.AT_ONCE}
        messages = Plan(crowded, search_words.MESSAGES, **batch)
        titles = Plan(crowded, search_words.TITLES, **batch)

    assert messages.indexes == {"chatkit_thread_item_without_words"}
    assert titles.indexes == {"chatkit_thread_without_words"}
