"""One running turn: its readers, its checkpoints, and its end."""

from __future__ import annotations

import asyncio
import logging
import queue
import secrets
import time
from contextvars import ContextVar
from typing import Final, Literal

from chatkit.errors import CustomStreamError
from chatkit.types import (
    ErrorEvent,
    NoticeEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadStreamEvent,
)

from chat.context import RequestContext
from chat.errors import ChatError
from chat.tables.turn_ends import Ending
from chat.tables.turn_logs import Checkpoint
from chat.tables.turns import NewTurn, State
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
    """A running turn. Belongs to the event loop.

    Elsewhere only `ready` queues are read, and `lease_known_at` is where the turn stores something.
    """

    def __init__(
        self, new: NewTurn, context: RequestContext, *, title: str | None, keep: bool
    ) -> None:
        self.new = new
        self.user_id = context.user_id
        self.title = title
        self.keep = keep
        self.reason: Reason | None = None
        self.fold = Fold()
        self.readers: set[Ready] = set()
        self.removed: set[str] = set()
        self.task: asyncio.Task[None] | None = None
        self.began = time.monotonic()
        self.begun = False
        self.over = False
        self.assistant_done = False
        """Whether the assistant has come to its end; its last words may still be on their way."""
        self.unstored = False
        """Whether something of it could not be stored, for as long as the turn had patience."""
        self.unstored_items: list[ThreadItem] = []
        """The items among that: they are stored together with its end."""
        self.storing = asyncio.Lock()
        """Held while a checkpoint with events is on its way, so that the end comes after it."""
        self.lease_known_at = self.began
        """When the database was last asked whether the turn is this worker's, and said yes."""
        self._journal = Journal()
        self._batch = ""
        self._seq = 0

    @property
    def key(self) -> tuple[str, str]:
        """The turn's primary key."""
        return self.user_id, self.new.id

    @property
    def whole(self) -> bool:
        """Whether all of the answer is done: an assistant with tools may have more to say."""
        return self.assistant_done and self.fold.answered()

    def publish(self, event: ThreadStreamEvent) -> None:
        """Give the event to the readers now, and to the database with the next checkpoint."""
        line = as_line(event)
        self._journal.add(event, line)
        self.fold.take([event])
        for ready in self.readers:
            ready.put(as_sse(line))

    def stop(self, reason: Reason) -> None:
        """End the turn, now or before it begins; what was written is kept. Safe to repeat.

        A turn that is being stored already ends as it would have.
        """
        if self.reason is not None or self.over:
            return
        self.reason = reason
        # A task that is cancelled before its first step would never come to its end.
        if self.task is not None and self.begun:
            self.task.cancel()

    def lose(self) -> None:
        """Give it up to the worker that has settled it, whatever its end was to be; repeatable."""
        if not self.over:
            self.stop("lost")
            self.reason = "lost"

    def dismiss(self) -> None:
        """Tell the readers that nothing comes after what they have got; safe to repeat."""
        for ready in self.readers:
            ready.put(END)

    def next_checkpoint(self) -> Checkpoint:
        """Return what has to be stored next; the same again until `stored` is called."""
        self._batch = self._batch or self._journal.take()
        return Checkpoint(self.user_id, self.new.id, self._seq, self._batch)

    def sign_of_life(self) -> Checkpoint:
        """Return a checkpoint without events, which renews the lease and nothing more."""
        return Checkpoint(self.user_id, self.new.id, self._seq, "")

    def stored(self, checkpoint: Checkpoint) -> None:
        """Go on to the checkpoint after this one."""
        if checkpoint.events:
            self._batch = ""
            self._seq = checkpoint.seq + 1

    def ending(self, state: State) -> Ending:
        """Return what is stored last: the rest of the events, and how it ended."""
        rest = [events for events in (self._batch, self._journal.take()) if events]
        return Ending(
            user_id=self.user_id,
            turn_id=self.new.id,
            thread_id=self.new.thread_id,
            message_id=self.new.message_id,
            state=state,
            checkpoints=list(enumerate(rest, start=self._seq)),
            written=[item_id for item_id in self.fold.done if item_id != self.new.message_id],
            unread=not self.readers and state != "stopped",
        )


def closing(fold: Fold, end: ThreadStreamEvent) -> list[ThreadStreamEvent]:
    """Return what readers of a turn that did not come to its end are told."""
    return [*(ThreadItemDoneEvent(item=item) for item in fold.written()), end]


def stopped_notice() -> NoticeEvent:
    """Return what is told where somebody stopped an answer."""
    return NoticeEvent(level="info", message="You stopped this answer.")


class CodedError(ErrorEvent):
    """ChatKit's `error` event, whose own `code` knows only `custom`, with our code beside it."""

    error_code: str


def as_error_event(exc: Exception) -> ErrorEvent:
    """Return what people are told of an exception; one of ours says it itself, a bug is logged."""
    if isinstance(exc, CustomStreamError):
        return ErrorEvent(message=exc.message, allow_retry=exc.allow_retry)
    if not isinstance(exc, ChatError):
        logger.error("turn broke: %s", type(exc).__name__, exc_info=exc)
    return coded(exc)


def coded(exc: Exception) -> CodedError:
    """Return the event of an exception, of ours or of a bug that was logged."""
    ours = exc if isinstance(exc, ChatError) else ChatError()
    return CodedError(message=ours.public, allow_retry=ours.allow_retry, error_code=ours.code)
