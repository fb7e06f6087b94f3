"""Our ChatKitServer: what is answered to each request, and how threads get their titles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Final, TypeAlias

from chatkit.errors import CustomStreamError
from chatkit.server import ChatKitServer
from chatkit.types import (
    ClientToolCallItem,
    FeedbackKind,
    ItemsListReq,
    NonStreamingReq,
    Page,
    StreamingReq,
    StructuredInputItem,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadMetadata,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    ThreadsUpdateReq,
    ThreadUpdatedEvent,
    UserMessageInput,
    UserMessageItem,
)

from chat.context import RequestContext
from chat.errors import ChatError, InvalidRequest, ThreadClosed, UnsupportedRequest
from chat.model import (
    AssistantDefinition,
    ModelSource,
    TurnContext,
    answer,
    better_title,
    clean_title,
    newest_history,
    title_from_message,
)
from chat.neon_store import NeonStore

logger = logging.getLogger(__name__)

TITLE_PATIENCE: Final = 3.0
"""Seconds that a finished answer waits for its thread's better title; later ones come silently."""

HISTORY_PAGE: Final = 50
"""Items that are loaded at once for the model."""


_Continued: TypeAlias = (
    ThreadsAddUserMessageReq
    | ThreadsAddClientToolOutputReq
    | ThreadsAddStructuredInputReq
    | ThreadsRetryAfterItemReq
    | ThreadsCustomActionReq
)


