"""Whether somebody who reads a stream is still signed in, asked beside the reading."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator

import pytest

from chat import sessions as module
from chat import turn_readers
from chat.context import RequestContext
from chat.db import Database
from chat.errors import AnotherPerson, SessionEnded
from chat.running_turn import Ready, Turn, new_turn_id
from chat.sessions import Credentials, Sessions, SessionWatch
from chat.stream import EventLoop
from chat.tables.turns import NewTurn
from chat.turn_keeper import TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns
from tests.fix_http import Scripted, answer, silence
from tests.fix_turns import eventually

SOMEBODY = Credentials(bearer="x")
ALICE = answer(
    200, b'{"session": {"expiresAt": "2099-01-01T00:00:00.000Z"}, "user": {"id": "alice"}}'
)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_AGAIN_SECONDS", 0.02)


def watch(server: Scripted, *, cache_seconds: float = 0) -> SessionWatch:
    return Sessions(server.url, cache_seconds=cache_seconds).watch(SOMEBODY, "alice")


def checked(watch: SessionWatch, until: Callable[[], bool]) -> float:
    """Check as a reader does until it holds; return how long the slowest check took."""
    slowest, deadline = 0.0, time.monotonic() + 10
    while not until():
        assert time.monotonic() < deadline
        began = time.monotonic()
        watch.check()
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.01)
    return slowest


def test_a_session_that_goes_on_is_asked_for_again_and_again() -> None:
    with Scripted(ALICE) as server:
        checked(watch(server), lambda: server.count >= 5)


def test_a_session_that_ended_ends_the_reading() -> None:
    with Scripted(ALICE, ALICE, answer(200, b"null")) as server, pytest.raises(SessionEnded):
        checked(watch(server), lambda: False)
    assert server.count == 3


def test_a_session_that_is_somebody_elses_now_ends_the_reading() -> None:
    other = ALICE.replace(b"alice", b"carol")
    with Scripted(ALICE, other) as server, pytest.raises(AnotherPerson):
        checked(watch(server), lambda: False)


@pytest.mark.parametrize(
    "unclear",
    [answer(500, b""), answer(429, b"null"), answer(200, b"{}")],
    ids=["500", "429", "nonsense"],
)
def test_an_outage_ends_nothing_and_the_asking_goes_on(unclear: bytes) -> None:
    with Scripted(unclear) as server:
        checked(watch(server), lambda: server.count >= 5)


def test_a_silent_auth_server_never_makes_a_reader_wait() -> None:
    with Scripted(silence) as server:
        assert checked(watch(server), lambda: server.count >= 2) < 0.5


def test_many_readers_of_one_person_cost_a_call_for_as_long_as_it_is_remembered() -> None:
    with Scripted(ALICE) as server:
        sessions = Sessions(server.url)
        tabs = [sessions.watch(SOMEBODY, "alice") for _ in range(20)]
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            for tab in tabs:
                tab.check()
            time.sleep(0.01)
        assert server.count == 1


@pytest.fixture
def turns(dsn: str) -> Iterator[Turns]:
    """The turns of a process."""
    database, loop = Database(dsn), EventLoop()
    store = TurnStore(database)
    yield Turns(store, TurnKeeper(store, store), loop)
    loop.stop()
    database.close()


def test_a_turn_goes_on_when_its_only_reader_is_signed_out(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked to: leaving was not its reader's wish."""
    monkeypatch.setattr(turn_readers, "POLL_SECONDS", 0.01)
    new = NewTurn(new_turn_id(), "thr_1", "worker")
    turn = Turn(new, RequestContext(user_id="alice"), title=None, keep=False)
    ready: Ready = queue.SimpleQueue()
    turn.readers.add(ready)

    def gone() -> bool:
        raise SessionEnded("signed out")

    with pytest.raises(SessionEnded):
        next(turn_readers.live(turns, turn, ready, gone))
    eventually(lambda: not turn.readers)

    assert turn.keep
    assert turn.reason is None
