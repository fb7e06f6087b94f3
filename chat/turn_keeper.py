"""Keeps what running turns stream, and settles the turns of workers that died."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Final

from chatkit.types import ThreadItem, ThreadItemDoneEvent
from pydantic import ValidationError

from chat.background import BackgroundJobs
from chat.context import RequestContext
from chat.errors import AnswerInterrupted, ChatError, DatabaseReadOnly, ItemNotFound
from chat.neon_store import NeonStore
from chat.running_turn import Turn, as_error_event
from chat.stream import worker
from chat.tables import limits, turn_ends, turn_logs
from chat.tables.turn_ends import Ending
from chat.tables.turn_logs import Checkpoint, Log
from chat.tables.turns import LEASE_SECONDS, TurnRow
from chat.turn_log import Fold, as_line

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
"""Between two checkpoints: what a crash may cost, and how soon another worker's stop is seen."""
SWEEP_SECONDS: Final = 5.0
"""Between two looks for turns whose worker died."""
FORGET_SECONDS: Final = 600.0
"""Between two removals of logs that nobody can ask for any more."""


class TurnKeeper:
    """Stores the turns of this process twice a second, and looks after those of dead workers.

    `store` is for checkpoints alone: a lease must not run out because others wait for the
    database. `rest` serves everything else. Belongs to the event loop.
    """

    def __init__(self, store: NeonStore, rest: NeonStore) -> None:
        self.worker_id = secrets.token_hex(12)
        self.running: dict[tuple[str, str], Turn] = {}
        self._store = store
        self._rest = rest
        self._jobs = BackgroundJobs(
            self._keep, self._sweep, busy=lambda: bool(self.running), rested=self._forget_outages
        )
        self._forgot_at = 0.0
        self._steady_since: float | None = None
        self._cannot_settle = False

    def watch(self) -> None:
        """Begin with checkpoints and sweeps, or go on for a while; safe to repeat."""
        self._jobs.wake()

    def interrupt_all(self) -> None:
        """End every turn of this process; what was written is kept."""
        for turn in self.running.values():
            turn.stop("interrupted")

    async def settle(self, row: TurnRow) -> bool:
        """End a turn whose worker died, from its checkpoints; safe to repeat, by any worker.

        Only once this process has reached the database for a whole lease: after an outage the
        other workers are alive, and have had time to say so. Returns whether it was done here.
        Raises what the database raises.
        """
        self.watch()
        if self._steady_since is None or time.monotonic() - self._steady_since < LEASE_SECONDS:
            if self._cannot_settle:
                # Who follows such a turn is told, and does not wait as if somebody worked at it.
                raise DatabaseReadOnly("nothing could be settled, for nothing could be stored")
            return False
        log = await self._rest.run(
            turn_logs.events_after, user_id=row.user_id, turn_id=row.id, seq=-1
        )
        if log is None:
            return False
        fold = _folded(row, log)
        stored, left = await self._written(row, fold)
        whole = not left and await self._rest.run(
            turn_ends.answered, user_id=row.user_id, turn_id=row.id
        )
        ending = _settlement(row, stored, left, whole=whole, seq=log.next_seq)
        settled = await self._rest.run(turn_ends.settle, ending=ending, items_left=left)
        if settled:
            logger.warning("settled turn=%s state=%s items=%d", row.id, ending.state, len(left))
        return settled

    async def _keep(self) -> float:
        """Store a checkpoint of what runs, and nothing else; return when to do it again."""
        if worker.stopping():
            self.interrupt_all()
        try:
            await self._checkpoint(list(self.running.values()))
        except ChatError as exc:
            self._failed(exc)
            logger.warning("no checkpoint code=%s running=%d", exc.code, len(self.running))
        except Exception as exc:
            logger.error("no checkpoint: %s", type(exc).__name__, exc_info=exc)
        return TICK_SECONDS

    async def _checkpoint(self, turns: list[Turn]) -> None:
        """Store what these turns streamed in one statement; one that is not ours is given up."""
        if not turns:
            return
        held = [turn for turn in turns if not turn.over and not turn.storing.locked()]
        for turn in held:
            await turn.storing.acquire()
        try:
            asked = time.monotonic()
            rows = [turn.next_checkpoint() for turn in held]
            ending = [turn.sign_of_life() for turn in turns if turn not in held]
            try:
                kept = await self._kept([*rows, *ending])
            except DatabaseReadOnly as exc:
                # A full disk may have no room for events, and some for a lease.
                logger.warning("signs of life only code=%s running=%d", exc.code, len(turns))
                self._failed(exc)
                rows = [turn.sign_of_life() for turn in held]
                kept = await self._kept([*rows, *ending])
            for turn, row in zip(held, rows, strict=True):
                _take_answer(turn, row, kept, asked)
        finally:
            for turn in held:
                turn.storing.release()

    async def _kept(self, rows: list[Checkpoint]) -> dict[tuple[str, str], bool]:
        """Store checkpoints, all or none; return what `turn_logs.checkpoint` does."""
        return await self._store.run(turn_logs.checkpoint, worker=self.worker_id, rows=rows)

    async def _sweep(self) -> float:
        """Settle what dead workers left; return when to look again."""
        try:
            rows = await self._rest.run(turn_ends.expired)
            self._steady_since = self._steady_since or time.monotonic()
            self._cannot_settle = False
            for row in rows:
                await self._settle_one(row)
            await self._forget()
        except ChatError as exc:
            self._failed(exc)
            logger.warning("no sweep code=%s", exc.code)
        except Exception as exc:
            logger.error("no sweep: %s", type(exc).__name__, exc_info=exc)
        return SWEEP_SECONDS

    def _forget_outages(self) -> None:
        """Forget how the database was before this process rested."""
        self._steady_since = None
        self._cannot_settle = False

    def _failed(self, exc: ChatError) -> None:
        """Begin anew to count how long the database is there, and know what it does not take."""
        self._steady_since = None
        self._cannot_settle = isinstance(exc, DatabaseReadOnly)

    async def _settle_one(self, row: TurnRow) -> None:
        """Settle one turn; one that cannot be settled must not keep the others from it."""
        try:
            await self.settle(row)
        except ChatError:
            raise
        except Exception as exc:
            logger.error("turn=%s not settled: %s", row.id, type(exc).__name__, exc_info=exc)

    async def _forget(self) -> None:
        if time.monotonic() - self._forgot_at > FORGET_SECONDS:
            self._forgot_at = time.monotonic()
            for forget in (turn_logs.forget, limits.forget):
                while await self._rest.run(forget):
                    pass

    async def _written(self, row: TurnRow, fold: Fold) -> tuple[list[ThreadItem], list[ThreadItem]]:
        """Return the half-written items, those that were stored after all and those that are left.

        A worker may die between storing an answer and saying so.
        """
        context = RequestContext(user_id=row.user_id)
        stored: list[ThreadItem] = []
        left: list[ThreadItem] = []
        for item in fold.written():
            try:
                stored.append(await self._rest.load_item(row.thread_id, item.id, context))
            except ItemNotFound:
                left.append(item)
        return stored, left


