"""What a turn streamed, as lines that can be stored, replayed, and folded back into items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartAdded,
    AssistantMessageContentPartAnnotationAdded,
    AssistantMessageContentPartDone,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ErrorEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
    WorkflowItem,
    WorkflowTaskAdded,
    WorkflowTaskUpdated,
)
from pydantic import TypeAdapter

EVENT: Final[TypeAdapter[ThreadStreamEvent]] = TypeAdapter(ThreadStreamEvent)


def as_line(event: ThreadStreamEvent) -> str:
    """Return the event as clients get it, on one line."""
    return event.model_dump_json(
        by_alias=True, exclude_none=True, context={"exclude_metadata": True}
    )


def as_sse(line: str) -> bytes:
    """Return the line as a server-sent event."""
    return b"data: " + line.encode() + b"\n\n"


def events_in(lines: str) -> list[ThreadStreamEvent]:
    """Return the events of a stored checkpoint."""
    return [EVENT.validate_json(line) for line in lines.split("\n") if line]


class Journal:
    """Collects events between two checkpoints; text deltas that follow each other become one.

    An event is written down at once, because the SDK goes on writing into the objects it gave out.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._delta: ThreadItemUpdatedEvent | None = None
        self._pieces: list[str] = []

    def add(self, event: ThreadStreamEvent, line: str) -> None:
        """Keep the event, and the line that clients get for it."""
        delta = _delta_in(event)
        if delta is None:
            self._join()
            self._lines.append(line)
            return
        assert isinstance(event, ThreadItemUpdatedEvent)  # noqa: S101 - it has a delta
        if self._delta is None or not _continues(self._delta, event):
            self._join()
            self._delta = event.model_copy(deep=True)
        self._pieces.append(delta.delta)

    def take(self) -> str:
        """Return what was collected, one event a line, and begin anew."""
        self._join()
        lines, self._lines = self._lines, []
        return "\n".join(lines)

    def _join(self) -> None:
        if self._delta is None:
            return
        joined = self._delta.update.model_copy(update={"delta": "".join(self._pieces)})
        self._lines.append(as_line(self._delta.model_copy(update={"update": joined})))
        self._delta, self._pieces = None, []


@dataclass
class Fold:
    """A turn as far as its events tell: items that are done, that are not, and that were removed.

    Feed it the events in order with `take`.
    """

    done: dict[str, ThreadItem] = field(default_factory=dict)
    unfinished: dict[str, ThreadItem] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    thread: ThreadUpdatedEvent | None = None
    error: ErrorEvent | None = None

    def take(self, events: Iterable[ThreadStreamEvent]) -> None:
        """Take further events into account."""
        for event in events:
            match event:
                case ThreadItemAddedEvent():
                    self.unfinished[event.item.id] = event.item.model_copy(deep=True)
                case ThreadItemUpdatedEvent():
                    apply_update(self.unfinished.get(event.item_id), event.update)
                case ThreadItemDoneEvent() | ThreadItemReplacedEvent():
                    self.unfinished.pop(event.item.id, None)
                    self.done[event.item.id] = event.item
                case ThreadItemRemovedEvent():
                    self.unfinished.pop(event.item_id, None)
                    self.done.pop(event.item_id, None)
                    self.removed.append(event.item_id)
                case ThreadUpdatedEvent():
                    self.thread = event
                case ErrorEvent():
                    self.error = event
                case _:
                    pass

    def take_lines(self, lines: str) -> None:
        """Take a stored checkpoint into account."""
        self.take(events_in(lines))

    def answered(self) -> bool:
        """Return whether an answer is done, and none is half-written."""
        done = any(isinstance(item, AssistantMessageItem) for item in self.done.values())
        return done and not self.written()

    def written(self) -> list[AssistantMessageItem]:
        """Return the unfinished messages that say something already."""
        return [
            item
            for item in self.unfinished.values()
            if isinstance(item, AssistantMessageItem)
            and any(part.text.strip() for part in item.content)
        ]


def _delta_in(event: ThreadStreamEvent) -> AssistantMessageContentPartTextDelta | None:
    update = event.update if isinstance(event, ThreadItemUpdatedEvent) else None
    return update if isinstance(update, AssistantMessageContentPartTextDelta) else None


def _continues(last: ThreadItemUpdatedEvent, event: ThreadItemUpdatedEvent) -> bool:
    one, other = _delta_in(last), _delta_in(event)
    return (
        one is not None
        and other is not None
        and (last.item_id, one.content_index) == (event.item_id, other.content_index)
    )


def apply_update(item: ThreadItem | None, update: ThreadItemUpdate) -> None:
    """Write a streamed update into the item that it belongs to; the update is not kept."""
    match item, update:
        case AssistantMessageItem(), (
            AssistantMessageContentPartAdded()
            | AssistantMessageContentPartDone()
            | AssistantMessageContentPartTextDelta()
            | AssistantMessageContentPartAnnotationAdded()
        ):
            _update_message(item, update)
        case WorkflowItem(), WorkflowTaskAdded():
            item.workflow.tasks.append(update.task)
        case WorkflowItem(), WorkflowTaskUpdated() if update.task_index < len(item.workflow.tasks):
            item.workflow.tasks[update.task_index] = update.task
        case _:
            pass


def _update_message(
    item: AssistantMessageItem,
    update: AssistantMessageContentPartAdded
    | AssistantMessageContentPartDone
    | AssistantMessageContentPartTextDelta
    | AssistantMessageContentPartAnnotationAdded,
) -> None:
    while len(item.content) <= update.content_index:
        item.content.append(AssistantMessageContent(text=""))
    part = item.content[update.content_index]
    match update:
        case AssistantMessageContentPartTextDelta():
            part.text += update.delta
        case AssistantMessageContentPartAnnotationAdded():
            part.annotations.insert(update.annotation_index, update.annotation)
        case _:
            item.content[update.content_index] = update.content.model_copy(deep=True)
