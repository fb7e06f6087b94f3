"""One running turn: its readers, its checkpoints, its end, and the store as it sees it."""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
from contextvars import ContextVar
from typing import Final, Literal

from chatkit.types import (
    ErrorEvent,
    NoticeEvent,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
)

from chat.context import RequestContext
from chat.errors import AnswerInterrupted, ChatError, ThreadNotFound
from chat.neon_store import NeonStore
from chat.tables import threads
from chat.tables.turn_logs import Checkpoint
from chat.tables.turns import Ending, NewTurn, State
from chat.turn_log import Fold, Journal, as_line, as_sse

logger = logging.getLogger(__name__)

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
        self.over = False
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
        """End the turn while it waits for the model; what was written is kept. Safe to repeat.

        A turn that is being stored already ends as it would have.
        """
        if self.reason is None and self.task is not None and not self.over:
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

    def ending(self, worker_id: str, state: State) -> Ending:
        """Return what is stored last: the rest of the events, and how it ended."""
        return Ending(
            user_id=self.user_id,
            turn_id=self.new.id,
            thread_id=self.new.thread_id,
            worker=worker_id,
            state=state,
            seq=self.seq,
            events=self.journal.take(),
            unread=not self.readers and state != "stopped",
        )


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


def closing(fold: Fold, reason: Reason) -> list[ThreadStreamEvent]:
    """Return what readers of a turn that did not come to its end are told."""
    match reason:
        case "lost":
            return [ErrorEvent(message=ThreadNotFound.public)]
        case "stopped":
            end: ThreadStreamEvent = NoticeEvent(level="info", message="You stopped this answer.")
        case "interrupted":
            end = as_error_event(AnswerInterrupted("its worker stopped or died"))
    return [*(ThreadItemDoneEvent(item=item) for item in fold.written()), end]


def as_error_event(exc: Exception) -> ErrorEvent:
    """Return what people are told of an exception; one of ours says it itself, a bug is logged."""
    if not isinstance(exc, ChatError):
        logger.error("turn broke: %s", type(exc).__name__, exc_info=exc)
    ours = exc if isinstance(exc, ChatError) else ChatError()
    return ErrorEvent(message=ours.public, allow_retry=ours.allow_retry)