def _take_answer(
    turn: Turn, row: Checkpoint, kept: dict[tuple[str, str], bool], asked: float
) -> None:
    if turn.key not in kept:
        turn.lose()
        return
    turn.lease_known_at = max(turn.lease_known_at, asked)
    turn.stored(row)
    if kept[turn.key]:
        turn.stop("stopped")


def _folded(row: TurnRow, log: Log) -> Fold:
    """Fold the checkpoints as far as they can be read: another version may have written them."""
    fold = Fold()
    try:
        for _, lines in log.checkpoints:
            fold.take_lines(lines)
    except ValidationError as exc:
        logger.error("turn=%s cannot be read on: %d problems", row.id, exc.error_count())
    return fold


def _settlement(
    row: TurnRow, stored: list[ThreadItem], left: list[ThreadItem], *, whole: bool, seq: int
) -> Ending:
    lines = [as_line(ThreadItemDoneEvent(item=item)) for item in [*stored, *left]]
    if not whole:
        lines.append(as_line(as_error_event(AnswerInterrupted("its worker died"))))
    return Ending(
        user_id=row.user_id,
        turn_id=row.id,
        thread_id=row.thread_id,
        message_id=row.message_id,
        state="done" if whole else "interrupted",
        checkpoints=[(seq, "\n".join(lines))] if lines else [],
        written=[item.id for item in left],
        unread=True,
    )
