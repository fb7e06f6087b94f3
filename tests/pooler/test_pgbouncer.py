"""Behind a real PgBouncer in transaction mode, where a statement may meet any connection."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import psycopg
import pytest

from chat.connection import Connection
from chat.db import Database
from chat.errors import ConfigError
from chat.migrate import FOLDER, migrate, read_files
from chat.tables import threads
from chat.wall import WalledConnection, check_wall
from dev.local_postgres import LocalPostgres
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer
from tests.fix_pgbouncer import PgBouncer
from tests.fix_postgres import behind_the_wall
from tests.fix_server import StartServer, text_of, thread_of, words
from tests.fix_store import a_thread

ALICE, MALLORY = "user_alice", "user_mallory"
EVERY_ROW: Final = """
    SELECT pg_backend_pid(), user_id
      FROM chatkit_thread
"""
LEFT_BEHIND: Final = """
    SELECT pg_backend_pid(),
           coalesce(current_setting('threadkeeper.user_id', true), ''),
           coalesce(current_setting('threadkeeper.everybody', true), ''),
           (SELECT count(*) FROM chatkit_thread)
"""
ROUNDS: Final = 100
# Only `./run soak` asks for PgBouncer; `./run test` passes on a machine that has none.
pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def narrow(postgres: LocalPostgres) -> Iterator[PgBouncer]:
    """A PgBouncer with one connection to a database, which all clients share."""
    pooler = PgBouncer(postgres, postgres.root / "narrow", pool_size=1)
    pooler.start()
    yield pooler
    pooler.stop()


def test_many_clients_share_a_few_connections_and_change_between_them(
    pgbouncer: PgBouncer, dsn: str
) -> None:
    def backends(conn: Connection) -> set[int]:
        asked = "SELECT pg_backend_pid(), pg_sleep(0.01)"
        return {conn.execute(asked).fetchall()[0][0] for _ in range(20)}

    with ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        clients = [
            stack.enter_context(Connection.connect(pgbouncer.to(dsn), autocommit=True))
            for _ in range(12)
        ]
        met = list(pool.map(backends, clients))

    assert len(set.union(*met)) <= pgbouncer.pool_size
    assert all(len(backends) > 1 for backends in met)


def test_workers_that_start_at_once_migrate_an_empty_database_once(
    pgbouncer: PgBouncer, empty_dsn: str
) -> None:
    pooled = pgbouncer.to(empty_dsn)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: migrate(pooled), range(4)))

    assert sum(counts) == len(read_files(FOLDER))


def test_a_start_finds_the_wall_and_the_role_that_walks_through_it(
    pgbouncer: PgBouncer, dsn: str
) -> None:
    plain = pgbouncer.to(behind_the_wall(dsn))

    check_wall(plain, wanted=True)
    with pytest.raises(ConfigError, match="would see nothing"):
        check_wall(plain, wanted=False)
    with pytest.raises(ConfigError, match="the role app is a superuser"):
        check_wall(pgbouncer.to(dsn), wanted=True)


def test_no_statement_is_left_prepared_however_often_it_runs(narrow: PgBouncer, dsn: str) -> None:
    databases = [Database(narrow.to(dsn), pool_size=1) for _ in range(2)]
    for _ in range(10):
        for database in databases:
            database.run(threads.save, user_id=ALICE, thread=a_thread())
            database.run(threads.load, user_id=ALICE, thread_id="thr_1")
    for database in databases:
        database.close()

    with Connection.connect(narrow.to(dsn)) as conn:
        assert conn.execute("SELECT name FROM pg_prepared_statements").fetchall() == []


def talk(conn: Connection, user_id: str) -> list[tuple[int, str]]:
    """Write and read as somebody; return the connection and the owner of each row that comes.

    No statement asks for the owner here, so that only the second wall does.
    """
    me = {"user_id": user_id}
    seen = []
    for number in range(ROUNDS):
        threads.save(conn, thread=a_thread(f"thr_{number % 3}"), **me)
        seen += conn.execute(EVERY_ROW, me).fetchall()
        with conn.transaction():
            seen += conn.execute(EVERY_ROW, me).fetchall()
            seen += conn.execute(EVERY_ROW, me).fetchall()
        with pytest.raises(psycopg.errors.DivisionByZero):
            conn.execute("SELECT 1 / 0", me)
    return seen


def look_around(conn: Connection) -> list[tuple[int, str, str, int]]:
    """Return what somebody finds who names nobody: the connection, names, and rows."""
    return [row for _ in range(ROUNDS) for row in conn.execute(LEFT_BEHIND)]


def test_two_people_on_one_connection_to_postgresql_never_meet(
    narrow: PgBouncer, dsn: str, figures: Figures
) -> None:
    plain = narrow.to(behind_the_wall(dsn))
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        alices, mallorys, nobodys = (
            stack.enter_context(kind.connect(plain, autocommit=True))
            for kind in (WalledConnection, WalledConnection, Connection)
        )
        looking = pool.submit(look_around, nobodys)
        talks = {ALICE: pool.submit(talk, alices, ALICE)}
        talks[MALLORY] = pool.submit(talk, mallorys, MALLORY)
        met = [(me, *row) for me, talk in talks.items() for row in talk.result()]
        left = looking.result()

    connections = {row[1] for row in met} | {row[0] for row in left}
    measured = {
        "connections to PostgreSQL": len(connections),
        "rows seen": len(met),
        "rows of others": sum(owner != me for me, _, owner in met),
        "names or rows found by nobody": sum(row[1:] != ("", "", 0) for row in left),
    }
    assert list(measured.values()) == [1, measured["rows seen"], 0, 0]
    assert measured["rows seen"] >= 6 * ROUNDS
    figures.tell(
        "I1 I4",
        "Behind a pooler two people share one connection to PostgreSQL: the second wall shows "
        "each their own rows only, and a third one on it finds no name and no row",
        measured,
    )


@pytest.mark.parametrize("row_level_security", [False, True], ids=["one_wall", "two_walls"])
def test_a_conversation_and_its_limits_go_through_it(
    pgbouncer: PgBouncer,
    dsn: str,
    row_level_security: bool,
    start_server: StartServer,
    model_server: ModelServer,
    alice_session: Person,
    mallory_session: Person,
) -> None:
    server = start_server(
        workers=2,
        DATABASE_URL=pgbouncer.to(behind_the_wall(dsn) if row_level_security else dsn),
        ROW_LEVEL_SECURITY="on" if row_level_security else "off",
        OPENAI_BASE_URL=model_server.base_url,
        CHAT_MODEL="test-model",
        TURNS_PER_MINUTE="2",
    )
    alice, mallory = server.client(alice_session), server.client(mallory_session)

    first = alice.say("Hello")
    thread_id = thread_of(first)
    second = alice.say("Again", thread_id)
    refused = alice.ask("threads.add_user_message", thread_id=thread_id, input=words("More"))

    assert (text_of(first), text_of(second)) == ("You said: Hello", "You said: Again")
    assert refused.status_code == 429
    assert text_of(mallory.say("Hello")) == "You said: Hello"
    pages = [
        [who.get(f"/history/{thread_id}").status_code for _ in range(8)] for who in (alice, mallory)
    ]
    assert pages == [[200] * 8, [404] * 8]
