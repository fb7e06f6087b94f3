"""Turns of one person in a minute and in a day: exact on two workers, and nothing else changes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from chat.context import RequestContext
from chat.db import Database
from chat.errors import RateLimited, TooManyTurns, TurnRunning
from chat.limits import TurnLimits
from chat.running_turn import new_turn_id
from chat.stream import EventLoop
from chat.tables import limits, turns
from chat.tables.limits import Limit
from chat.tables.turns import NewTurn
from chat.turn_keeper import TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns
from tests.fix_auth import Person
from tests.fix_model import ModelServer, Reply
from tests.fix_proxy import Proxy, proxy
from tests.fix_server import Client, Server, StartServer, thread_of, words
from tests.fix_store import a_message, a_thread
from tests.fix_turns import assert_refused, begin, ends_in, everything_in

__all__ = ["proxy"]

MINUTE = Limit(limits.TURNS, 3, 60)


def counted(dsn: str) -> dict[str, int]:
    """Return how many of each kind are counted, for all people together."""
    with psycopg.connect(dsn) as conn:
        rows = conn.execute("SELECT kind, sum(taken)::int FROM chatkit_limit GROUP BY 1").fetchall()
    return dict(rows)


def send(client: Client, text: str, thread_id: str | None = None, **headers: str) -> Any:
    """Send a message and read the answer to its end."""
    kind = "threads.add_user_message" if thread_id else "threads.create"
    params = {"input": words(text), **({"thread_id": thread_id} if thread_id else {})}
    return client.send(json.dumps({"type": kind, "params": params}).encode(), **headers)


def test_of_too_many_on_two_workers_exactly_the_limit_is_taken(
    start_server: StartServer, alice_session: Person, mallory_session: Person
) -> None:
    server = start_server(workers=2, TURNS_PER_MINUTE="12")
    mallory, alice = server.client(mallory_session), server.client(alice_session)

    with ThreadPoolExecutor(5) as pool:
        sent = [pool.submit(send, mallory, f"number {number}") for number in range(32)]
        beside = [pool.submit(send, alice, "hello") for _ in range(2)]
        answers, of_alice = [one.result() for one in sent], [one.result() for one in beside]

    taken = [answer for answer in answers if answer.status_code == 200]
    refused = [assert_refused(answer) for answer in answers if answer.status_code != 200]
    assert (len(taken), len(refused)) == (12, 20)
    assert all(1 <= seconds <= 60 for seconds in refused)
    assert {answer.status_code for answer in of_alice} == {200}
    rows = everything_in(server.dsn)
    messages = [row for row in rows["thread_item"] if "user_message" in row]
    assert (len(rows["thread"]), len(rows["turn"]), len(messages)) == (14, 14, 14)
    assert len(rows["limit"]) == 2
    assert counted(server.dsn) == {limits.TURNS: 14}


@pytest.fixture
def strict(start_server: StartServer) -> Server:
    """A server that lets a person begin two turns a minute."""
    return start_server(workers=2, TURNS_PER_MINUTE="2")


def test_a_refused_request_changes_no_row(strict: Server, mallory_session: Person) -> None:
    mallory = strict.client(mallory_session)
    thread_id = thread_of(mallory.say("one"))
    mallory.say("two", thread_id)
    before = everything_in(strict.dsn)

    for _ in range(3):
        assert_refused(send(mallory, "three", thread_id))
        assert_refused(send(mallory, "a new one"))
    retry = mallory.ask("threads.retry_after_item", thread_id=thread_id, item_id=_said(before))
    assert_refused(retry)
    page = mallory.post(f"/history/{thread_id}/messages", {"text": "by a form", "key": "k"})

    assert page.status_code == 429
    assert "by a form" in page.text
    seconds = int(page.headers["Retry-After"])
    assert RateLimited(seconds).public in page.text
    assert f"go on in {seconds} second" in page.text
    assert everything_in(strict.dsn) == before


def _said(rows: dict[str, list[Any]]) -> str:
    return next(str(row[4]) for row in rows["thread_item"] if "user_message" in row)


def test_after_retry_after_it_works_and_a_new_window_has_it_all(
    strict: Server, mallory_session: Person
) -> None:
    mallory = strict.client(mallory_session)
    for _ in range(2):
        assert send(mallory, "hello").status_code == 200
    ends_in(strict.dsn, 5.5)

    seconds = assert_refused(send(mallory, "hello"))
    assert seconds <= 6
    time.sleep(seconds)

    assert [send(mallory, "hello").status_code for _ in range(3)] == [200, 200, 429]


def test_a_repeated_send_and_a_join_are_no_turns(strict: Server, mallory_session: Person) -> None:
    mallory = strict.client(mallory_session)
    first = send(mallory, "one", Idempotency_Key="first")
    thread_id = json.loads(first.text.split("\n")[0].removeprefix("data: "))["thread"]["id"]
    again = [send(mallory, "one", Idempotency_Key="first") for _ in range(4)]
    assert send(mallory, "two").status_code == 200
    assert_refused(send(mallory, "three"))

    again += [send(mallory, "one", Idempotency_Key="first") for _ in range(4)]

    assert {answer.status_code for answer in again} == {200}
    assert {thread_id in answer.text for answer in again} == {True}
    assert mallory.get(f"/chatkit/turns/{thread_id}").status_code == 204
    assert counted(strict.dsn) == {limits.TURNS: 2}


def test_what_does_not_begin_is_not_counted(
    start_server: StartServer, model_server: ModelServer, alice_session: Person
) -> None:
    server = start_server(OPENAI_BASE_URL=model_server.base_url, CHAT_MODEL="test-model")
    alice = server.client(alice_session)
    model_server.script(Reply(pieces=["x"], then="hang"))
    stream = begin(alice, "hello", **{"X-Threadkeeper-Turn": "keep"})
    stream.read(1)
    thread_id = thread_of(stream.seen)

    assert send(alice, "me too", thread_id).status_code == 409
    assert counted(server.dsn) == {limits.TURNS: 1}
    stream.leave()
    server.kill()


def test_a_day_has_its_own_limit_and_its_own_code(
    start_server: StartServer, alice_session: Person
) -> None:
    server = start_server(TURNS_PER_DAY="2")
    alice = server.client(alice_session)
    for _ in range(2):
        assert send(alice, "hello").status_code == 200

    assert 86_000 < assert_refused(send(alice, "hello"), "quota_reached") <= 86_400
    assert counted(server.dsn) == {limits.TURNS: 2, limits.TURNS_OF_A_DAY: 2}


def test_no_limit_counts_nothing(start_server: StartServer, alice_session: Person) -> None:
    server = start_server(TURNS_PER_MINUTE="0", REQUESTS_PER_MINUTE="0")

    assert send(server.client(alice_session), "hello").status_code == 200
    assert everything_in(server.dsn)["limit"] == []


def start(database: Database, number: int, *, most: int = 5, user_id: str = "user_alice") -> None:
    """Begin a turn in a thread of its own, in this process."""
    thread_id = f"thr_{number}"
    database.run(
        turns.begin,
        user_id=user_id,
        turn=NewTurn(f"turn_{number}", thread_id, "worker"),
        thread=a_thread(thread_id),
        message=a_message(f"msg_{number}", thread_id=thread_id),
        most=most,
        limits=[MINUTE, Limit(limits.TURNS_OF_A_DAY, 100, 86_400)],
    )


def test_parallel_turns_of_one_person_take_exactly_the_limit(database: Database, dsn: str) -> None:
    def taken(number: int) -> bool:
        try:
            start(database, number, most=100)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(taken, range(25)))

    assert sum(done) == 3
    # What one limit refuses is not counted for the others either.
    assert counted(dsn) == {limits.TURNS: 3, limits.TURNS_OF_A_DAY: 3}
    assert len(everything_in(dsn)["thread"]) == 3


def test_other_refusals_take_their_count_back(database: Database, dsn: str) -> None:
    start(database, 1, most=1)

    with pytest.raises(TooManyTurns):
        start(database, 2, most=1)
    with pytest.raises(TurnRunning):
        database.run(
            turns.begin,
            user_id="user_alice",
            turn=NewTurn("turn_3", "thr_1", "worker"),
            thread=None,
            message=a_message(thread_id="thr_1"),
            most=5,
            limits=[MINUTE],
        )

    assert counted(dsn) == {limits.TURNS: 1, limits.TURNS_OF_A_DAY: 1}


@pytest.mark.parametrize("before", [0, 2])
def test_a_lost_answer_is_counted_once(proxy: Proxy, dsn: str, before: int) -> None:
    database = Database(proxy.dsn)
    for number in range(before):
        start(database, number)
    proxy.drop_one_answer(b"COMMIT", after=b"chat.turns.begin")

    start(database, before)

    assert proxy.answer_dropped
    assert counted(dsn) == {limits.TURNS: before + 1, limits.TURNS_OF_A_DAY: before + 1}
    assert len(everything_in(dsn)["turn"]) == before + 1
    database.close()


@pytest.fixture
def limited(proxy: Proxy) -> Iterator[Turns]:
    """The turns of a process, three a minute, whose statements go through the proxy."""
    database, loop = Database(proxy.dsn), EventLoop()
    store = TurnStore(database)
    yield Turns(store, TurnKeeper(store, store), loop, TurnLimits([MINUTE]))
    loop.stop()
    database.close()


def test_a_limit_costs_no_statement_and_a_refused_flood_none_at_all(
    limited: Turns, proxy: Proxy
) -> None:
    alice = RequestContext(user_id="user_alice")

    async def one(number: int) -> None:
        thread_id = f"thr_{number}"
        new = NewTurn(new_turn_id(), thread_id, limited.keeper.worker_id)
        await limited._begin(
            new, alice, a_thread(thread_id), a_message(thread_id=thread_id), page=None
        )

    for number in range(3):
        proxy.take_statements()
        limited.loop.run(one(number))
        assert proxy.take_statements() == ["chat.threads.start", "chat.turns.begin"]
    with pytest.raises(RateLimited):
        limited.loop.run(one(3))
    proxy.take_statements()

    for number in range(4, 50):
        with pytest.raises(RateLimited) as refused:
            limited.loop.run(one(number))
        assert 0 < refused.value.seconds <= 60
    assert proxy.take_statements() == []
