"""Turns: an answer belongs to the server, and not to the socket that asked for it.

A turn runs as one task on the worker's event loop. What it streams goes to its readers at once and
to PostgreSQL every TICK_SECONDS; from there any worker can follow it, and settle it if its worker
dies. docs/architecture.md draws the life of a turn.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import secrets
import time
from collections.abc import AsyncIterator
from contextvars import Context
from typing import Final

from chatkit.types import ThreadItem, ThreadMetadata, ThreadStreamEvent

from chat.context import RequestContext
from chat.errors import ChatError, KeyReused, Overloaded, TurnRunning
from chat.neon_store import NeonStore, patiently
from chat.running_turn import END, Ready, Turn, as_error_event, closing, current
from chat.stream import SAVE_SECONDS, EventLoop, worker
from chat.tables import turn_logs
from chat.tables import turns as table
from chat.tables.turns import LEASE_SECONDS, NewTurn, State, TurnRow
from chat.turn_log import Fold, as_line

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
"""Between two checkpoints: what a crash may cost, and how soon another worker's stop is seen."""
SWEEP_TICKS: Final = 10
"""Ticks between two looks for turns whose worker died."""
FORGET_TICKS: Final = 1200
"""Ticks between two removals of logs that nobody can ask for any more."""
PATIENCE_SECONDS: Final = 60.0
"""How long a turn waits for a database that is away before it gives its answer up."""
BUSY_SECONDS: Final = 1.0
"""How long a message waits for the thread's last turn to end: it may be ending right now."""
TURNS_OF_A_USER: Final = 5
TURNS_OF_A_WORKER: Final = 1000


