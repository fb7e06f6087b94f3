"""Windows: when they begin and end, what fits into them, and what is left of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from chat.connection import Connection
from chat.db import Database
from chat.errors import QuotaReached, RateLimited
from chat.limits import RequestLimit
from chat.tables import limits
from chat.tables.limits import Limit, refusal, take

TEN = Limit("turns_per_minute", 10, 60)
SHORT = Limit("requests_per_minute", 20, 1)


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection]:
    with Connection.connect(dsn, autocommit=True) as conn:
        yield conn


def move(conn: Connection, seconds: float) -> None:
    """Let time go by: every window ends so much sooner."""
    conn.execute(
        "UPDATE chatkit_limit SET ends_at = ends_at - make_interval(secs => %s)", [seconds]
    )


def granted(conn: Connection, number: int, user_id: str = "user_alice", limit: Limit = TEN) -> int:
    return take(conn, user_id=user_id, limit=limit, number=number).granted


def test_there_is_as_much_room_as_the_limit_says(conn: Connection) -> None:
    assert [granted(conn, number) for number in (4, 4, 4, 4)] == [4, 4, 2, 0]


def test_people_and_kinds_do_not_share(conn: Connection) -> None:
    assert granted(conn, 20) == 10

    assert granted(conn, 10, "user_bob") == 10
    assert granted(conn, 10, limit=Limit("another", 10, 60)) == 10


def test_a_window_begins_with_its_first_and_ends_on_time(conn: Connection) -> None:
    granted(conn, 1)
    move(conn, 50)
    late = take(conn, user_id="user_alice", limit=TEN, number=20)
    assert late.granted == 9
    assert 0 < late.seconds <= 10
    none = take(conn, user_id="user_alice", limit=TEN, number=1)
    assert (none.granted, none.seconds > 0) == (0, True)

    move(conn, 10)

    fresh = take(conn, user_id="user_alice", limit=TEN, number=10)
    assert fresh.granted == 10
    assert 50 < fresh.seconds <= 60


def test_a_changed_limit_counts_in_the_window_that_runs(conn: Connection) -> None:
    assert granted(conn, 20) == 10

    assert granted(conn, 1, limit=Limit(TEN.kind, 5, 60)) == 0
    # What was asked for in vain is counted as well, once.
    assert granted(conn, 5, limit=Limit(TEN.kind, 25, 60)) == 5


def test_who_is_refused_for_two_reasons_is_told_the_longer_one(conn: Connection) -> None:
    day = Limit(limits.TURNS_OF_A_DAY, 1, 86_400)
    granted(conn, 10)
    granted(conn, 1, limit=day)

    short = refusal(conn, user_id="user_alice", kinds=[TEN.kind])
    long = refusal(conn, user_id="user_alice", kinds=[TEN.kind, day.kind])

    assert type(short) is RateLimited
    assert short.retry_after == 60
    assert type(long) is QuotaReached
    assert long.retry_after == 86_400


def test_to_wait_is_a_whole_second_at_least() -> None:
    assert [RateLimited(seconds).retry_after for seconds in (-1, 0, 0.1, 1.0, 1.01)] == [
        1,
        1,
        1,
        1,
        2,
    ]


def test_parallel_portions_never_grant_more_than_the_limit(database: Database, dsn: str) -> None:
    def some(number: int) -> int:
        return database.run(take, user_id=f"user_{number % 2}", limit=TEN, number=3).granted

    with ThreadPoolExecutor(5) as pool:
        each = list(pool.map(some, range(40)))

    assert sum(each) == 20


def test_the_rows_do_not_grow_and_go_an_hour_after(conn: Connection) -> None:
    for number in range(50):
        granted(conn, 20, f"user_{number % 5}")
        move(conn, 60)
    assert _rows(conn) == 5

    assert limits.forget(conn) == 0
    move(conn, 3600)
    granted(conn, 1, "user_0")

    assert limits.forget(conn) == 4
    assert _rows(conn) == 1


def test_window_after_window_has_all_of_the_limit(database: Database) -> None:
    limit = RequestLimit(database, SHORT)
    for _ in range(3):
        assert _until_refused(limit) == SHORT.most
        time.sleep(SHORT.seconds)


def _until_refused(limit: RequestLimit) -> int:
    count = 0
    while True:
        try:
            limit.count("user_alice")
        except RateLimited:
            return count
        count += 1


def _rows(conn: psycopg.Connection[tuple[int]]) -> int:
    row = conn.execute("SELECT count(*) FROM chatkit_limit").fetchone()
    return row[0] if row else 0
