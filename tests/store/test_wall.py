"""The second wall holds by itself: each statement, without its question for the owner.

Mallory runs every statement of the tables against Alice's rows, with `user_id = …` taken out of
it. Behind row level security nothing of hers comes and nothing of hers changes: it all goes as in
a database in which Alice never was. Without it most of them leak, or this test would show nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest

from chat.connection import Connection
from chat.wall import WalledConnection
from tests.fix_postgres import Databases, behind_the_wall
from tests.house.test_sql import FOR_EVERYBODY, OWNED, Statement, statements
from tests.isolation.footprints import TABLES

ALICE, MALLORY = "user_alice", "user_mallory"
ALICES_ROWS: Final = """
    INSERT INTO chatkit_thread (user_id, id, title, title_source, title_words, document,
                                last_position, pinned_at, archived_at, deleted_at, deletion_id)
    VALUES ('user_alice', 'thr_1', 'Secret', 'message', '''secret''', '{}', 4, NULL, NULL, NULL,
            NULL),
           ('user_alice', 'thr_2', 'Secret', 'message', '''secret''', '{}', 0, now(), NULL, NULL,
            NULL),
           ('user_alice', 'thr_3', 'Secret', 'message', '''secret''', '{}', 0, NULL, now(), NULL,
            NULL),
           ('user_alice', 'thr_4', 'Secret', 'message', '''secret''', '{}', 0, NULL, NULL, now(),
            'del_1'),
           ('user_alice', 'thr_5', 'Secret', 'none', NULL, '{}', 0, NULL, NULL, NULL, NULL);
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document, words)
    VALUES ('user_alice', 'thr_1', 1, 'msg_1', 'user_message', '{"text": "secret"}',
            '''secret'''),
           ('user_alice', 'thr_1', 2, 'msg_2', 'assistant_message', '{"text": "secret"}',
            '''secret'''),
           ('user_alice', 'thr_1', 4, 'msg_4', 'assistant_message', '{"text": "secret"}', NULL);
    UPDATE chatkit_thread SET unread = true;
    UPDATE chatkit_thread_item SET feedback = 'positive' WHERE id = 'msg_2';
    INSERT INTO chatkit_deleted_item (user_id, thread_id, id, position)
    VALUES ('user_alice', 'thr_1', 'msg_3', 3);
    INSERT INTO chatkit_attachment (user_id, id, document) VALUES ('user_alice', 'atc_1', '{}');
    INSERT INTO chatkit_thread_cursor (user_id, thread_id, last_message_at)
    VALUES ('user_alice', 'thr_1', now());
    INSERT INTO chatkit_turn (user_id, id, thread_id, message_id, state, worker, lease_until,
                              idempotency_key)
    VALUES ('user_alice', 'turn_1', 'thr_1', 'msg_1', 'running', 'worker_1', '2020-01-01', 'key_1');
    INSERT INTO chatkit_turn_event (user_id, turn_id, seq, events)
    VALUES ('user_alice', 'turn_1', 1, 'secret');
    INSERT INTO chatkit_limit (user_id, kind, ends_at, taken, most)
    VALUES ('user_alice', 'turns_per_minute', now() + interval '1 hour', 60, 60);
