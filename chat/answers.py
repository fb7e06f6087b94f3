"""How a thread is answered: what the assistant is shown, what comes of it, and its title."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Final

from chatkit.errors import BaseStreamError, CustomStreamError
from chatkit.types import (
    Page,
    Thread,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    ThreadUpdatedEvent,
    UserMessageInput,
    UserMessageItem,
)

from chat.context import RequestContext
from chat.errors import ChatError
from chat.model import (
    AssistantDefinition,
    ModelSource,
    TurnContext,
    answer,
    better_title,
    newest_history,
)
from chat.neon_store import NeonStore
from chat.running_turn import current

logger = logging.getLogger(__name__)

TITLE_PATIENCE: Final = 0.3
"""Seconds that a finished answer waits for its better title; a later one comes silently."""

HISTORY_PAGE: Final = 50
"""Items that are loaded at once for the model."""


class Answers:
    """The site's assistant, answering threads of a store.

    What goes wrong is raised as the SDK's CustomStreamError, with a sentence for the person.
    """

    def __init__(
        self,
        store: NeonStore,
        definition: AssistantDefinition,
        source: ModelSource,
        *,
        history_tokens: int,
    ) -> None:
        self._store = store
        self._definition = definition
        self._source = source
        self._history_tokens = history_tokens
        self._titling: set[asyncio.Task[bool]] = set()

    def answer(
        self, thread: ThreadMetadata, message: ThreadItem | None, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Yield the answer to the newest history of the thread; `message` is what began it."""
        return _honest(self._answer(thread, message, context, before=None))

    def replace(
        self,
        thread: ThreadMetadata,
        message: ThreadItem,
        old_ids: list[str],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Yield another answer to the message, and put it in the place of the old items.

        All at once and only when it is complete; the old ones stay when it fails.
        """
        if not old_ids:
            return _honest(self._answer(thread, message, context, before=None))
        return _honest(self._replacing(thread, message, old_ids, context))

    async def _replacing(
        self,
        thread: ThreadMetadata,
        message: ThreadItem,
        old_ids: list[str],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        finished: list[ThreadItemDoneEvent] = []
        try:
            async for event in self._answer(thread, message, context, before=old_ids[0]):
                if isinstance(event, ThreadItemDoneEvent):
                    finished.append(event)
                else:
                    yield event
            new_items = [event.item for event in finished]
            await self._store.replace_answer(thread.id, old_ids, new_items, context)
        except (ChatError, BaseStreamError):
            # The old answer stays, so what there is of the new one goes.
            for event in finished:
                yield ThreadItemRemovedEvent(item_id=event.item.id)
            raise
        for item_id in old_ids:
            yield ThreadItemRemovedEvent(item_id=item_id)
        for event in finished:
            yield event

    async def _answer(
        self,
        thread: ThreadMetadata,
        message: ThreadItem | None,
        context: RequestContext,
        *,
        before: str | None,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Yield the answer to what was said before the item `before`, or to everything."""

        async def load_page(after: str | None) -> Page[ThreadItem]:
            return await self._store.load_thread_items(
                thread.id, after or before, HISTORY_PAGE, "desc", context
            )

        history = await newest_history(load_page, budget_tokens=self._history_tokens)
        titling = None
        if before is None:
            titling = self._start_titling(thread, history, message, context)
        turn = TurnContext(thread=thread, store=self._store, request_context=context)
        events = answer(
            self._definition, thread=thread, items=history, context=turn, source=self._source
        )
        # Closing it is what stops the model when the person stops the answer.
        async with aclosing(events):
            async for event in events:
                yield event
        running = current.get()
        if running is not None:
            running.assistant_done = True
        if titling is not None and await _done_soon(titling):
            yield await self._title_changed(thread, context)

    def _start_titling(
        self,
        thread: ThreadMetadata,
        history: list[ThreadItem],
        message: ThreadItem | None,
        context: RequestContext,
    ) -> asyncio.Task[bool] | None:
        """Ask the model for a title while it answers the thread's first message."""
        first = [item for item in history if isinstance(item, UserMessageItem)]
        if self._source.kind == "offline" or not isinstance(message, UserMessageItem):
            return None
        if [item.id for item in first] != [message.id]:
            return None
        task = asyncio.create_task(self._improve_title(thread.id, message, context))
        self._titling.add(task)
        task.add_done_callback(self._titling.discard)
        return task

    async def _improve_title(
        self, thread_id: str, message: UserMessageItem, context: RequestContext
    ) -> bool:
        title = await better_title(self._source, text_of(message), "")
        if title is None:
            return False
        return await self._store.improve_title(thread_id, title, context)

    async def _title_changed(
        self, thread: ThreadMetadata, context: RequestContext
    ) -> ThreadUpdatedEvent:
        """Tell the reader of the title as it is stored now: a name given meanwhile has won."""
        stored = await self._store.load_thread(thread.id, context)
        return ThreadUpdatedEvent(thread=Thread(**stored.model_dump(), items=Page()))


async def _honest(
    events: AsyncIterator[ThreadStreamEvent],
) -> AsyncGenerator[ThreadStreamEvent, None]:
    """Turn our errors into the SDK's, which carry a sentence for the person into the stream."""
    try:
        async for event in events:
            yield event
    except ChatError as exc:
        logger.warning("answer failed code=%s: %s", exc.code, exc)
        raise CustomStreamError(exc.public, allow_retry=exc.allow_retry) from None


async def _done_soon(task: asyncio.Task[bool]) -> bool:
    done, _ = await asyncio.wait([task], timeout=TITLE_PATIENCE)
    return bool(done) and task.exception() is None and task.result()


def text_of(message: UserMessageInput | UserMessageItem) -> str:
    """Return all text of a message, in one line of parts."""
    return " ".join(part.text for part in message.content)
