"""The database goes away for a moment, for a minute, or freezes: what people notice of it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.faults.asking import (
    Ask,
    Asked,
    Said,
    ask_at_once,
    ask_while,
    asked,
    every_kind,
    first_success,
    refusals_of,
    slowest,
    stored_messages,
)
from tests.faults.conftest import Faulty, seconds_of
from tests.faults.processes import workers_of
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_server import Client, thread_of

REFUSED = {(503, "database_unavailable"), (503, "page")}
PEOPLE = 4
SUSPENDS = 4


@pytest.mark.measured
@pytest.mark.parametrize("clients", [1, 10])
def test_the_first_requests_after_a_suspend_all_succeed(
    faulty: Faulty, alice: Client, figures: Figures, clients: int
) -> None:
    thread_id = thread_of(alice.say("before"))
    kinds = every_kind(alice, thread_id)
    reading = {kind: kinds[kind] for kind in ("page", "conversation", "list")}
    answers: list[Asked] = []

    for _ in range(SUSPENDS):
        for ask in reading.items():
            # Both workers have idle connections, all of which are cut.
            ask_at_once(8, {"list": kinds["list"]})
            assert faulty.proxy.connections > 2
            faulty.proxy.cut()
            answers += ask_at_once(clients, dict([ask]))

    failed = [one for one in answers if one.status not in {200, 204}]
    assert not [(one.kind, one.status) for one in failed]
    assert slowest(answers) < 1 + figures.room(4)
    figures.tell(
        "E2 H2",
        "After the database was suspended and every idle connection cut, no request fails"
        f" ({clients} at once).",
        {
            "suspends": SUSPENDS * len(reading),
            "requests": len(answers),
            "failed requests": len(failed),
            "slowest answer, s": slowest(answers),
        },
    )


def outage(
    faulty: Faulty, alice: Client, person: Person, figures: Figures, *, seconds: float
) -> None:
    """An outage, and its end: all that is asked meanwhile is refused, honestly and soon."""
    thread_id = thread_of(alice.say("before"))
    workers = workers_of(faulty.server)
    said = Said()
    kinds = every_kind(alice, thread_id, said)

    with seconds_of(faulty.proxy, seconds) as lasts:
        refused = ask_while(kinds, lasts, people=PEOPLE)
        assert alice.get("/livez").status_code == 200
    back = time.monotonic()
    until = {one.kind: one.answered - back for one in first_successes(kinds)}

    assert {one.kind for one in refused} == kinds.keys()
    others = refusals_of(refused) - REFUSED
    assert not others
    assert slowest(refused) < 2 + figures.room(4)
    assert max(until.values()) < 2 + figures.room(4)
    assert workers_of(faulty.server) == workers
    stored = stored_messages(faulty.dsn, person.id)
    stored.remove("before")
    wrong = {**said.wrong(stored), "refused and stored": said.refused_but_stored(stored)}
    assert wrong == {"lost": [], "doubled": [], "unknown": [], "refused and stored": []}
    assert len(stored) == 2  # Of first_successes: one in the thread, and one in a new one.
    figures.tell(
        "E2 H2",
        f"An outage of {seconds} s: every request is refused honestly and soon, and each kind of"
        " request succeeds again soon after.",
        {
            "requests meanwhile": len(refused),
            "answers other than 503 with a reason and Retry-After": len(others),
            "slowest refusal, s": slowest(refused),
            "last kind of request to succeed again, s": round(max(until.values()), 2),
            "refused messages that were stored": len(wrong["refused and stored"]),
        },
    )


def first_successes(kinds: dict[str, Ask]) -> list[Asked]:
    """Ask in every kind at once until each has succeeded, and return those answers."""
    with ThreadPoolExecutor(len(kinds)) as pool:
        return list(pool.map(first_success, kinds.keys(), kinds.values()))


def test_an_outage_is_told_at_once_and_its_end_is_noticed_at_once(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures
) -> None:
    outage(faulty, alice, alice_session, figures, seconds=5)


@pytest.mark.soak
def test_an_outage_of_70_s_is_told_at_once_and_its_end_is_noticed_at_once(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures
) -> None:
    outage(faulty, alice, alice_session, figures, seconds=70)


@pytest.mark.measured
def test_a_frozen_database_holds_nobody_for_long(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures
) -> None:
    thread_id = thread_of(alice.say("before"))
    kinds = every_kind(alice, thread_id)
    ask_at_once(20, {"list": kinds["list"]})

    faulty.proxy.freeze()
    answers = ask_at_once(4 * PEOPLE, kinds)
    alive = asked("/livez", lambda: alice.get("/livez"))
    faulty.proxy.thaw()
    back = time.monotonic()
    until = {one.kind: one.answered - back for one in first_successes(kinds)}

    # One person asks for more streams than anybody reads, and is told so if they come quickly.
    honest = {*REFUSED, (503, "database_busy"), (429, "too_many_streams")}
    others = refusals_of(answers) - honest
    assert not others
    assert alive.status == 200
    by_kind = {kind: slowest([one for one in answers if one.kind == kind]) for kind in kinds}
    assert slowest(answers) < 5 + figures.room(4), by_kind
    assert max(until.values()) < 6 + figures.room(4)
    figures.tell(
        "E2",
        "A frozen database holds no thread for longer than 5 s.",
        {
            "requests at once": len(answers),
            "answers other than refusals with a reason and Retry-After": len(others),
            "slowest answer, s": slowest(answers),
            "/livez meanwhile, s": round(alive.seconds, 2),
        },
    )


def terminate_all(dsn: str, until: float) -> int:
    """Terminate all other connections twice a second until then; return how often."""
    times = 0
    with psycopg.connect(dsn, autocommit=True) as conn:
        while time.monotonic() < until:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            times += 1
            time.sleep(0.5)
    return times


@pytest.mark.measured
def test_no_message_is_lost_while_every_backend_is_terminated_again_and_again(
    faulty: Faulty, alice: Client, alice_session: Person, figures: Figures
) -> None:
    thread_id = thread_of(alice.say("before"))
    said = Said()
    kinds = every_kind(alice, thread_id, said)
    until = time.monotonic() + 5

    with ThreadPoolExecutor(1) as pool:
        terminating = pool.submit(terminate_all, faulty.dsn, until)
        answers = ask_while(kinds, lambda: time.monotonic() < until)
        times = terminating.result()

    refused = [one for one in answers if one.status >= 400]
    assert refusals_of(refused) <= {*REFUSED, (409, "turn_running")}
    assert said.acknowledged
    stored = stored_messages(faulty.dsn, alice_session.id)
    stored.remove("before")
    wrong = {**said.wrong(stored), "refused and stored": said.refused_but_stored(stored)}
    assert wrong == {"lost": [], "doubled": [], "unknown": [], "refused and stored": []}
    figures.tell(
        "E2 I1",
        "While all connections are terminated twice a second, requests go on, and no message is"
        " lost or doubled.",
        {
            "times": times,
            "requests": len(answers),
            "requests refused with a 503": len(refused),
            "messages acknowledged": len(said.acknowledged),
            **{f"messages {what}": len(texts) for what, texts in wrong.items()},
        },
    )
