"""Requests of one person in a minute: bounded on all workers together, and others go on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from chat.db import Database
from chat.errors import DatabaseUnavailable, RateLimited
from chat.limits import MINUTE, PORTIONS, RequestLimit
from chat.tables import limits
from chat.tables.limits import Limit
from tests.faults.clocks import wrong_clock
from tests.fix_auth import Person
from tests.fix_proxy import Proxy, proxy
from tests.fix_server import Client, Server, StartServer
from tests.fix_turns import assert_refused, ends_in, everything_in

__all__ = ["proxy"]


def ask(client: Client) -> requests.Response:
    """Make a request that costs next to nothing, and asks the database nothing by itself."""
    return client.get("/chatkit/session")


def flood(client: Client, number: int, *, at_once: int = 8) -> list[requests.Response]:
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: ask(client), range(number)))


def taken(answers: list[requests.Response]) -> int:
    """Return how many were answered; the others have to be refusals that say how long."""
    refused = [answer for answer in answers if answer.status_code != 200]
    assert all(1 <= assert_refused(answer) <= MINUTE for answer in refused)
    return len(answers) - len(refused)


def error(limit: int, workers: int) -> int:
    """Return how many more or fewer there may be: two portions for each worker."""
    return 2 * workers * (limit // PORTIONS)


def test_two_workers_hold_one_limit_and_others_go_on(
    start_server: StartServer, alice_session: Person, mallory_session: Person
) -> None:
    server = start_server(workers=2, REQUESTS_PER_MINUTE="100")
    mallory, alice = server.client(mallory_session), server.client(alice_session)

    with ThreadPoolExecutor(1) as beside:
        of_alice = beside.submit(flood, alice, 30, at_once=2)
        answers = flood(mallory, 200)

    assert abs(taken(answers) - 100) <= error(100, workers=2)
    assert {answer.status_code for answer in of_alice.result()} == {200}
    rows = everything_in(server.dsn)["limit"]
    assert len([row for row in rows if mallory_session.id in row]) == 1


@pytest.fixture
def slow(start_server: StartServer) -> Server:
    """One worker that takes twenty requests a minute of each person, and exactly those."""
    return start_server(REQUESTS_PER_MINUTE="20")


def test_each_client_is_refused_in_its_own_form(slow: Server, mallory_session: Person) -> None:
    mallory = slow.client(mallory_session)
    assert taken(flood(mallory, 25)) == 20
    before = everything_in(slow.dsn)

    page = mallory.get("/history")
    assert page.status_code == 429
    assert RateLimited(int(page.headers["Retry-After"])).public in page.text
    assert page.headers["Content-Type"].startswith("text/html")
    form = mallory.post("/history/messages", {"text": "my words", "key": "k"})
    assert form.status_code == 429
    assert "my words" in form.text
    assert form.headers["Retry-After"].isdigit()
    part = requests.get(
        f"{slow.url}/history", headers={**mallory.headers(), "HX-Request": "true"}, timeout=30
    )
    assert_refused(part)
    assert_refused(mallory.ask("threads.list"))
    assert_refused(mallory.ask("threads.create", input={}))
    assert_refused(mallory.get("/chatkit/turns/thr_1"))
    assert everything_in(slow.dsn) == before


def test_the_page_of_a_refusal_is_a_whole_page(
    start_server: StartServer, alice_session: Person
) -> None:
    server = start_server(REQUESTS_PER_MINUTE="1")
    alice = server.client(alice_session)
    assert alice.get("/history").status_code == 200

    page = alice.get("/history")

    assert page.status_code == 429
    assert page.headers["Cache-Control"] == "no-store"
    assert page.text.count("<h1>") == 1
    assert "A little slower, please" in page.text
    assert f"go on in {page.headers['Retry-After']} seconds" in page.text


def test_who_is_not_signed_in_is_not_counted(slow: Server) -> None:
    assert {answer.status_code for answer in flood(slow.client(), 50)} == {200}
    assert everything_in(slow.dsn)["limit"] == []


def test_after_retry_after_it_works_and_the_window_is_a_new_one(
    slow: Server, mallory_session: Person
) -> None:
    mallory = slow.client(mallory_session)
    assert taken(flood(mallory, 20)) == 20
    ends_in(slow.dsn, 5.5)
    seconds = assert_refused(ask(mallory))
    assert seconds <= 6

    time.sleep(seconds)

    assert taken(flood(mallory, 30)) == 20
    assert len(everything_in(slow.dsn)["limit"]) == 1


def test_a_worker_with_a_wrong_clock_counts_like_the_others(
    start_server: StartServer, tmp_path: Path, mallory_session: Person
) -> None:
    servers = [start_server(REQUESTS_PER_MINUTE="40")]
    for seconds in (3600, -3600):
        clock = wrong_clock(tmp_path / f"ahead{seconds}", seconds)
        servers.append(start_server(REQUESTS_PER_MINUTE="40", **clock))
    people = [server.client(mallory_session) for server in servers]

    answers = [ask(mallory) for _ in range(30) for mallory in people]

    clocks = [datetime.fromisoformat(server.records()[-1]["time"]) for server in servers]
    assert clocks[2] < clocks[0] - timedelta(minutes=50) < clocks[1] - timedelta(minutes=100)
    assert {answer.status_code for answer in answers[-3:]} == {429}
    assert abs(taken(answers) - 40) <= error(40, workers=3)


def test_a_killed_worker_takes_no_more_along_than_its_portion(
    start_server: StartServer, mallory_session: Person
) -> None:
    first, second = (start_server(REQUESTS_PER_MINUTE="60") for _ in range(2))
    assert taken(flood(first.client(mallory_session), 20)) == 20
    first.kill()
    ends_in(second.dsn, 8)
    mallory = second.client(mallory_session)

    answers = [ask(mallory)]
    while answers[-1].status_code == 200:
        answers.append(ask(mallory))

    assert abs(20 + taken(answers) - 60) <= error(60, workers=2)
    time.sleep(assert_refused(answers[-1]))
    assert taken(flood(mallory, 70)) == 60


def test_a_database_that_is_away_is_no_fault_of_the_person(
    start_server: StartServer, proxy: Proxy, mallory_session: Person
) -> None:
    server = start_server(DATABASE_URL=proxy.dsn, REQUESTS_PER_MINUTE="20")
    mallory = server.client(mallory_session)
    assert taken(flood(mallory, 5)) == 5

    with proxy.away():
        answers = [mallory.get("/history"), *flood(mallory, 8)]

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["error"]["code"] for answer in answers[1:]} == {"database_unavailable"}
    deadline = time.monotonic() + 10
    while (back := ask(mallory)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert back.status_code == 200


def count_many(limit: RequestLimit, number: int, user_id: str = "user_alice") -> int:
    """Count requests from eight threads; return how many there was room for."""

    def one(_: int) -> bool:
        try:
            limit.count(user_id)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(one, range(number)))


DEFAULT = Limit(limits.REQUESTS, 600, MINUTE)


@pytest.fixture
def behind(proxy: Proxy) -> Iterator[Database]:
    """A worker's way to the database, whose statements the proxy sees."""
    database = Database(proxy.dsn)
    yield database
    database.close()


