"""Turns: an answer belongs to the server, and not to the socket that asked for it.

A turn runs as one task on the worker's event loop. What it streams goes to its readers at once and
to PostgreSQL every TICK_SECONDS; from there any worker can follow it, and settle it if its worker
dies. docs/architecture.md draws the life of a turn.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import time
from collections.abc import AsyncIterator
from contextvars import Context, ContextVar
from typing import Any, Final, Literal

from chatkit.types import (
    ErrorEvent,
    NoticeEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
)

from chat.context import RequestContext
from chat.errors import (
    AnswerInterrupted,
    ChatError,
    KeyReused,
    Overloaded,
    ThreadNotFound,
    TurnRunning,
)
from chat.neon_store import NeonStore, patiently
from chat.stream import EventLoop, worker
from chat.tables import threads
from chat.tables import turns as table
from chat.tables.turns import Checkpoint, Ending, NewTurn, State, TurnRow
from chat.turn_log import Fold, Journal, as_line, as_sse

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

Reason = Literal["stopped", "interrupted", "lost"]

END: Final = b""
"""What a reader gets after the last event."""

current: Final[ContextVar[Turn | None]] = ContextVar("turn", default=None)
"""The turn that the running task belongs to."""

Ready = queue.SimpleQueue[bytes]


def new_turn_id() -> str:
    """Return a new turn's id: 128 random bits."""
    return f"turn_{secrets.token_hex(16)}"


class Turn:
    """A running turn. Belongs to the event loop: only `ready` queues are read elsewhere."""

    def __init__(
        self, new: NewTurn, context: RequestContext, *, title: str | None, keep: bool
    ) -> None:
        self.new = new
        self.user_id = context.user_id
        self.title = title
        self.keep = keep
        self.reason: Reason | None = None
        self.journal = Journal()
        self.fold = Fold()
        self.batch = ""
        self.seq = 0
        self.readers: set[Ready] = set()
        self.task: asyncio.Task[None] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The turn's primary key."""
        return self.user_id, self.new.id

    def publish(self, event: ThreadStreamEvent) -> None:
        """Give the event to the readers now, and to the database with the next checkpoint."""
        line = as_line(event)
        self.journal.add(event, line)
        self.fold.take([event])
        for ready in self.readers:
            ready.put(as_sse(line))

    def stop(self, reason: Reason) -> None:
        """End the turn while it waits for the model; what was written is kept. Safe to repeat."""
        if self.reason is None and self.task is not None:
            self.reason = reason
            self.task.cancel()

    def next_checkpoint(self) -> Checkpoint:
        """Return what has to be stored next; the same again until `stored` is called."""
        self.batch = self.batch or self.journal.take()
        return Checkpoint(self.user_id, self.new.id, self.seq, self.batch)

    def stored(self) -> None:
        """Go on to the checkpoint after the last one."""
        if self.batch:
            self.batch = ""
            self.seq += 1


class TurnStore(NeonStore):
    """A NeonStore in which a running turn changes its thread without undoing what people did.

    The SDK stores the copy of the thread that a turn began with. Here a name given meanwhile stays,
    and a deleted thread does not come back.
    """

    async def save_thread(self, thread: ThreadMetadata, context: RequestContext) -> None:
        """Store what the turn changed; outside a turn, insert or replace as the SDK means it."""
        turn = current.get()
        if turn is None:
            await super().save_thread(thread, context)
            return
        await self.run(threads.update, user_id=context.user_id, thread=thread, old_title=turn.title)
        turn.title = thread.title


