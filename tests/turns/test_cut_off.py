"""A worker that is cut off from the database for long: what becomes of what its turns store.

The seconds of patience and of leases are shortened, so that nobody waits for a minute.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatkit.types import ProgressUpdateEvent, ThreadItemDoneEvent

from chat import turn_keeper, turn_store
from chat import turns as turns_module
from chat.db import Database
from chat.running_turn import Reason
from tests.fix_proxy import Proxy, proxy
from tests.fix_store import an_answer
from tests.fix_turns import eventually
from tests.turns.worker import (
    Worker,
    began,
    believed_dead,
    first,
    more,
    notes,
    rest,
    states,
    stored,
)

__all__ = ["proxy"]


@pytest.fixture
def cut(proxy: Proxy) -> Iterator[Worker]:
    cut = Worker(proxy.dsn, proxy.dsn)
    yield cut
    cut.close()


@pytest.mark.parametrize(
    ("by_stopping", "kept", "noted"),
    [(False, ("some words", "failed"), 0), (True, ("some ", "stopped"), 1)],
    ids=["by itself", "stopped"],
)
def test_an_answer_that_could_not_be_stored_in_time_is_stored_with_its_end(
    cut: Worker,
    proxy: Proxy,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    by_stopping: bool,
    kept: tuple[str, str],
    noted: int,
) -> None:
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 2.0)
    turn, ready = cut.begin(first("Hello"))
    eventually(lambda: turn.fold.written())

    with proxy.away():
        cut.loop.call((lambda: turn.stop("stopped")) if by_stopping else cut.writer.over.set)
        rest(ready)

    eventually(lambda: states(database) != ["running"])
    assert stored(database) == [("user_message", "Hello", None), ("assistant_message", *kept)]
    # The model is told why it goes no further.
    assert notes(database) == noted


def test_a_whole_message_that_could_not_be_stored_in_time_is_the_one_that_is_marked(
    cut: Worker, proxy: Proxy, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 2.0)
    looking = ProgressUpdateEvent(text="Looking")
    here_it_is = ThreadItemDoneEvent(item=an_answer("msg_2", "Here."))
    cut.writer.words = ["Let me look.", looking, here_it_is]
    turn, ready = cut.begin(first("Hello"))
    eventually(lambda: len(turn.fold.done) == 2)

    with proxy.away():
        cut.loop.call(cut.writer.over.set)
        rest(ready)

    eventually(lambda: states(database) != ["running"])
    assert stored(database)[1:] == [
        ("assistant_message", "Let me look.", None),
        ("assistant_message", "Here.", "failed"),
    ]


@pytest.fixture
def leases(dsn: str) -> Iterator[Proxy]:
    leases = Proxy(dsn)
    yield leases
    leases.close()


@pytest.fixture
def believed(
    proxy: Proxy, leases: Proxy, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Worker, Worker]]:
    """A worker that writes "late words" and can be cut off, and one that is in time."""
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(turn_keeper, "LEASE_SECONDS", 0.0)
    monkeypatch.setattr(turn_store, "LEASE_TRUSTED_SECONDS", 0.0)
    cut, other = Worker(proxy.dsn, leases.dsn), Worker(dsn, dsn)
    cut.writer.words, other.writer.words = ["late ", "words"], ["in time"]
    yield cut, other
    for worker in (cut, other):
        worker.close()


def goes_on(other: Worker, database: Database, thread_id: str) -> None:
    """Let the other worker settle the turn that runs there, and answer another message."""
    believed_dead(database)
    other.loop.call(other.writer.over.set)
    rest(eventually(lambda: began(other, more(thread_id, "two")))[1])


def assert_nothing_is_late(database: Database) -> None:
    assert [row for row in stored(database) if row[0] == "user_message"] == [
        ("user_message", "one", None),
        ("user_message", "two", None),
    ]
    # What was there of the first answer was settled with its turn, before the thread went on.
    assert stored(database)[1:2] + stored(database)[3:] == [
        ("assistant_message", "late ", "interrupted"),
        ("assistant_message", "in time", None),
    ]
    assert notes(database) == 0


@pytest.mark.parametrize("stopped", [False, True], ids=["by itself", "stopped"])
def test_a_worker_that_was_believed_dead_stores_nothing_in_a_thread_that_went_on(
    believed: tuple[Worker, Worker],
    proxy: Proxy,
    leases: Proxy,
    database: Database,
    stopped: bool,
) -> None:
    cut, other = believed
    turn, ready = cut.begin(first("one"))
    eventually(lambda: checkpoints(database) > 1)

    with leases.away():
        with proxy.away():
            goes_on(other, database, turn.new.thread_id)
        # What it has to store gets through again, before anybody could tell that it is not alone.
        cut.loop.call((lambda: turn.stop("stopped")) if stopped else cut.writer.over.set)
        told = rest(ready)

    assert b'"error_code":"answer_interrupted"' in told
    assert_nothing_is_late(database)


@pytest.mark.parametrize("told_to_end", ["interrupted", "stopped"])
def test_nor_does_one_that_is_told_to_end_while_it_is_cut_off(
    believed: tuple[Worker, Worker],
    proxy: Proxy,
    leases: Proxy,
    database: Database,
    told_to_end: Reason,
) -> None:
    cut, other = believed
    turn, ready = cut.begin(first("one"))
    eventually(lambda: checkpoints(database) > 1)

    with leases.away(), proxy.away():
        goes_on(other, database, turn.new.thread_id)
        cut.loop.call(lambda: turn.stop(told_to_end))
        eventually(lambda: turn.unstored)
    rest(ready)

    eventually(lambda: not cut.turns.keeper.running)
    assert_nothing_is_late(database)


def checkpoints(database: Database) -> int:
    with database.connection() as conn:
        row = conn.execute("SELECT count(*) FROM chatkit_turn_event").fetchone()
    assert row
    return int(row[0])