def test_what_people_do_costs_no_statement(behind: Database, proxy: Proxy) -> None:
    behind.open()
    limit = RequestLimit(behind, DEFAULT)
    proxy.take_statements()

    for number in range(100):
        assert count_many(limit, 30, f"user_{number}") == 30

    assert proxy.take_statements() == []


def test_a_flood_costs_a_statement_a_portion_and_then_none(behind: Database, proxy: Proxy) -> None:
    limit = RequestLimit(behind, DEFAULT)

    assert count_many(limit, 600) == 600
    asked = Counter(proxy.take_statements())
    assert asked == {"chat.limits.take": PORTIONS - 1}

    assert count_many(limit, 1) == 0
    assert Counter(proxy.take_statements()) == {"chat.limits.take": 1, "chat.limits.wait": 1}
    assert count_many(limit, 2000) == 0
    assert proxy.take_statements() == []


def test_threads_that_wait_for_a_portion_hear_of_its_failure(
    behind: Database, proxy: Proxy
) -> None:
    limit = RequestLimit(behind, Limit(limits.REQUESTS, 20, MINUTE))
    limit.count("user_alice")
    behind.open()

    def one(_: int) -> None:
        with pytest.raises(DatabaseUnavailable):
            limit.count("user_alice")

    with proxy.away(), ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    limit.count("user_mallory")


def test_a_lost_answer_costs_the_person_a_portion_and_no_more(
    behind: Database, proxy: Proxy
) -> None:
    limit = RequestLimit(behind, Limit(limits.REQUESTS, 40, MINUTE))
    limit.count("user_alice")
    limit.count("user_alice")
    proxy.drop_one_answer(b"chat.limits.take")

    assert 2 + count_many(limit, 100) == 40 - 4
    assert proxy.answer_dropped
