"""The database goes away, freezes, or loses an answer: honest answers, and nothing is lost."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import requests

from tests.faults.conftest import Faulty
from tests.faults.processes import workers_of
from tests.fix_auth import Person
from tests.fix_model import Reply, pieces_of
from tests.fix_proxy import Proxy
from tests.fix_server import Client, StartServer, text_of, thread_of
from tests.turns.test_turns import KEEP, LONG, begin, eventually, stored_answers

OUTAGE_SECONDS = 5


def timed(ask: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    """Return the answer, and the seconds that it took."""
    began = time.monotonic()
    return ask(), time.monotonic() - began


def at_once(number: int, ask: Callable[[], requests.Response]) -> list[requests.Response]:
    with ThreadPoolExecutor(number) as pool:
        return [each.result() for each in [pool.submit(ask) for _ in range(number)]]


def code_of(answer: requests.Response) -> str:
    return str(answer.json()["error"]["code"])


def stored_messages(dsn: str, user_id: str) -> list[str]:
    """Return what the person said, as it is stored."""
    with psycopg.connect(dsn) as conn:
        rows = conn.execute(
            "SELECT document::jsonb -> 'content' -> 0 ->> 'text' FROM chatkit_thread_item"
            " WHERE user_id = %s AND kind = 'user_message' ORDER BY position",
            [user_id],
        ).fetchall()
    return [str(row[0]) for row in rows]


@contextlib.contextmanager
def seconds_of(proxy: Proxy, seconds: float) -> Iterator[Callable[[], bool]]:
    """An outage that lasts so long; the question is whether it still does."""
    until = time.monotonic() + seconds
    with proxy.away():
        yield lambda: time.monotonic() < until
        time.sleep(max(0.0, until - time.monotonic()))


def test_the_first_requests_after_a_suspend_all_succeed(faulty: Faulty, alice: Client) -> None:
    at_once(20, lambda: alice.ask("threads.list"))
    assert faulty.proxy.connections > 2

    faulty.proxy.cut()
    answers = at_once(10, lambda: alice.ask("threads.list"))

    assert [answer.status_code for answer in answers] == [200] * 10


def test_an_outage_is_told_at_once_and_its_end_is_noticed_at_once(
    faulty: Faulty, alice: Client
) -> None:
    thread_id = thread_of(alice.say("before"))
    workers = workers_of(faulty.server)
    asks: list[Callable[[], requests.Response]] = [
        lambda: alice.ask("threads.list"),
        lambda: begin(alice, "during", thread_id).answer,
        lambda: begin(alice, "during").answer,
        lambda: alice.get("/readyz"),
        lambda: alice.get("/history"),
    ]

    with seconds_of(faulty.proxy, OUTAGE_SECONDS) as lasts:
        while lasts():
            with ThreadPoolExecutor(len(asks)) as pool:
                answers = list(pool.map(timed, asks))
            assert alice.get("/livez").status_code == 200
            for answer, seconds in answers:
                assert (answer.status_code, seconds < 2.5) == (503, True), (answer.url, seconds)
                assert int(answer.headers["Retry-After"]) > 0
            assert {code_of(answer) for answer, _ in answers[:4]} == {"database_unavailable"}
            assert answers[4][0].headers["Content-Type"].startswith("text/html")
    back = time.monotonic()
    eventually(lambda: alice.ask("threads.list").status_code == 200)

    assert time.monotonic() - back < 3
    assert workers_of(faulty.server) == workers
    assert stored_messages(faulty.dsn, user_of(faulty, thread_id)) == ["before"]


def user_of(faulty: Faulty, thread_id: str) -> str:
    with psycopg.connect(faulty.dsn) as conn:
        found = conn.execute("SELECT user_id FROM chatkit_thread WHERE id = %s", [thread_id])
        row = found.fetchone()
    assert row is not None
    return str(row[0])


def test_a_server_starts_without_its_database_and_migrates_when_it_comes(
    empty_dsn: str, start_server: StartServer, alice_session: Person
) -> None:
    proxy = Proxy(empty_dsn)
    with proxy.away():
        server = start_server(DATABASE_URL=proxy.dsn)
        alice = server.client(alice_session)
        before, seconds = timed(lambda: alice.ask("threads.list"))
        ready = alice.get("/readyz").status_code
    back = time.monotonic()
    eventually(lambda: alice.ask("threads.list").status_code == 200)

    assert (before.status_code, code_of(before)) == (503, "database_unavailable")
    assert seconds < 2.5
    assert ready == 503
    assert time.monotonic() - back < 5  # The migrations are in it.
    assert text_of(alice.say("hello"))
    server.kill()
    proxy.close()


def test_a_frozen_database_holds_nobody_for_long(faulty: Faulty, alice: Client) -> None:
    alice.ask("threads.list")

    faulty.proxy.freeze()
    with ThreadPoolExecutor(12) as pool:
        asks = [pool.submit(timed, lambda: alice.ask("threads.list")) for _ in range(12)]
        answers = [each.result() for each in asks]
    alive = alice.get("/livez").status_code
    faulty.proxy.thaw()
    thawed = time.monotonic()
    eventually(lambda: alice.ask("threads.list").status_code == 200)

    assert {answer.status_code for answer, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 6  # A statement's 3 s, and the wait for one.
    assert alive == 200
    assert time.monotonic() - thawed < 6


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


def test_all_connections_in_use_is_told_quickly(
    dsn: str, start_server: StartServer, alice_session: Person
) -> None:
    server = start_server(DATABASE_POOL_SIZE="1")
    alice = server.client(alice_session)
    thread_id = thread_of(alice.say("mine"))

    def rename() -> tuple[requests.Response, float]:
        return timed(lambda: alice.ask("threads.update", thread_id=thread_id, title="New"))

    with psycopg.connect(dsn) as conn, ThreadPoolExecutor(1) as pool:
        conn.execute("SELECT FROM chatkit_thread WHERE id = %s FOR UPDATE", [thread_id])
        waiting = pool.submit(rename)
        eventually(lambda: _waits_for_a_lock(dsn))
        meanwhile, seconds = timed(lambda: alice.get("/readyz"))
        renamed, its_seconds = waiting.result()

    assert (meanwhile.status_code, code_of(meanwhile)) == (503, "database_busy")
    assert seconds < 2.5
    assert int(meanwhile.headers["Retry-After"]) > 0
    assert renamed.status_code == 503
    assert its_seconds < 6
    eventually(lambda: alice.ask("threads.list").status_code == 200)
    server.kill()


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
