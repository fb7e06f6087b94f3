"""Readers of turns: iterators of server-sent events for the web server's threads."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Generator, Iterator
from typing import Final

from chatkit.types import (
    ProgressUpdateEvent,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
)

from chat.db import Database
from chat.errors import AnotherPerson, SessionEnded, ThreadNotFound
from chat.running_turn import END, Ready, Turn, as_error_event
from chat.tables import threads, turn_logs
from chat.tables.turn_logs import Log
from chat.tables.turns import TurnRow
from chat.turn_log import Fold, as_line, as_sse
from chat.turns import Turns

Gone = Callable[[], bool]
"""Tells whether nobody reads any more; raises SessionEnded or AnotherPerson for who may not."""

POLL_SECONDS: Final = 0.5
"""How long a reader that left goes unseen while the model is silent."""
FOLLOW_SECONDS: Final = 0.3
"""Between two looks for what another worker streamed."""
QUIET_SECONDS: Final = 15.0
"""After this much silence a sign of life is sent: proxies cut a quiet stream after 60 s."""

SIGN_OF_LIFE: Final = as_sse(as_line(ProgressUpdateEvent(text="Still working…")))

Events = Generator[bytes, None, None]


def live(turns: Turns, turn: Turn, ready: Ready, gone: Gone) -> Events:
    """Yield what the turn of this worker streams, from the first event on, until it is stored.

    Ends early when nobody reads; closing it takes the reader away from the turn. Raises what
    `gone` raises: then the turn goes on, because its reader did not choose to leave.
    """
    keep = False
    quiet_since = polled = time.monotonic()
    try:
        while True:
            event = _next(ready)
            now = time.monotonic()
            if event == END:
                return
            if event is not None:
                quiet_since = now
                yield event
            elif now - quiet_since > QUIET_SECONDS:
                quiet_since = now
                yield SIGN_OF_LIFE
            if now - polled >= POLL_SECONDS:
                polled = now
                if gone():
                    return
    except (SessionEnded, AnotherPerson):
        keep = True
        raise
    finally:
        turns.leave(turn, ready, keep=keep)


def replay(turns: Turns, database: Database, row: TurnRow, gone: Gone) -> Events:
    """Yield the turn's events from the first on, finished or not, whoever runs it."""
    log = _log(turns, database, row, -1)
    if log is not None:
        yield from _lines(log)
        yield from _follow(turns, database, row, log, gone)


def join(turns: Turns, database: Database, row: TurnRow, gone: Gone) -> Events:
    """Yield a running turn's items as far as they are, and then what follows.

    What is done comes as `thread.item.done`, what is being written as `thread.item.added` with
    the text so far. No character is missing or doubled.
    """
    log = _log(turns, database, row, -1)
    if log is None:
        return
    fold = Fold()
    for _, lines in log.checkpoints:
        fold.take_lines(lines)
    if fold.thread is not None:
        yield as_sse(as_line(fold.thread))
    for item_id in fold.removed:
        yield as_sse(as_line(ThreadItemRemovedEvent(item_id=item_id)))
    for item in fold.done.values():
        yield as_sse(as_line(ThreadItemDoneEvent(item=item)))
    for item in fold.unfinished.values():
        yield as_sse(as_line(ThreadItemAddedEvent(item=item)))
    if fold.error is not None:
        yield as_sse(as_line(fold.error))
    yield from _follow(turns, database, row, log, gone)


def _follow(turns: Turns, database: Database, row: TurnRow, log: Log, gone: Gone) -> Events:
    """Yield what comes after this log until the turn is over, and mark the thread as read."""
    seq = log.next_seq - 1
    quiet_since = time.monotonic()
    while log.state == "running":
        time.sleep(FOLLOW_SECONDS)
        if gone():
            return
        after = _log(turns, database, row, seq)
        if after is None:
            yield as_sse(as_line(as_error_event(ThreadNotFound(row.thread_id))))
            return
        log = after
        if log.checkpoints:
            seq, quiet_since = log.checkpoints[-1][0], time.monotonic()
            yield from _lines(log)
        elif time.monotonic() - quiet_since > QUIET_SECONDS:
            quiet_since = time.monotonic()
            yield SIGN_OF_LIFE
    database.run(threads.mark_read, user_id=row.user_id, thread_id=row.thread_id)


def _log(turns: Turns, database: Database, row: TurnRow, seq: int) -> Log | None:
    """Return what was streamed after a checkpoint; settles the turn first if its worker died."""
    log = _read(database, row, seq)
    if log is not None and log.expired:
        turns.loop.run(turns.keeper.settle(row))
        log = _read(database, row, seq)
    return log


def _read(database: Database, row: TurnRow, seq: int) -> Log | None:
    return database.run(turn_logs.events_after, user_id=row.user_id, turn_id=row.id, seq=seq)


def _lines(log: Log) -> Iterator[bytes]:
    for _, lines in log.checkpoints:
        for line in lines.split("\n"):
            yield as_sse(line)


def _next(ready: Ready) -> bytes | None:
    try:
        return ready.get(timeout=POLL_SECONDS)
    except queue.Empty:
        return None
