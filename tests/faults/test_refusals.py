"""A database that can be read but takes nothing new: a standby after a failover, or a full disk."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import psycopg
import pytest
import requests

from tests.faults.asking import (
    Ask,
    Asked,
    ask_at_once,
    code_of,
    first_success,
    slowest,
    stored_messages,
)
from tests.faults.conftest import Faulty
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_model import Reply, pieces_of
from tests.fix_server import Client, StartServer, text_of, thread_of
from tests.fix_turns import KEEP, LONG, begin, eventually, stored_answers

Fault = Callable[[Faulty], contextlib.AbstractContextManager[None]]

# A disk that is full needs a disk of its own, which not every machine lets a test have. So these
# triggers raise what PostgreSQL raises then, with its own words and its own SQLSTATE.
NO_SPACE: Final = """
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE 'could not extend file "base/16384/24601": No space left on device'
            USING ERRCODE = 'disk_full', HINT = 'Check free disk space.';
    END $$;
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
def full_disk(faulty: Faulty) -> Iterator[None]:
    """Nothing can be stored; reading and deleting go on."""
    with psycopg.connect(faulty.dsn, autocommit=True) as conn:
        conn.execute(NO_SPACE)
        try:
            yield
        finally:
            conn.execute(SPACE)


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


def reading(client: Client, thread_id: str) -> dict[str, Ask]:
    items = f'{{"type":"items.list","params":{{"thread_id":"{thread_id}"}}}}'.encode()
    return {
        "page": lambda: client.get("/history"),
        "conversation": lambda: client.get(f"/history/{thread_id}"),
        "list": lambda: client.ask("threads.list"),
        "list with a cursor": lambda: client.ask("threads.list", limit=1),
        "messages": lambda: client.send(items, **KEEP),
        "search": lambda: client.get("/history/search?q=before"),
        "export": lambda: client.get("/history/export.md"),
        "join": lambda: client.get(f"/chatkit/turns/{thread_id}"),
        "/readyz": lambda: client.get("/readyz"),
    }


def writing(client: Client, thread_id: str) -> dict[str, Ask]:
    def said(thread_id: str | None) -> requests.Response:
        stream = begin(client, "after", thread_id)
        if stream.status == 200:
            stream.rest()
        return stream.answer

    return {
        "message": lambda: said(thread_id),
        "first message": lambda: said(None),
        "name": lambda: client.ask("threads.update", thread_id=thread_id, title="New"),
        "pin": lambda: client.post(f"/history/{thread_id}/pin", {}),
        "deletion": lambda: client.post(f"/history/{thread_id}/delete", {"undo": "yes"}),
    }


@pytest.mark.measured
@pytest.mark.parametrize("fault", [read_only, failover, full_disk])
def test_what_cannot_be_saved_is_told_and_reading_goes_on(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures, fault: Fault
) -> None:
    thread_id = thread_of(alice.say("before"))
    alice.say("before too")
    # Nobody reads its end, so the thread is unread: to read it would be to write that down.
    faulty.model.script(Reply(pieces=["unread"], pause=0.2))
    stream = begin(alice, "and then", thread_id, **KEEP)
    next(iter(stream))
    stream.leave()
    eventually(lambda: stored_answers(alice, thread_id)[1:] == ["unread"])

    with fault(faulty):
        # More than a worker lets through before it has to count them in the database.
        read = [*ask_at_once(1, reading(alice, thread_id)), *many(alice)]
        refused = ask_at_once(2, writing(alice, thread_id))
    back = time.monotonic()
    for kind, ask in writing(alice, thread_id).items():
        first_success(kind, ask)
    again = time.monotonic() - back

    failed = [(one.kind, one.status) for one in read if one.status not in {200, 204}]
    assert not failed
    told = {(one.status, code_of(one.answer)) for one in refused}
    assert told <= {(503, "database_read_only"), (503, "page")}
    assert all("Nothing new can be saved" in one.answer.text for one in refused)
    assert all(int(one.answer.headers["Retry-After"]) > 0 for one in refused)
    assert again < 2 + figures.room(3)
    said = ["before", "before too", "and then", "after", "after"]
    stored = stored_messages(faulty.dsn, alice_session.id)
    assert stored == said
    wrong = (Counter(said) - Counter(stored)) + (Counter(stored) - Counter(said))
    figures.tell(
        "E2 I1",
        f"A database that takes nothing new ({fault.__name__.replace('_', ' ')}): reading goes on,"
        " what cannot be saved is refused and says so, and writing goes on soon after it.",
        {
            "reads": len(read),
            "failed reads": len(failed),
            "writes refused, all with 503 and the reason": len(refused),
            "slowest answer, s": slowest([*read, *refused]),
            "five kinds of writes done after it, one after the other, s": round(again, 2),
            "messages lost or doubled": wrong.total(),
        },
    )


def many(client: Client) -> list[Asked]:
    return [
        one
        for _ in range(10)
        for one in ask_at_once(10, {"many": lambda: client.ask("threads.list")})
    ]


@pytest.mark.parametrize("fault", [read_only, full_disk])
def test_an_answer_that_is_being_written_waits_until_it_can_be_stored(
    faulty: Faulty, alice: Client, fault: Fault
) -> None:
    thread_id = thread_of(alice.say("first"))
    faulty.model.script(Reply(pieces=pieces_of(LONG), pause=0.03))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    with fault(faulty):
        # It is written to its end meanwhile; what is missing is to store it.
        eventually(lambda: stream.read(deltas=1).endswith(LONG[-4:]))
    events = stream.rest()

    assert text_of(events) == LONG
    assert not [event for event in events if event["type"] == "error"]
    assert stored_answers(alice, thread_id)[1] == LONG


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
