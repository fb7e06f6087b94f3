"""Who stands behind the wall: real roles, and what a start says to each of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from chat.config import Settings
from chat.connection import Connection
from chat.databases import database_of
from chat.db import Database
from chat.errors import ConfigError
from chat.migrate import migrate
from chat.tables import deletions, search_words, threads, turn_ends, turn_logs
from chat.tables.turn_logs import Checkpoint
from chat.wall import WalledConnection, check_wall
from tests.fix_postgres import PLAIN, Databases, behind_the_wall
from tests.fix_proxy import Proxy, proxy
from tests.fix_store import a_message, a_thread
from tests.house.test_sql import FOR_EVERYBODY, LABEL, statements

__all__ = ["proxy"]

ROOT = Path(__file__).parent.parent.parent
ALICE = "user_alice"
FURTHER_ROLES = """
    CREATE ROLE passing LOGIN BYPASSRLS;
    CREATE ROLE owning LOGIN;
    CREATE ROLE belonging LOGIN IN ROLE owning;
"""


@pytest.fixture(scope="module")
def roles(databases: Databases) -> None:
    databases.run(FURTHER_ROLES)


@pytest.fixture
def plain(dsn: str) -> str:
    """The dsn of a role that the wall holds."""
    return behind_the_wall(dsn)


@pytest.fixture
def walled(plain: str) -> Iterator[WalledConnection]:
    with WalledConnection.connect(plain, autocommit=True) as conn:
        yield conn


def refusal(dsn: str, *, wanted: bool = True) -> str:
    with pytest.raises(ConfigError) as raised:
        check_wall(dsn, wanted=wanted)
    return str(raised.value)


def test_a_plain_role_is_held_and_may_start(plain: str) -> None:
    check_wall(plain, wanted=True)


@pytest.mark.parametrize("role", ["app", "passing", "owning", "belonging"])
def test_a_role_that_walks_through_is_refused_with_the_remedy(
    roles: None, plain: str, dsn: str, role: str
) -> None:
    with psycopg.connect(dsn) as conn:
        for table in ("chatkit_thread", "chatkit_thread_item", "chatkit_turn"):
            conn.execute(f"ALTER TABLE {table} OWNER TO owning")
    said = refusal(make_conninfo(dsn, user=role))

    assert f"the role {role} " in said
    assert "CREATE ROLE threadkeeper_app" in said
    assert "NOBYPASSRLS" in said
    # The same roles may go on without the setting, beside workers that have it.
    if role in {"app", "passing"}:
        check_wall(make_conninfo(dsn, user=role), wanted=False)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("ALTER TABLE chatkit_turn DISABLE ROW LEVEL SECURITY", "chatkit_turn is not behind it"),
        ("DROP POLICY chatkit_owner ON chatkit_attachment", "chatkit_attachment lacks its policy"),
        (
            "ALTER POLICY chatkit_owner ON chatkit_thread USING (true)",
            "chatkit_thread lacks its policy",
        ),
        (
            "CREATE POLICY support ON chatkit_thread_item FOR SELECT USING (true)",
            "DROP POLICY support ON chatkit_thread_item",
        ),
        (
            "ALTER POLICY chatkit_everybody_read ON chatkit_turn USING (true)",
            "DROP POLICY chatkit_everybody_read ON chatkit_turn",
        ),
        (
            "ALTER POLICY chatkit_everybody_change ON chatkit_turn WITH CHECK (true)",
            "DROP POLICY chatkit_everybody_change ON chatkit_turn",
        ),
        ("REVOKE INSERT ON chatkit_thread FROM plain", "chatkit_thread is closed: GRANT"),
        (
            "CREATE TABLE chatkit_new (user_id text); GRANT ALL ON chatkit_new TO plain",
            "chatkit_new is not behind it",
        ),
    ],
)
def test_a_hole_in_the_wall_is_named(plain: str, dsn: str, damage: str, said: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(damage)

    assert said in refusal(plain)


def test_row_security_that_was_switched_off_for_the_role_is_named(
    plain: str, by_hand: Connection
) -> None:
    name = sql.Identifier(by_hand.info.dbname)
    off = sql.SQL("ALTER ROLE plain IN DATABASE {} SET row_security = off")
    by_hand.execute(off.format(name))

    assert "ALTER ROLE plain RESET row_security" in refusal(plain)


def test_a_database_without_the_wall_is_refused_until_the_owner_raises_it(dsn: str) -> None:
    plain = make_conninfo(dsn, user=PLAIN)
    assert "ROW_LEVEL_SECURITY=on python -m chat.migrate" in refusal(plain)

    behind_the_wall(dsn)

    check_wall(plain, wanted=True)


def test_a_worker_that_does_not_know_of_the_wall_in_front_of_it_is_refused(plain: str) -> None:
    said = refusal(plain, wanted=False)

    assert "would see nothing" in said
    assert "set it to on" in said


def test_what_was_raised_is_kept_whole_and_never_taken_down(plain: str, dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute("ALTER TABLE chatkit_turn DISABLE ROW LEVEL SECURITY")

    migrate(dsn)

    check_wall(plain, wanted=True)


@pytest.mark.parametrize("on", [True, False])
def test_the_app_says_so_and_does_not_start(dsn: str, on: bool) -> None:
    plain = behind_the_wall(dsn)
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {
        "DATABASE_URL": dsn if on else plain,
        "BETTER_AUTH_URL": "http://localhost:1",
        "ROW_LEVEL_SECURITY": "on" if on else "off",
    }
    words = [sys.executable, "-c", "import wsgi"]
    done = subprocess.run(
        words, env=keep | settings, cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.returncode != 0
    assert "Threadkeeper cannot start:\nROW_LEVEL_SECURITY is" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_in_both_modes_serve_the_same_people(plain: str, dsn: str) -> None:
    with_wall = Settings(plain, "http://localhost", row_level_security=True)
    without = Settings(dsn, "http://localhost")
    one, other = (database_of(settings, pool_size=1) for settings in (with_wall, without))

    one.run(threads.save, user_id=ALICE, thread=a_thread("thr_1", "By one"))
    other.run(threads.save, user_id=ALICE, thread=a_thread("thr_2", "By the other"))

    for database in (one, other):
        for thread_id in ("thr_1", "thr_2"):
            assert database.run(threads.load, user_id=ALICE, thread_id=thread_id).title
        database.close()


def test_nothing_of_an_owner_stays_on_the_connection(walled: WalledConnection) -> None:
    threads.save(walled, user_id=ALICE, thread=a_thread())
    raw = super(WalledConnection, walled).execute

    left = raw("SELECT current_setting('threadkeeper.user_id', true)").fetchone()
    seen = raw("SELECT count(*) FROM chatkit_thread").fetchone()

    assert left in {("",), (None,)}
    assert seen == (0,)


def test_within_a_transaction_each_statement_has_its_own_owner(walled: WalledConnection) -> None:
    count = "SELECT count(*) FROM chatkit_thread"
    with walled.transaction():
        threads.save(walled, user_id=ALICE, thread=a_thread())
        assert walled.execute(count, {"user_id": ALICE}).fetchone() == (1,)
        assert walled.execute_for_everybody(count).fetchone() == (1,)
        assert walled.execute(count, {"user_id": "user_mallory"}).fetchone() == (0,)
        assert walled.execute(count).fetchone() == (0,)


def test_everybodys_door_leads_to_little(walled: WalledConnection) -> None:
    threads.start(walled, user_id=ALICE, thread=a_thread(), first_item=a_message())
    refused = (
        "UPDATE chatkit_thread SET title = 'taken'",
        "INSERT INTO chatkit_thread (user_id, id, document) VALUES ('user_alice', 'x', '{}')",
        "INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)"
        " VALUES ('user_alice', 'thr_1', 9, 'x', 'user_message', '{}')",
    )

    for statement in refused:
        with pytest.raises(errors.InsufficientPrivilege):
            walled.execute_for_everybody(statement)
    assert walled.execute_for_everybody("DELETE FROM chatkit_thread_item").rowcount == 0
    assert walled.execute_for_everybody("SELECT FROM chatkit_turn_event").rowcount == 0
    assert walled.execute_for_everybody("SELECT FROM chatkit_attachment").rowcount == 0


def test_only_those_that_serve_everybody_say_so() -> None:
    calls = Counter(
        label[1]
        for each in statements()
        if (label := LABEL.match(each.sql))
        and each.constant
        and f"execute_for_everybody({each.constant}" in _joined(each.module.text)
    )

    assert calls.keys() == FOR_EVERYBODY.keys()


def _joined(text: str) -> str:
    return text.replace("execute_for_everybody(\n        ", "execute_for_everybody(")


ODD: list[Any] = [
    "O'Reilly \\ 100% %s %(user_id)s; -- DROP",
    "line\nbreak\ttab \u202e 京都 😀",
    "",
    None,
    True,
    -1,
    2**62,
    0.1,
    -1e300,
    datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    ["a", 'b"', "c\\", "{}", "NULL", None, "%", ""],
    [1, -2, 2**40],
    [],
]


@pytest.mark.parametrize("value", ODD, ids=[str(n) for n in range(len(ODD))])
def test_parameters_arrive_as_they_do_without_the_wall(
    walled: WalledConnection, by_hand: Connection, value: Any
) -> None:
    kinds = {str: "text", bool: "boolean", int: "bigint", float: "float8", datetime: "timestamptz"}
    kind = kinds.get(type(value), "text")
    if isinstance(value, list):
        kind = "bigint[]" if value and isinstance(value[0], int) else "text[]"
    # Written into a statement, -1::text would be -(1::text): ours cast a number once.
    given = f"SELECT %(value)s::{kind}"
    statement = f"SELECT v, v::text, v::text LIKE '%%' FROM ({given}) AS given (v)"  # noqa: S608
    params = {"user_id": "a%'\\b", "value": value}

    there = walled.execute(statement, params).fetchone()
    here = by_hand.execute(statement, params).fetchone()

    assert there == here
    assert there is not None
    assert there[0] == value


def trips(database: Database, proxy: Proxy) -> tuple[list[str], int]:
    """Do what a conversation does; return the statements and the times that we waited."""
    database.run(threads.save, user_id=ALICE, thread=a_thread("thr_0"))
    proxy.take_statements()
    proxy.take_turns()
    database.run(threads.start, user_id=ALICE, thread=a_thread(), first_item=a_message("m1"))
    database.run(threads.load, user_id=ALICE, thread_id="thr_1")
    database.run(deletions.set_all_aside, user_id=ALICE, deletion_id="del_1")
    database.run(deletions.purge)
    database.run(turn_ends.expired)
    database.run(turn_logs.forget)
    database.run(turn_logs.checkpoint, worker="w", rows=[Checkpoint(ALICE, "turn_1", 0, "x")])
    database.run(search_words.fill_some)
    return proxy.take_statements(), proxy.take_turns()


def test_the_wall_takes_no_statement_and_no_round_trip_more(
    proxy: Proxy, dsn: str, by_hand: Connection
) -> None:
    without = Database(proxy.dsn, pool_size=1)
    one_wall = trips(without, proxy)
    without.close()
    by_hand.execute("DELETE FROM chatkit_thread")
    plain = make_conninfo(proxy.dsn, user=PLAIN)
    behind_the_wall(dsn)
    walled = Database(plain, pool_size=1, connection_class=WalledConnection)
    two_walls = trips(walled, proxy)
    walled.close()

    assert one_wall == two_walls
    assert len(one_wall[0]) == one_wall[1] >= 12