class Turns:
    """The turns of this process. `start` and what it calls run on the event loop."""

    def __init__(self, store: NeonStore, loop: EventLoop) -> None:
        self.loop = loop
        self.worker_id = secrets.token_hex(12)
        self._store = store
        self._running: dict[tuple[str, str], Turn] = {}
        self._storing: asyncio.Lock | None = None
        self._watching: asyncio.Task[None] | None = None
        worker.on_exit(self.drain)

    async def find_same(
        self, context: RequestContext, key: str | None, request_hash: str | None
    ) -> TurnRow | None:
        """Return the turn that was begun with this key, or None; raise KeyReused."""
        if key is None:
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
        """End a turn whose worker died, from its checkpoints; safe to repeat, by any worker."""
        log = await self._store.run(table.events_after, user_id=row.user_id, turn_id=row.id, seq=-1)
        if log is None:
            return
        fold = Fold()
        for _, lines in log.checkpoints:
            fold.take_lines(lines)
        last = log.checkpoints[-1][0] if log.checkpoints else -1
        settled = await self._store.run(
            table.settle,
            turn=row,
            written=fold.written(),
            seq=last + 1,
            events="\n".join(as_line(event) for event in _closing(fold, "interrupted")),
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

        Takes at most `seconds` and what storing takes. For a worker that is about to exit.
        """
        deadline = time.monotonic() + seconds
        while self._running and time.monotonic() < deadline:
            time.sleep(0.1)
        self.loop.call(self._interrupt_all)
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
            turn.publish(_as_error_event(exc))
        if turn.reason is not None:
            for event in _closing(turn.fold, turn.reason):
                turn.publish(event)
        elif turn.fold.error is not None:
            state = "failed"
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
                async with self._lock():
                    await self._store_checkpoints([turn])
                    ending = self._ending(turn, state)
                    stored = await self._store.run(table.end, ending=ending)
        except ChatError as exc:
            # Another worker settles it from the checkpoints once the database is back.
            logger.error("turn=%s not ended code=%s", turn.new.id, exc.code)
            return
        logger.info("turn=%s ended state=%s stored=%s", turn.new.id, state, stored)

    def _ending(self, turn: Turn, state: State) -> Ending:
        return Ending(
            user_id=turn.user_id,
            turn_id=turn.new.id,
            thread_id=turn.new.thread_id,
            worker=self.worker_id,
            state=state,
            seq=turn.seq,
            events=turn.journal.take(),
            unread=not turn.readers and state != "stopped",
        )

    async def _watch(self) -> None:
        tick = 0
        while True:
            try:
                await self._tick(tick)
            except ChatError as exc:
                logger.warning("no checkpoint code=%s running=%d", exc.code, len(self._running))
            except Exception as exc:
                logger.error("no checkpoint: %s", type(exc).__name__, exc_info=exc)
            tick += 1
            await asyncio.sleep(TICK_SECONDS)

    async def _tick(self, tick: int) -> None:
        if worker.stopping():
            self._interrupt_all()
        async with self._lock():
            await self._store_checkpoints(list(self._running.values()))
        if tick % SWEEP_TICKS == 0:
            for row in await self._store.run(table.expired):
                await self.settle(row)
        if tick % FORGET_TICKS == 0:
            await self._store.run(table.forget)

    async def _store_checkpoints(self, turns: list[Turn]) -> None:
        """Store what these turns streamed; one that is no longer ours is given up."""
        if not turns:
            return
        rows = [turn.next_checkpoint() for turn in turns]
        kept = await self._store.run(table.checkpoint, worker=self.worker_id, rows=rows)
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

    def _lock(self) -> asyncio.Lock:
        """Keep checkpoints and endings apart, so that no event is stored twice or not at all."""
        if self._storing is None:
            self._storing = asyncio.Lock()
        return self._storing


def _closing(fold: Fold, reason: Reason) -> list[ThreadStreamEvent]:
    """Return what readers of a turn that did not come to its end are told."""
    match reason:
        case "lost":
            return [ErrorEvent(message=ThreadNotFound.public)]
        case "stopped":
            end: ThreadStreamEvent = NoticeEvent(level="info", message="You stopped this answer.")
        case "interrupted":
            end = _as_error_event(AnswerInterrupted("its worker stopped or died"))
    return [*(ThreadItemDoneEvent(item=item) for item in fold.written()), end]


def _as_error_event(exc: Exception) -> ErrorEvent:
    if not isinstance(exc, ChatError):
        logger.error("turn broke: %s", type(exc).__name__, exc_info=exc)
    ours: Any = exc if isinstance(exc, ChatError) else ChatError()
    return ErrorEvent(message=ours.public, allow_retry=ours.allow_retry)
