"""A worker that is cut off from the database for long: what becomes of what its turns store.

The seconds of patience and of leases are shortened, so that nobody waits for a minute.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat import running_turn, turn_keeper
from chat import turns as turns_module
from chat.db import Database
from tests.fix_proxy import Proxy, proxy
from tests.fix_turns import eventually
from tests.turns.worker import Worker, began, believed_dead, first, more, rest, states, stored

__all__ = ["proxy"]


@pytest.fixture
def cut(proxy: Proxy) -> Iterator[Worker]:
    cut = Worker(proxy.dsn, proxy.dsn)
    yield cut
    cut.close()


@pytest.mark.parametrize(
    ("by_stopping", "kept"),
    [(False, ("some words", "failed")), (True, ("some ", "stopped"))],
    ids=["by itself", "stopped"],
)
def test_an_answer_that_could_not_be_stored_in_time_is_stored_with_its_end(
    cut: Worker,
    proxy: Proxy,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    by_stopping: bool,
    kept: tuple[str, str],
) -> None:
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 2.0)
    turn, ready = cut.begin(first("Hello"))
    eventually(lambda: turn.fold.written())

    with proxy.away():
        cut.loop.call((lambda: turn.stop("stopped")) if by_stopping else cut.writer.over.set)
        rest(ready)

    eventually(lambda: states(database) != ["running"])
    assert stored(database) == [("user_message", "Hello", None), ("assistant_message", *kept)]


def test_a_worker_that_was_believed_dead_stores_nothing_in_a_thread_that_went_on(
    proxy: Proxy, dsn: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_keeper, "LEASE_SECONDS", 0.0)
    monkeypatch.setattr(running_turn, "SURE_SECONDS", 0.5)
    leases = Proxy(dsn)
    cut, other = Worker(proxy.dsn, leases.dsn), Worker(dsn, dsn)
    cut.writer.words, other.writer.words = ["late"], ["in time"]
    turn, ready = cut.begin(first("one"))
    thread_id = turn.new.thread_id

    with leases.away():
        with proxy.away():
            believed_dead(database)
            other.loop.call(other.writer.over.set)
            rest(eventually(lambda: began(other, more(thread_id, "two")))[1])
        # What it has to store gets through again, before anybody could tell that it is not alone.
        cut.loop.call(cut.writer.over.set)
        told = rest(ready)

    for worker in (cut, other):
        worker.close()
    leases.close()
    assert stored(database) == [
        ("user_message", "one", "interrupted"),
        ("user_message", "two", None),
        ("assistant_message", "in time", None),
    ]
    assert b'"error_code":"answer_interrupted"' in told