"""
PARAMS: Final[dict[str, Any]] = {
    "after": "",
    "anywhere": True,
    "archived_at": None,
    "at": "infinity",
    "attachment_id": "atc_1",
    "before": "infinity",
    "before_position": 0,
    "before_thread": "",
    "bytes": 1_000_000,
    "created_at": "2026-01-01T00:00:00Z",
    "deletion_id": "del_1",
    "document": "{}",
    "events": "foreign",
    "feedback": "negative",
    "hash": None,
    "hidden": ["hidden_context_item"],
    "id": "~",
    "ids": ["msg_4"],
    "item": "{}",
    "item_id": "msg_1",
    "item_ids": ["msg_1", "msg_2"],
    "key": "key_1",
    "kind": "user_message",
    "last_message_at": "2026-01-01T00:00:00Z",
    "last_position": 99,
    "lease": 10,
    "left_out": [],
    "limit": 10,
    "looked_at": 1_000,
    "mark": "mark",
    "message_id": "msg_1",
    "most": 10,
    "near": 100,
    "old_title": "Secret",
    "outcome": "failed",
    "page": "{}",
    "page_id": "shcx_1",
    "page_kind": "hidden_context_item",
    "pinned_at": None,
    "position": 0,
    "positions": [4],
    "preview": "foreign",
    "previews": ["foreign"],
    "query": "'secret'",
    "seconds": 11,
    "seq": 0,
    "since": "-infinity",
    "state": "failed",
    "status": "active",
    "thread": "{}",
    "thread_id": "thr_1",
    "thread_ids": ["thr_1"],
    "title": "Foreign",
    "title_source": "user",
    "title_words": ["foreign"],
    "told": "foreign",
    "turn_id": "turn_1",
    "user_id": MALLORY,
    "wanted": 1,
    "words": ["foreign"],
    "worker": "worker_1",
    "written": ["msg_1", "msg_2"],
}
# Where the same name means something else.
OTHERWISE: Final[dict[str, dict[str, Any]]] = {
    "chat.exports.items": {"after": 0},
    "chat.imports.items": {
        "positions": [9],
        "ids": ["msg_9"],
        "kinds": ["user_message"],
        "feedback": [None],
        "outcomes": [None],
        "created_at": ["2026-01-01T00:00:00Z"],
        "documents": ["{}"],
    },
    "chat.item_pages.page_desc": {"position": 99},
    "chat.thread_pages.page_asc": {"at": "-infinity", "id": ""},
    "chat.search_words.fill_titles": {"ids": ["thr_5"]},
    "chat.thread_marks.unpin": {"thread_id": "thr_2"},
    "chat.thread_marks.unarchive": {"thread_ids": ["thr_3"]},
    "chat.turn_ends.store_events": {"seq": 1},
    "chat.limits.take": {"kind": "turns_per_minute", "seconds": 60, "number": 1, "most": 60},
    "chat.limits.wait": {"kinds": ["turns_per_minute"]},
    "chat.turns.begin": {"kinds": ["turns_per_minute"], "seconds": [60], "mosts": [60]},
    "chat.items.add": {"item_id": "msg_9", "hidden": False},
    "chat.items.set_feedback": {"kind": "assistant_message", "item_ids": ["msg_2"]},
}
ABOUT_PEOPLE: Final = [
    each
    for each in statements()
    if each.module.place.startswith("chat/tables/") and each.label not in FOR_EVERYBODY
]


def without_its_owner(statement: Statement) -> str:
    """Return the statement as somebody would have written it who forgot about owners."""
    return re.sub(OWNED, "TRUE", statement.sql)


def outcome(conn: Connection, sql: str, params: dict[str, Any]) -> tuple[Any, ...]:
    """Run it and return what came of it; moments of the clock are left out."""
    try:
        cursor = conn.execute(sql, params)
    except psycopg.Error as exc:
        return (type(exc).__name__,)
    rows = cursor.fetchall() if cursor.description else []
    return cursor.rowcount, [re.sub(r"datetime\([^)]*\)", "", repr(row)) for row in rows]


def rows_of(conn: Connection, user_id: str, tables: list[str]) -> dict[str, list[Any]]:
    """Return everything that somebody has, table by table."""
    return {
        table: conn.execute(
            f"SELECT t::text FROM {table} AS t WHERE user_id = %(user_id)s ORDER BY 1",  # noqa: S608
            {"user_id": user_id},
        ).fetchall()
        for table in tables
    }


def harm(
    conn: Connection, empty: Connection, statement: Statement, tables: list[str]
) -> str | None:
    """Run the statement as Mallory, without its owner, and tell what Alice lost by that."""
    params = {**PARAMS, **OTHERWISE.get(statement.label, {}), "anywhere": not conn.walled}
    with empty.transaction(force_rollback=True):
        harmless = outcome(empty, statement.sql, params)
    # What a foreign thread's id means to an empty database; anything else is a wrong parameter.
    assert len(harmless) == 2 or harmless == ("ForeignKeyViolation",), (statement.label, harmless)
    before = rows_of(conn, ALICE, tables)
    assert all(before.values()), before
    with conn.transaction(force_rollback=True):
        with conn.transaction() as inner:
            found = outcome(conn, without_its_owner(statement), params)
            if len(found) == 1:
                raise psycopg.Rollback(inner)
        after = rows_of(conn, ALICE, tables)
    if after != before:
        return "changed"
    return None if found == harmless else f"{found} instead of {harmless}"


@pytest.fixture(scope="module")
def empty(databases: Databases, migrated: str) -> Iterator[Connection]:
    """A database in which nobody ever said anything."""
    with Connection.connect(databases.create("nobody", template=migrated), autocommit=True) as conn:
        yield conn
    databases.drop("nobody")


@pytest.fixture(scope="module")
def alices(databases: Databases, migrated: str, row_level_security: bool) -> Iterator[Connection]:
    """A database with something of Alice's in every table, as Mallory's statements meet it."""
    dsn = databases.create("alices", template=migrated)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(ALICES_ROWS)
    if row_level_security:
        conn = WalledConnection.connect(behind_the_wall(dsn), autocommit=True)
    else:
        conn = Connection.connect(dsn, autocommit=True)
    with conn:
        yield conn
    databases.drop("alices")


def test_without_owners_nothing_is_lost_behind_the_wall_and_much_without_it(
    alices: Connection, empty: Connection
) -> None:
    tables = [row[0] for row in empty.execute(TABLES)]
    assert {"chatkit_thread", "chatkit_limit"} <= {*tables}
    harms = {each.label: harm(alices, empty, each, tables) for each in ABOUT_PEOPLE}
    lost = {label: what for label, what in harms.items() if what}

    assert len(harms) > 60
    if alices.walled:
        assert not lost
    else:
        # The others only add rows, which are the adder's own.
        assert len(lost) > 0.8 * len(harms), sorted(harms.keys() - lost.keys())
