"""The database is not there yet, is stopped hard, or loses an answer: nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from dev.local_postgres import LocalPostgres
from tests.faults.asking import (
    Ask,
    Asked,
    Said,
    ask_at_once,
    ask_while,
    asked,
    code_of,
    every_kind,
    refusals_of,
    slowest,
    stored_messages,
)
from tests.faults.conftest import Faulty, seconds_of
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_model import Reply, pieces_of
from tests.fix_proxy import Proxy
from tests.fix_server import Client, StartServer, text_of, thread_of
from tests.fix_turns import KEEP, LONG, begin, eventually, stored_answers

OUTAGE_SECONDS = 5


def test_a_server_starts_without_its_database_and_migrates_when_it_comes(
    empty_dsn: str, start_server: StartServer, alice_session: Person
) -> None:
    proxy = Proxy(empty_dsn)
    with proxy.away():
        server = start_server(DATABASE_URL=proxy.dsn)
        alice = server.client(alice_session)
        before = asked("list", lambda: alice.ask("threads.list"))
        ready = alice.get("/readyz").status_code
    back = time.monotonic()
    eventually(lambda: alice.ask("threads.list").status_code == 200)

    assert (before.status, code_of(before.answer)) == (503, "database_unavailable")
    assert before.seconds < 8
    assert ready == 503
    assert time.monotonic() - back < 20  # The migrations are in it.
    assert text_of(alice.say("hello"))
    server.kill()
    proxy.close()


@pytest.mark.parametrize(
    ("trip", "after"),
    [
        (b"-- chat.turns.begin", b""),
        (b"COMMIT", b"-- chat.turns.begin"),
        (b"-- chat.threads.start", b""),
    ],
    ids=["begin", "commit", "thread"],
)
@pytest.mark.parametrize("fresh", [True, False], ids=["new thread", "old thread"])
def test_a_message_is_stored_once_when_the_answer_to_its_statement_is_lost(
    faulty: Faulty, alice: Client, alice_session: Person, trip: bytes, after: bytes, fresh: bool
) -> None:
    thread_id = None if fresh else thread_of(alice.say("first"))
    if not fresh and b"threads" in trip:
        trip = b"-- chat.items.add"

    faulty.proxy.drop_one_answer(trip, after=after)
    answer = text_of(alice.say("only once", thread_id))

    assert faulty.proxy.answer_dropped
    assert answer == "You said: only once"
    messages = stored_messages(faulty.dsn, alice_session.id)
    assert messages == (["only once"] if fresh else ["first", "only once"])


def test_the_last_turn_that_a_person_may_have_survives_a_lost_commit(
    faulty: Faulty, alice: Client, alice_session: Person
) -> None:
    faulty.model.script(*[Reply(pieces=["x"], then="hang") for _ in range(5)])
    streams = []
    for number in range(4):
        streams.append(begin(alice, f"no {number}"))
        streams[-1].read(deltas=1)

    faulty.proxy.drop_one_answer(b"COMMIT", after=b"-- chat.turns.begin")
    fifth = begin(alice, "no 4")

    assert fifth.status == 200, fifth.answer.text
    assert fifth.read(deltas=1) == "x"
    assert sorted(stored_messages(faulty.dsn, alice_session.id))[-1] == "no 4"
    for stream in [*streams, fifth]:
        stream.leave()


@pytest.mark.measured
def test_all_connections_in_use_is_told_quickly(
    dsn: str, start_server: StartServer, alice_session: Person, figures: Figures
) -> None:
    server = start_server(DATABASE_POOL_SIZE="1")
    alice = server.client(alice_session)
    thread_id = thread_of(alice.say("mine"))
    kinds = every_kind(alice, thread_id)

    def rename() -> Asked:
        return asked("name", lambda: alice.ask("threads.update", thread_id=thread_id, title="New"))

    with psycopg.connect(dsn) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("SELECT FROM chatkit_thread WHERE id = %s FOR UPDATE", [thread_id])
        waiting = pool.submit(rename)
        eventually(lambda: _waits_for_a_lock(dsn))
        meanwhile = ask_at_once(1, {name: kinds[name] for name in ("page", "list", "/readyz")})
        renamed = waiting.result()

    assert refusals_of(meanwhile) == {(503, "database_busy"), (503, "page")}
    assert slowest(meanwhile) < 2.5 + figures.room(3)
    assert renamed.status == 503
    assert renamed.seconds < 6 + figures.room(3)
    eventually(lambda: alice.ask("threads.list").status_code == 200)
    server.kill()
    figures.tell(
        "E2",
        "With all connections in use, others wait 1.5 s for one and are then told when to come"
        " back.",
        {
            "requests meanwhile, all 503 with Retry-After": len(meanwhile),
            "slowest of them, s": slowest(meanwhile),
            "the one that held the connection was given up after, s": round(renamed.seconds, 2),
        },
    )


def _waits_for_a_lock(dsn: str) -> bool:
    with psycopg.connect(dsn) as conn:
        waiting = conn.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row: Any = waiting.fetchone()
    return bool(row[0])


def test_a_running_turn_outlives_an_outage_and_its_reader_misses_nothing(
    faulty: Faulty, alice: Client
) -> None:
    thread_id = thread_of(alice.say("first"))
    faulty.model.script(Reply(pieces=pieces_of(LONG), pause=0.05))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    # The answer is written to its end in these seconds, and is stored after them.
    with seconds_of(faulty.proxy, OUTAGE_SECONDS):
        pass
    events = stream.rest()

    assert text_of(events) == LONG
    assert not [event for event in events if event["type"] == "error"]
    assert stored_answers(alice, thread_id)[1] == LONG


@pytest.mark.measured
def test_what_was_acknowledged_survives_a_server_that_is_stopped_hard(
    own_postgres: LocalPostgres,
    start_server: StartServer,
    alice_session: Person,
    figures: Figures,
) -> None:
    postgres = own_postgres
    server = start_server(DATABASE_URL=postgres.dsn, workers=2, TURNS_PER_MINUTE="0")
    alice = server.client(alice_session)
    crashes, late, answers = 3, [], list[Asked]()
    said = Said()
    kinds: dict[str, Ask] = {"first message": lambda: said.send(alice, None)}

    for _ in range(crashes):
        going = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask_while, kinds, lambda: not going.is_set())  # noqa: B023
            enough = len(said.acknowledged) + 6
            eventually(lambda: len(said.acknowledged) >= enough, 30)  # noqa: B023
            os.kill(postgres.postmaster() or 0, signal.SIGQUIT)
            eventually(lambda: postgres.postmaster() is None)
            postgres.start()
            back = time.monotonic()
            eventually(lambda: alice.get("/readyz").status_code == 200, 20)
            late.append(time.monotonic() - back)
            going.set()
            answers += asking.result()

    refused = [one for one in answers if one.status != 200]
    stored = stored_messages(postgres.dsn, alice_session.id)
    wrong = said.wrong(stored)
    assert refusals_of(refused) <= {(503, "database_unavailable")}
    assert wrong == {"lost": [], "doubled": [], "unknown": []}
    assert len(answers) == len(said.acknowledged) + len(said.refused)
    assert max(late) < 5 + figures.room(10)
    figures.tell(
        "E2 I1",
        "PostgreSQL is stopped at once (-m immediate) and started again while messages are sent.",
        {
            "stops": crashes,
            "messages acknowledged": len(said.acknowledged),
            **{f"messages {what}": len(texts) for what, texts in wrong.items()},
            "refused, all with 503": len(refused),
            # Of a message that was refused in the middle nobody knew; it may be there, once.
            "of them stored, once": len(said.refused_but_stored(stored)),
            "served again after, s": round(max(late), 2),
        },
    )
