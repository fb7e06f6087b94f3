"""What an answer has said so far: its items in our ids and clean text, and what must be kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ProgressUpdateEvent,
    StreamOptionsEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadItemUpdate,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

from chat.model.ids import ItemIds
from chat.text import StreamCleaner, clean_model
from chat.turn_log import apply_update

_SAYS_NOTHING: Final = (ProgressUpdateEvent, StreamOptionsEvent)


class Said:
    """Passes the events of one answer on, cleaned, and knows which messages are unfinished.

    `anything` turns true with the first event that leaves something with the person: a message
    with text, any other item, a notice.
    """

    def __init__(self, ids: ItemIds, *, thread_id: str) -> None:
        self.anything = False
        self._ids = ids
        self._thread_id = thread_id
        self._unfinished: dict[str, AssistantMessageItem] = {}
        self._cleaners: dict[tuple[str, int], StreamCleaner] = {}

    def take(self, event: ThreadStreamEvent) -> Iterator[ThreadStreamEvent]:
        """Yield what the person gets for this event: one event, several or none."""
        match event:
            case ThreadItemUpdatedEvent():
                yield from self._updated(event)
            case ThreadItemAddedEvent():
                yield self._added(event)
            case ThreadItemDoneEvent():
                yield self._done(event)
            case ThreadItemReplacedEvent():
                self.anything = True
                yield event.model_copy(
                    update={"item": self._own(event.item, self._ids.replaced(event.item))}
                )
            case ThreadItemRemovedEvent():
                for item_id in self._ids.removed(event.item_id):
                    self._unfinished.pop(item_id, None)
                    yield ThreadItemRemovedEvent(item_id=item_id)
            case _:
                self.anything = self.anything or not isinstance(event, _SAYS_NOTHING)
                yield clean_model(event)

    def finish(self) -> Iterator[ThreadStreamEvent]:
        """Yield the ends of messages that were never finished: with their text, or taken back."""
        for item in list(self._unfinished.values()):
            yield self._end(item)

    def _added(self, event: ThreadItemAddedEvent) -> ThreadStreamEvent:
        item = self._own(event.item, self._ids.added(event.item))
        if isinstance(item, AssistantMessageItem):
            # A copy of our own: ChatKit goes on writing into the item of the event.
            self._unfinished[item.id] = item.model_copy(deep=True)
        return event if item is event.item else ThreadItemAddedEvent(item=item)

    def _done(self, event: ThreadItemDoneEvent) -> ThreadStreamEvent:
        item = self._own(event.item, self._ids.done(event.item))
        if isinstance(item, AssistantMessageItem):
            return self._end(item)
        self.anything = True
        return event if item is event.item else ThreadItemDoneEvent(item=item)

    def _end(self, item: AssistantMessageItem) -> ThreadStreamEvent:
        self._unfinished.pop(item.id, None)
        if not any(part.text.strip() for part in item.content):
            # An empty bubble says nothing now, and would be sent to the model for ever.
            return ThreadItemRemovedEvent(item_id=item.id)
        self.anything = True
        return ThreadItemDoneEvent(item=item)

    def _own(self, item: ThreadItem, item_id: str) -> ThreadItem:
        if item.id != item_id or item.thread_id != self._thread_id:
            item = item.model_copy(update={"id": item_id, "thread_id": self._thread_id})
        return clean_model(item)

    def _updated(self, event: ThreadItemUpdatedEvent) -> Iterator[ThreadStreamEvent]:
        item_id = self._ids.changed(event.item_id)
        update = self._clean_update(item_id, event.update)
        if update is None:
            return
        apply_update(self._unfinished.get(item_id), update)
        yield ThreadItemUpdatedEvent(item_id=item_id, update=update)

    def _clean_update(self, item_id: str, update: ThreadItemUpdate) -> ThreadItemUpdate | None:
        """Return the update with clean text, or None for a piece with nothing to show yet."""
        if not isinstance(update, AssistantMessageContentPartTextDelta):
            return clean_model(update)
        cleaner = self._cleaners.setdefault((item_id, update.content_index), StreamCleaner())
        piece = cleaner.feed(update.delta)
        if piece == update.delta:
            return update
        return update.model_copy(update={"delta": piece}) if piece else None