class Turns:
    """The turns of this process. `start` and what it calls run on the event loop."""

    def __init__(self, store: NeonStore, loop: EventLoop) -> None:
        self.loop = loop
        self.worker_id = secrets.token_hex(12)
        self._store = store
        self._running: dict[tuple[str, str], Turn] = {}
        # Keeps checkpoints and endings apart, so that no event is stored twice or not at all.
        self._storing = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._steady_since: float | None = None
        worker.on_start(lambda: self.loop.call(self.watch))
        worker.on_exit(self.drain)

    async def find_same(
        self, context: RequestContext, key: str | None, request_hash: str | None
    ) -> TurnRow | None:
        """Return the turn that was begun with this key, or None; raise KeyReused."""
        if not key:
            return None
        row = await self._store.run(table.find_by_key, user_id=context.user_id, key=key)
        if row is not None and row.request_hash != request_hash:
            raise KeyReused("the key came with another body before")
        return row

    async def start(
        self,
        new: NewTurn,
        context: RequestContext,
        events: AsyncIterator[ThreadStreamEvent],
        *,
        new_thread: ThreadMetadata | None = None,
        message: ThreadItem | None = None,
        title: str | None = None,
        keep: bool = False,
    ) -> tuple[Turn, Ready] | TurnRow:
        """Store the turn and its message, run it, and return it with its first reader's queue.

        Returns the earlier turn instead if the key was used meanwhile. Raises TurnRunning,
        TooManyTurns, Overloaded, KeyReused, ThreadNotFound and what the database raises; nothing
        is stored then.
        """
        if worker.told_to_stop() or len(self._running) >= TURNS_OF_A_WORKER:
            raise Overloaded(f"{len(self._running)} turns are running here")
        same = await self._begin(new, context, new_thread, message)
        if same is not None:
            return same
        turn = Turn(new, context, title=title, keep=keep)
        ready: Ready = queue.SimpleQueue()
        turn.readers.add(ready)
        self._running[turn.key] = turn
        turn.task = asyncio.create_task(self._drive(turn, events))
        self.watch()
        return turn, ready

    def leave(self, turn: Turn, ready: Ready) -> None:
        """Take a reader away; from any thread. A turn that nobody asked to keep ends with it."""

        def left() -> None:
            turn.readers.discard(ready)
            if not turn.keep and not turn.readers:
                turn.stop("stopped")

        self.loop.call(left)

    async def stop(self, context: RequestContext, thread_id: str) -> bool:
        """Stop what runs in the user's thread, on whichever worker; return whether there was."""
        turn_id = await self._store.run(
            table.request_stop, user_id=context.user_id, thread_id=thread_id
        )
        if turn_id is None:
            return False
        turn = self._running.get((context.user_id, turn_id))
        if turn is not None:
            turn.stop("stopped")
        return True

    async def settle(self, row: TurnRow) -> None:
        """End a turn whose worker died, from its checkpoints; safe to repeat, by any worker.

        Only once this process has reached the database for a whole lease: after an outage the
        other workers are alive, and have had time to say so.
        """
        if self._steady_since is None or time.monotonic() - self._steady_since < LEASE_SECONDS:
            return
        log = await self._store.run(
            turn_logs.events_after, user_id=row.user_id, turn_id=row.id, seq=-1
        )
        if log is None:
            return
        fold = Fold()
        for _, lines in log.checkpoints:
            fold.take_lines(lines)
        last = log.checkpoints[-1][0] if log.checkpoints else -1
        settled = await self._store.run(
            turn_logs.settle,
            turn=row,
            written=fold.written(),
            seq=last + 1,
            events="\n".join(as_line(event) for event in closing(fold, "interrupted")),
        )
        if settled:
            logger.warning("settled turn=%s after=%d checkpoints", row.id, last + 1)

    def watch(self) -> None:
        """Begin with checkpoints and sweeps, on the event loop; safe to repeat."""
        if self._watching is None or self._watching.done():
            # Not in the context of the request that happens to come first.
            self._watching = asyncio.create_task(self._watch(), context=Context())

    def drain(self, seconds: float) -> None:
        """Wait for the running turns, then interrupt and store the rest; from any thread.

        Takes at most `seconds` and SAVE_SECONDS. For a worker that is about to exit.
        """
        self._wait_for_all(seconds)
        self.loop.call(self._interrupt_all)
        self._wait_for_all(SAVE_SECONDS)

    def _wait_for_all(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._running and time.monotonic() < deadline:
            time.sleep(0.05)

    async def _begin(
        self,
        new: NewTurn,
        context: RequestContext,
        thread: ThreadMetadata | None,
        message: ThreadItem | None,
    ) -> TurnRow | None:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                await self._store.run(
                    table.begin,
                    user_id=context.user_id,
                    turn=new,
                    thread=thread,
                    message=message,
                    most=TURNS_OF_A_USER,
                )
            except TurnRunning:
                same = await self.find_same(context, new.key, new.request_hash)
                if same is not None:
                    return same
                if time.monotonic() > deadline:
                    raise
            else:
                return None
            await self._make_way(context, new.thread_id)

    async def _make_way(self, context: RequestContext, thread_id: str) -> None:
        """Settle the turn that is in the way if its worker died; otherwise give it a moment."""
        row = await self._store.run(
            table.find_running, user_id=context.user_id, thread_id=thread_id
        )
        if row is not None and row.expired:
            await self.settle(row)
        else:
            await asyncio.sleep(0.1)

    async def _drive(self, turn: Turn, events: AsyncIterator[ThreadStreamEvent]) -> None:
        """Run the turn from its first event to its last; ends in `_end`, whatever happens."""
        current.set(turn)
        state: State = "done"
        try:
            with patiently(PATIENCE_SECONDS):
                async for event in events:
                    turn.publish(event)
        except asyncio.CancelledError:
            state = "stopped" if turn.reason == "stopped" else "interrupted"
        except Exception as exc:
            state = "failed"
            turn.publish(as_error_event(exc))
        if turn.reason is not None:
            for event in closing(turn.fold, turn.reason):
                turn.publish(event)
        elif turn.fold.error is not None:
            state = "failed"
        turn.over = True
        try:
            await self._end(turn, state)
        finally:
            self._running.pop(turn.key, None)
            for ready in turn.readers:
                ready.put(END)

    async def _end(self, turn: Turn, state: State) -> None:
        if turn.reason == "lost":
            return
        try:
            with patiently(PATIENCE_SECONDS):
                async with self._storing:
                    await self._store_checkpoints([turn])
                    ending = turn.ending(self.worker_id, state)
                    stored = await self._store.run(table.end, ending=ending)
        except ChatError as exc:
            # Another worker settles it from the checkpoints once the database is back.
            logger.error("turn=%s not ended code=%s", turn.new.id, exc.code)
            return
        logger.info("turn=%s ended state=%s stored=%s", turn.new.id, state, stored)

    async def _watch(self) -> None:
        for tick in itertools.count():
            try:
                await self._tick(tick)
            except ChatError as exc:
                self._steady_since = None
                logger.warning("no checkpoint code=%s running=%d", exc.code, len(self._running))
            except Exception as exc:
                self._steady_since = None
                logger.error("no checkpoint: %s", type(exc).__name__, exc_info=exc)
            await asyncio.sleep(TICK_SECONDS)

    async def _tick(self, tick: int) -> None:
        if worker.stopping():
            self._interrupt_all()
        async with self._storing:
            await self._store_checkpoints(list(self._running.values()))
        if tick % SWEEP_TICKS == 0:
            expired = await self._store.run(turn_logs.expired)
            self._steady_since = self._steady_since or time.monotonic()
            for row in expired:
                await self.settle(row)
        if tick % FORGET_TICKS == 0:
            await self._store.run(turn_logs.forget)

    async def _store_checkpoints(self, turns: list[Turn]) -> None:
        """Store what these turns streamed; one that is no longer ours is given up."""
        if not turns:
            return
        rows = [turn.next_checkpoint() for turn in turns]
        kept = await self._store.run(turn_logs.checkpoint, worker=self.worker_id, rows=rows)
        for turn in turns:
            if turn.key not in kept:
                turn.stop("lost")
                continue
            turn.stored()
            if kept[turn.key]:
                turn.stop("stopped")

    def _interrupt_all(self) -> None:
        for turn in self._running.values():
            turn.stop("interrupted")
