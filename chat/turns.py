"""Turns: an answer belongs to the server, and not to the socket that asked for it.

A turn runs as one task on the worker's event loop. What it streams goes to its readers at once,
and through the keeper to PostgreSQL, from where any worker can follow it. docs/architecture.md
draws the life of a turn.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import time
from collections.abc import AsyncIterator
from typing import Final

from chatkit.types import (
    HiddenContextItem,
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
    RateLimited,
    ThreadNotFound,
    TurnRunning,
)
from chat.limits import TurnLimits
from chat.neon_store import NeonStore, patiently
from chat.running_turn import (
    Ready,
    Turn,
    as_error_event,
    closing,
    current,
    stopped_notice,
)
from chat.stream import SAVE_SECONDS, EventLoop, worker
from chat.tables import turn_ends
from chat.tables import turns as table
from chat.tables.items import HIDDEN
from chat.tables.turns import NewTurn, State, TurnRow
from chat.turn_keeper import TurnKeeper

logger = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 60.0
"""How long a turn waits for a database that is away before it gives its answer up."""
TURNS_OF_A_USER: Final = 5
TURNS_OF_A_WORKER: Final = 1000


class Turns:
    """The turns of this process. `start` and what it calls run on the event loop."""

    def __init__(
        self,
        store: NeonStore,
        keeper: TurnKeeper,
        loop: EventLoop,
        limits: TurnLimits | None = None,
    ) -> None:
        self.loop = loop
        self.keeper = keeper
        self._limits = limits or TurnLimits([])
        self._store = store
        self._running = keeper.running
        worker.on_start(lambda: self.loop.call(keeper.watch))
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
        page: HiddenContextItem | None = None,
        title: str | None = None,
        keep: bool = False,
    ) -> tuple[Turn, Ready] | TurnRow:
        """Store the turn and its message, run it, and return it with its first reader's queue.

        `page` is what is told about the page on which the message was written.
        Returns the earlier turn instead if the key was used meanwhile. Raises TurnRunning,
        TooManyTurns, RateLimited, Overloaded, KeyReused, ThreadNotFound and what the database
        raises; nothing is stored then, unless the database went away in the moment of storing:
        then the same key tells.
        """
        if worker.told_to_stop() or len(self._running) >= TURNS_OF_A_WORKER:
            raise Overloaded(f"{len(self._running)} turns are running here")
        same = await self._begin(new, context, new_thread, message, page)
        if same is not None:
            return same
        turn = Turn(new, context, title=title, keep=keep)
        ready: Ready = queue.SimpleQueue()
        turn.readers.add(ready)
        self._running[turn.key] = turn
        turn.task = asyncio.create_task(self._drive(turn, events))
        self.keeper.watch()
        return turn, ready

    def leave(self, turn: Turn, ready: Ready, *, keep: bool = False) -> None:
        """Take a reader away; from any thread.

        A turn that nobody asked to keep ends with its last reader. `keep` asks for it.
        """

        def left() -> None:
            turn.readers.discard(ready)
            turn.keep = turn.keep or keep
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

    def drain(self, seconds: float) -> None:
        """Wait for the running turns, then interrupt and store the rest; from any thread.

        Takes at most `seconds` and SAVE_SECONDS. For a worker that is about to exit.
        """
        self._wait_for_all(seconds)
        self.loop.call(self.keeper.interrupt_all)
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
        page: HiddenContextItem | None,
    ) -> TurnRow | None:
        try:
            with self._limits.kept(context.user_id):
                await self._store.run(
                    table.begin,
                    user_id=context.user_id,
                    turn=new,
                    thread=thread,
                    message=message,
                    page=page,
                    most=TURNS_OF_A_USER,
                    limits=self._limits.limits,
                )
        except (TurnRunning, RateLimited):
            same = await self.find_same(context, new.key, new.request_hash)
            if same is None:
                raise
            return same
        return None

    async def make_way(self, context: RequestContext, thread_id: str) -> bool:
        """Settle the turn that is in the way if its worker died; otherwise give it a moment.

        Returns whether the way is free now.
        """
        row = await self._store.run(
            table.find_running, user_id=context.user_id, thread_id=thread_id
        )
        if row is not None and row.expired and await self.keeper.settle(row):
            return True
        await asyncio.sleep(0.1)
        return False

    async def _drive(self, turn: Turn, events: AsyncIterator[ThreadStreamEvent]) -> None:
        """Run the turn from its first event to its last; ends in `_end`, whatever happens."""
        current.set(turn)
        turn.begun = True
        broken: Exception | None = None
        try:
            if turn.reason is None:
                with patiently(PATIENCE_SECONDS):
                    async for event in events:
                        turn.publish(event)
        except asyncio.CancelledError:
            logger.info("turn=%s cancelled reason=%s", turn.new.id, turn.reason)
        except Exception as exc:
            broken = exc
        turn.over = True
        # From here on errors are ours again: nobody but the log hears of them.
        current.set(None)
        try:
            state = await self._state(turn, broken)
            if turn.unstored:
                # Its readers have waited for the database once, and were told: that is enough.
                turn.dismiss()
                self._finish_unstored(turn)
            await self._end(turn, state)
        finally:
            self._running.pop(turn.key, None)
            turn.dismiss()

    async def _state(self, turn: Turn, broken: Exception | None) -> State:
        """Tell the readers why the turn is over, unless it came to its end; return how it did."""
        if turn.reason in {"stopped", "interrupted"} and turn.whole:
            return "done"
        match turn.reason:
            case "stopped":
                self._close(turn, stopped_notice())
                return "stopped"
            case "interrupted":
                self._close(turn, as_error_event(AnswerInterrupted("the worker was stopped")))
                return "interrupted"
            case "lost":
                turn.publish(as_error_event(await self._why_lost(turn)))
                return "interrupted"
        if broken is not None:
            turn.publish(as_error_event(broken))
        return "done" if turn.fold.error is None else "failed"

    def _close(self, turn: Turn, end: ThreadStreamEvent) -> None:
        for event in closing(turn.fold, end):
            turn.publish(event)

    def _finish_unstored(self, turn: Turn) -> None:
        """Tell those who join later that what is stored with the turn's end is done."""
        for item in turn.unstored_items:
            if item.id not in turn.fold.done and item.type not in HIDDEN:
                turn.publish(ThreadItemDoneEvent(item=item))

    async def _why_lost(self, turn: Turn) -> ChatError:
        """Tell a deleted thread from a turn that another worker has settled."""
        try:
            row = await self._store.run(table.find, user_id=turn.user_id, turn_id=turn.new.id)
        except ChatError as exc:
            return exc
        gone = row is None
        return (
            ThreadNotFound(turn.new.thread_id) if gone else AnswerInterrupted("settled elsewhere")
        )

    async def _end(self, turn: Turn, state: State) -> None:
        if turn.reason == "lost":
            return
        async with turn.storing:
            ending = turn.ending(state)
        try:
            with patiently(PATIENCE_SECONDS):
                stored = await self._store.run(
                    turn_ends.end,
                    worker=self.keeper.worker_id,
                    ending=ending,
                    items_left=turn.unstored_items,
                )
        except ChatError as exc:
            # Another worker settles it from the checkpoints once the database is back.
            logger.error("turn=%s not ended code=%s", turn.new.id, exc.code)
            return
        logger.info(
            "turn=%s thread=%s ended state=%s stored=%s ms=%d",
            turn.new.id,
            turn.new.thread_id,
            state,
            stored,
            (time.monotonic() - turn.began) * 1000,
        )