class Assistant(ChatKitServer[RequestContext]):
    """Answers every ChatKit request from a NeonStore and the site's assistant.

    Raises `chat.errors.ChatError` before the first event of a stream; what goes wrong later is an
    `error` event, or is raised for the caller to turn into one.
    """

    store: NeonStore

    def __init__(
        self,
        store: NeonStore,
        definition: AssistantDefinition,
        source: ModelSource,
        *,
        history_tokens: int,
    ) -> None:
        super().__init__(store)
        self._definition = definition
        self._source = source
        self._history_tokens = history_tokens
        self._titling: set[asyncio.Task[bool]] = set()

    async def answer(self, request: NonStreamingReq, context: RequestContext) -> bytes:
        """Return the JSON answer to a request that does not stream."""
        if isinstance(request, ThreadsUpdateReq):
            title = clean_title(request.params.title)
            thread = await self.store.rename_thread(request.params.thread_id, title, context)
            return self._serialize(self._to_thread_response(thread))
        if isinstance(request, ItemsListReq):
            # The store answers a foreign thread with an empty page; people are told instead.
            await self.store.load_thread(request.params.thread_id, context)
        return await self._process_non_streaming(request, context)

    async def stream(self, request: StreamingReq, context: RequestContext) -> AsyncIterator[bytes]:
        """Yield the server-sent events of a streaming request, from the first to the last."""
        if not isinstance(request, ThreadsCreateReq):
            await self._check(request, context)
        async for event in self._events_of(request, context):
            yield b"data: " + self._serialize(event) + b"\n\n"

    async def respond(
        self,
        thread: ThreadMetadata,
        input_user_message: UserMessageItem | None,
        context: RequestContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Yield the assistant's answer to the newest history of the thread."""
        async for event in _honest(
            self._respond(thread, input_user_message, context, before=None)
        ):
            yield event

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: RequestContext
    ) -> None:
        """Keep the user's thumbs; raise ItemNotFound if an item is not in this thread of theirs."""
        await self.store.set_feedback(thread_id, item_ids, feedback, context)

    def _events_of(
        self, request: StreamingReq, context: RequestContext
    ) -> AsyncIterator[ThreadStreamEvent]:
        match request:
            case ThreadsCreateReq():
                return self._create(request.params.input, context)
            case ThreadsRetryAfterItemReq():
                return self._retry(request.params.thread_id, request.params.item_id, context)
        return self._process_streaming_impl(request, context)

    async def _check(self, request: _Continued, context: RequestContext) -> None:
        """Refuse what the SDK would accept, or break on, in a thread that exists."""
        thread = await self.store.load_thread(request.params.thread_id, context)
        if thread.status.type != "active":
            raise ThreadClosed(f"thread {thread.id} is {thread.status.type}")
        match request:
            case ThreadsAddClientToolOutputReq():
                page = await self.store.load_thread_items(thread.id, None, 1, "desc", context)
                _check_waiting(page.data[0] if page.data else None, ClientToolCallItem)
            case ThreadsAddStructuredInputReq():
                item = await self.store.load_item(thread.id, request.params.item_id, context)
                _check_waiting(item, StructuredInputItem)
            case ThreadsRetryAfterItemReq():
                item = await self.store.load_item(thread.id, request.params.item_id, context)
                if not isinstance(item, UserMessageItem):
                    raise InvalidRequest(f"item {item.id} is no message of a person")
            case ThreadsCustomActionReq():
                raise UnsupportedRequest(request.type)
            case ThreadsAddUserMessageReq():
                return

    async def _create(
        self, message: UserMessageInput, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Store a new thread and its first message at once, then answer it.

        The SDK stores the thread first, and a failure between the two leaves it empty.
        """
        thread = ThreadMetadata(
            id=self.store.generate_thread_id(context),
            created_at=datetime.now(),
            title=title_from_message(_text_of(message)),
        )
        item = await self._build_user_message_item(message, thread, context)
        await self.store.start_thread(thread, item, context)
        yield ThreadCreatedEvent(thread=Thread(**thread.model_dump(), items=Page()))
        yield ThreadItemDoneEvent(item=item)
        async for event in self._process_events(
            thread, context, lambda: self.respond(thread, item, context)
        ):
            yield event

    async def _retry(
        self, thread_id: str, item_id: str, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Answer a message again; the old answer goes only once the new one is complete.

        The SDK deletes the old one first, item by item, and a model that then fails leaves nothing.
        """
        thread = await self.store.load_thread(thread_id, context)
        message = await self.store.load_item(thread_id, item_id, context)
        old_ids = await self.store.ids_after(thread_id, item_id, context)
        async for event in self._process_events(
            thread, context, lambda: _honest(self._replace(thread, message, old_ids, context))
        ):
            yield event

    async def _replace(
        self,
        thread: ThreadMetadata,
        message: ThreadItem,
        old_ids: list[str],
        context: RequestContext,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        finished: list[ThreadItemDoneEvent] = []
        before = old_ids[0] if old_ids else None
        try:
            async for event in self._respond(thread, message, context, before=before):
                if isinstance(event, ThreadItemDoneEvent):
                    finished.append(event)
                else:
                    yield event
        except ChatError:
            # The old answer stays, so what there is of the new one goes.
            for event in finished:
                yield ThreadItemRemovedEvent(item_id=event.item.id)
            raise
        new_items = [event.item for event in finished]
        await self.store.replace_answer(thread.id, old_ids, new_items, context)
        for item_id in old_ids:
            yield ThreadItemRemovedEvent(item_id=item_id)
        for event in finished:
            yield event

    async def _respond(
        self,
        thread: ThreadMetadata,
        message: ThreadItem | None,
        context: RequestContext,
        *,
        before: str | None,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Yield the answer to what was said before the item `before`, or to everything."""

        async def load_page(after: str | None) -> Page[ThreadItem]:
            return await self.store.load_thread_items(
                thread.id, after or before, HISTORY_PAGE, "desc", context
            )

        history = await newest_history(load_page, budget_tokens=self._history_tokens)
        titling = None
        if before is None:
            titling = self._start_titling(thread, history, message, context)
        turn = TurnContext(thread=thread, store=self.store, request_context=context)
        events = answer(
            self._definition, thread=thread, items=history, context=turn, source=self._source
        )
        # Closing it is what stops the model when the person stops the answer.
        async with aclosing(events):
            async for event in events:
                yield event
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
        title = await better_title(self._source, _text_of(message), "")
        if title is None:
            return False
        return await self.store.improve_title(thread_id, title, context)

    async def _title_changed(
        self, thread: ThreadMetadata, context: RequestContext
    ) -> ThreadUpdatedEvent:
        """Tell the reader of the title as it is stored now: a name given meanwhile has won."""
        stored = await self.store.load_thread(thread.id, context)
        return ThreadUpdatedEvent(thread=self._to_thread_response(stored))


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


def _check_waiting(
    item: ThreadItem | None, kind: type[ClientToolCallItem] | type[StructuredInputItem]
) -> None:
    if not isinstance(item, kind) or item.status != "pending":
        raise InvalidRequest(f"nothing of kind {kind.__name__} is waited for")


async def _done_soon(task: asyncio.Task[bool]) -> bool:
    done, _ = await asyncio.wait([task], timeout=TITLE_PATIENCE)
    return bool(done) and task.exception() is None and task.result()


def _text_of(message: UserMessageInput | UserMessageItem) -> str:
    return " ".join(part.text for part in message.content)
