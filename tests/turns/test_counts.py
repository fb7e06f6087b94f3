"""What following, storing and keeping alive costs: statements, and events for silent streams."""

from __future__ import annotations

import asyncio
import queue
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    ThreadItemAddedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

from chat import background, turn_readers
from chat.context import RequestContext
from chat.db import Database
from chat.running_turn import END, Ready, Turn, new_turn_id
from chat.stream import EventLoop
from chat.tables.turns import NewTurn
from chat.turn_keeper import TICK_SECONDS, TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns
from tests.fix_proxy import Proxy, proxy
from tests.fix_store import a_message, a_thread, an_answer
from tests.fix_turns import eventually

__all__ = ["proxy"]


@pytest.fixture
def turns(proxy: Proxy) -> Iterator[Turns]:
    """The turns of a process whose statements go through the proxy."""
    database, loop = Database(proxy.dsn), EventLoop()
    store = TurnStore(database)
    yield Turns(store, TurnKeeper(store, store), loop)
    loop.stop()
    database.close()


async def words_until(over: asyncio.Event, item_id: str) -> AsyncIterator[ThreadStreamEvent]:
    """Write a word every 20 ms, as a model does."""
    yield ThreadItemAddedEvent(item=an_answer(item_id, ""))
    while not over.is_set():
        await asyncio.sleep(0.02)
        delta = AssistantMessageContentPartTextDelta(content_index=0, delta="word ")
        yield ThreadItemUpdatedEvent(item_id=item_id, update=delta)


def statements_in(proxy: Proxy, seconds: float) -> Counter[str]:
    proxy.take_statements()
    time.sleep(seconds)
    return Counter(proxy.take_statements())


async def begin(turns: Turns, number: int) -> asyncio.Event:
    """Begin turns of as many people, which go on until the event is set."""
    over = asyncio.Event()
    for each in range(number):
        thread_id, message = f"thr_{each}", a_message(thread_id=f"thr_{each}")
        await turns.start(
            NewTurn(new_turn_id(), thread_id, turns.keeper.worker_id),
            RequestContext(user_id=f"user_{each}"),
            words_until(over, f"msg_answer_{each}"),
            new_thread=a_thread(thread_id),
            message=message,
            keep=True,
        )
    return over


@pytest.mark.parametrize("number", [1, 40])
def test_a_tick_is_one_statement_however_many_turns_run(
    turns: Turns, proxy: Proxy, number: int
) -> None:
    over = turns.loop.run(begin(turns, number))
    ticks = 4
    counted = statements_in(proxy, ticks * TICK_SECONDS)
    turns.loop.call(over.set)
    eventually(lambda: "chat.turn_ends.end" in proxy.take_statements())

    checkpoints = counted.pop("chat.turn_logs.checkpoint")
    assert 1 <= checkpoints <= ticks + 1
    # A look for what dead workers and old turns left falls into these seconds or does not.
    forget = {"chat.turn_logs.forget", "chat.turn_logs.forget_cursors", "chat.limits.forget"}
    sweep = {"chat.turn_ends.expired", *forget}
    assert set(counted) <= sweep, counted
    assert max(counted.values(), default=0) <= 1, counted


def test_a_process_without_turns_writes_nothing(turns: Turns, proxy: Proxy) -> None:
    turns.loop.call(turns.keeper.watch)
    eventually(lambda: "chat.turn_ends.expired" in proxy.take_statements())
    # The first look is followed by what it forgets.
    eventually(lambda: not statements_in(proxy, TICK_SECONDS))

    assert not statements_in(proxy, 2 * TICK_SECONDS)


def test_who_comes_while_a_worker_falls_asleep_is_looked_after(
    turns: Turns, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "AWAKE_SECONDS", 0.2)
    turns.loop.call(turns.keeper.watch)
    eventually(lambda: "chat.turn_ends.expired" in proxy.take_statements())
    # It ticks no more; that nobody comes who needs a sweep is found out at the end of its pause.
    time.sleep(0.2 + 2 * TICK_SECONDS)

    over = turns.loop.run(begin(turns, 1))

    eventually(lambda: "chat.turn_logs.checkpoint" in proxy.take_statements(), 4 * TICK_SECONDS)
    turns.loop.call(over.set)
    eventually(lambda: "chat.turn_ends.end" in proxy.take_statements())


def a_running_turn() -> Turn:
    new = NewTurn(new_turn_id(), "thr_1", "worker")
    return Turn(new, RequestContext(user_id="user_alice"), title=None, keep=True)


def test_a_quiet_stream_shows_a_sign_of_life(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_readers, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(turn_readers, "POLL_SECONDS", 0.05)
    ready: Ready = queue.SimpleQueue()
    events = turn_readers.live(turns, a_running_turn(), ready, _never)

    began = time.monotonic()
    shown = [next(events), next(events)]
    took = time.monotonic() - began
    ready.put(END)

    assert shown == [turn_readers.SIGN_OF_LIFE] * 2
    assert b'"type":"progress_update"' in shown[0]
    assert took > 0.4
    assert list(events) == []


def test_a_stream_that_talks_shows_no_sign_of_life(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_readers, "QUIET_SECONDS", 0.2)
    ready: Ready = queue.SimpleQueue()
    events = turn_readers.live(turns, a_running_turn(), ready, _never)

    shown = []
    for number in range(8):
        time.sleep(0.05)
        ready.put(b"%d" % number)
        shown.append(next(events))
    ready.put(END)

    assert shown == [b"%d" % number for number in range(8)]


def test_the_silence_that_is_allowed_is_shorter_than_what_proxies_allow() -> None:
    assert 10 <= turn_readers.QUIET_SECONDS <= 20


def _never() -> bool:
    return False
