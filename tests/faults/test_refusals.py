"""A database that can be read but takes nothing new: a standby after a failover, or a full disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, LiteralString

import psycopg
import pytest

from tests.faults.asking import ask_at_once
from tests.faults.conftest import Faulty
from tests.faults.refusals import (
    REASON,
    Fault,
    an_answer_waits_until_it_can_be_stored,
    prepared,
    reading,
    what_cannot_be_saved_is_told_and_reading_goes_on,
)
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_model import Reply, pieces_of
from tests.fix_server import Client, StartServer, thread_of
from tests.fix_turns import KEEP, LONG, begin, eventually

# A disk that is really full has to be mounted, which only root may do: test_full_disk.py does, in
# `./run soak`. Here triggers raise what PostgreSQL raises then, with its words and its SQLSTATE.
NO_SPACE: Final = """
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE 'could not extend file "base/16384/24601": No space left on device'
            USING ERRCODE = 'disk_full', HINT = 'Check free disk space.';
    END $$
"""
FOR_EVERYTHING: Final = """
    DO $$
    DECLARE target regclass;
    BEGIN
        FOR target IN SELECT oid FROM pg_class
                       WHERE relname LIKE 'chatkit\\_%' AND relkind = 'r'
        LOOP
            EXECUTE format('CREATE TRIGGER no_space BEFORE INSERT OR UPDATE ON %s'
                           ' FOR EACH STATEMENT EXECUTE FUNCTION no_space()', target);
        END LOOP;
    END $$
"""
# A row of events may have no room where a lease, which is as long as it was, still has some.
FOR_EVENTS: Final = """
    CREATE TRIGGER no_space BEFORE INSERT ON chatkit_turn_event
       FOR EACH ROW EXECUTE FUNCTION no_space()
"""
LEFT_BEHIND: Final = """
    INSERT INTO chatkit_turn (user_id, thread_id, id, state, worker, lease_until)
    VALUES (%s, %s, 'turn_left_behind', 'running', 'one that died', now() - interval '1 minute')
"""
GOING: Final = 4
SPACE: Final = "DROP FUNCTION no_space CASCADE"
READ_ONLY: Final = """
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
                       current_database());
    END $$
"""
WRITABLE: Final = """
    DO $$
    BEGIN
        EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only',
                       current_database());
    END $$
"""


@contextlib.contextmanager
def no_space(faulty: Faulty, triggers: LiteralString) -> Iterator[None]:
    """Nothing can be stored where these triggers are."""
    with psycopg.connect(faulty.dsn, autocommit=True) as conn:
        conn.execute(NO_SPACE)
        conn.execute(triggers)
        try:
            yield
        finally:
            conn.execute(SPACE)


def full_disk(faulty: Faulty) -> contextlib.AbstractContextManager[None]:
    """Nothing can be stored; reading and deleting go on."""
    return no_space(faulty, FOR_EVERYTHING)


@contextlib.contextmanager
def read_only(faulty: Faulty) -> Iterator[None]:
    """Every connection is read-only, those that are open too; all of them are writable after."""
    with psycopg.connect(faulty.dsn, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        conn.execute("SELECT pg_reload_conf()")
        try:
            eventually(lambda: _writes(faulty.dsn) == "on")
            yield
        finally:
            conn.execute("ALTER SYSTEM RESET default_transaction_read_only")
            conn.execute("SELECT pg_reload_conf()")
            eventually(lambda: _writes(faulty.dsn) == "off")


@contextlib.contextmanager
def failover(faulty: Faulty) -> Iterator[None]:
    """Connections that are made now are read-only, and stay so after it for as long as they live.

    So is one to what was the primary, and is a standby since.
    """
    with psycopg.connect(faulty.dsn, autocommit=True) as conn:
        conn.execute(READ_ONLY)
        faulty.proxy.cut()
        try:
            yield
        finally:
            conn.execute(WRITABLE)


def _writes(dsn: str) -> str:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SHOW default_transaction_read_only").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.measured
@pytest.mark.parametrize("fault", [read_only, failover, full_disk])
def test_what_cannot_be_saved_is_told_and_reading_goes_on(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures, fault: Fault
) -> None:
    writing = prepared(faulty, alice, alice_session)

    told = what_cannot_be_saved_is_told_and_reading_goes_on(faulty, writing, figures, fault)

    figures.tell(
        "E2 I1",
        f"A database that takes nothing new ({fault.__name__.replace('_', ' ')}): reading goes on,"
        " what cannot be saved is refused and says so, and writing goes on soon after it.",
        told,
    )


@pytest.mark.parametrize("fault", [read_only, full_disk])
def test_an_answer_that_is_being_written_waits_until_it_can_be_stored(
    faulty: Faulty, alice: Client, fault: Fault
) -> None:
    an_answer_waits_until_it_can_be_stored(faulty, alice, fault)


def test_a_turn_stays_with_its_worker_though_what_it_streams_has_no_room(
    faulty: Faulty, alice: Client
) -> None:
    thread_id = thread_of(alice.say("first"))
    faulty.model.script(Reply(pieces=["long"], then="hang"))

    with no_space(faulty, FOR_EVENTS):
        stream = begin(alice, "go on", thread_id, **KEEP)
        assert stream.read(deltas=1) == "long"
        leased = lease(faulty, thread_id)
        eventually(lambda: lease(faulty, thread_id) - leased > timedelta(seconds=2))

    stream.leave()
    alice.ask("threads.delete", thread_id=thread_id)


def test_who_joins_a_turn_that_cannot_be_settled_is_told_and_does_not_wait(
    faulty: Faulty, alice: Client, alice_session: Person
) -> None:
    thread_id = thread_of(alice.say("first"))
    with psycopg.connect(faulty.dsn, autocommit=True) as conn:
        conn.execute(LEFT_BEHIND, [alice_session.id, thread_id])
    # Turns that run in both workers, and cannot be stored either.
    going = []
    for number in range(GOING):
        faulty.model.script(Reply(pieces=pieces_of(LONG), pause=0.2))
        going.append(begin(alice, f"no {number}", **KEEP))
        going[-1].read(deltas=1)

    with full_disk(faulty):
        answer = alice.get(f"/chatkit/turns/{thread_id}")
    for stream in going:
        alice.ask("threads.delete", thread_id=thread_of(stream.seen))
        stream.leave()
    alice.ask("threads.delete", thread_id=thread_id)

    # At once, or as the end of a stream that began before it was known. Whoever waits is told
    # every 15 s that somebody works at it, and here nobody does.
    assert REASON in answer.text
    assert answer.text.count("Still working") <= 1


def lease(faulty: Faulty, thread_id: str) -> datetime:
    with psycopg.connect(faulty.dsn) as conn:
        row = conn.execute(
            "SELECT lease_until FROM chatkit_turn WHERE thread_id = %s AND state = 'running'",
            [thread_id],
        ).fetchone()
    assert row is not None
    until: datetime = row[0]
    return until


def test_a_server_that_starts_on_a_standby_can_be_read(
    faulty: Faulty, alice: Client, alice_session: Person, start_server: StartServer
) -> None:
    thread_id = thread_of(alice.say("before"))

    with read_only(faulty):
        server = start_server(DATABASE_URL=faulty.dsn)
        late = server.client(alice_session)
        answers = ask_at_once(1, reading(late, thread_id))

    assert {one.kind: one.status for one in answers if one.status not in {200, 204}} == {}
    server.kill()
