"""Our ChatKitServer: what is answered to each request, and how threads get their titles."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from chatkit.server import DEFAULT_PAGE_SIZE, ChatKitServer
from chatkit.types import (
    FeedbackKind,
    ItemsListParams,
    ItemsListReq,
    NonStreamingReq,
    Page,
    SDKHiddenContextItem,
    StreamingReq,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    ThreadsUpdateReq,
    UserMessageInput,
    UserMessageItem,
)

from chat import page_context
from chat.admission import admitted
from chat.answers import Answers, text_of
from chat.context import RequestContext
from chat.errors import TurnRunning
from chat.model import clean_title, title_from_message
from chat.running_turn import Ready, Turn, current, new_turn_id
from chat.tables import item_marks
from chat.tables.turns import NewTurn, TurnRow
from chat.turn_log import Fold
from chat.turn_store import TurnStore
from chat.turns import Turns

BUSY_SECONDS: Final = 1.0
"""How long a message waits for the thread's last turn to end: it may be ending right now."""

STOPPED_NOTE: Final = "The user stopped this answer. Do not go on with it unless asked to."
INTERRUPTED_NOTE: Final = "This answer broke off for a technical reason. The user saw it so far."


class Assistant(ChatKitServer[RequestContext]):
    """Answers every ChatKit request from a NeonStore and the site's assistant.

    Raises `chat.errors.ChatError` before a turn begins; what goes wrong in one is an `error` event.
    """

    store: TurnStore

    def __init__(
        self,
        store: TurnStore,
        turns: Turns,
        answers: Answers,
    ) -> None:
        super().__init__(store)
        self.turns = turns
        self._answers = answers

    async def answer(
        self, request: NonStreamingReq, context: RequestContext, *, with_marks: bool = False
    ) -> bytes:
        """Return the JSON answer to a request that does not stream.

        `with_marks` adds to listed items when they were said, how they ended when they did not end
        well, and the person's thumbs: our own clients show it, and others do not know the fields.
        """
        match request:
            case ThreadsUpdateReq():
                title = clean_title(request.params.title)
                thread = await self.store.rename_thread(request.params.thread_id, title, context)
                return self._serialize(self._to_thread_response(thread))
            case ItemsListReq():
                # The store answers a foreign thread with an empty page; people are told instead.
                await self.store.load_thread(request.params.thread_id, context)
                answer = self._serialize(await self._listed(request.params, context))
                return await self._marked(request, answer, context) if with_marks else answer
            case _:
                return await self._process_non_streaming(request, context)

    async def begin(
        self,
        request: StreamingReq,
        context: RequestContext,
        *,
        key: str | None = None,
        request_hash: str | None = None,
        keep: bool = False,
    ) -> tuple[Turn, Ready] | TurnRow:
        """Store what the person sent, begin to answer it, and return the turn.

        Returns the earlier turn if this key began one. `keep` lets the turn go on when its reader
        leaves. Raises what `Turns.start` raises, and what is wrong with the request.
        """
        same = await self.turns.find_same(context, key, request_hash)
        deadline = time.monotonic() + BUSY_SECONDS
        while same is None:
            try:
                return await self._begin(request, context, key, request_hash, keep=keep)
            except TurnRunning as exc:
                free = await self.turns.make_way(context, exc.thread_id)
                # A retry takes away what follows its message. It must not wait for more to follow:
                # who sent it has not seen that.
                late = isinstance(request, ThreadsRetryAfterItemReq) or time.monotonic() > deadline
                if late and not free:
                    raise
        return same

    async def _begin(
        self,
        request: StreamingReq,
        context: RequestContext,
        key: str | None,
        request_hash: str | None,
        *,
        keep: bool,
    ) -> tuple[Turn, Ready] | TurnRow:
        """Check the request against the thread as it is now, and begin its turn at once.

        After waiting for another turn the thread is not what it was: all is checked anew.
        """
        message, old_ids = None, list[str]()
        if isinstance(request, ThreadsCreateReq):
            thread, message = await self._opening(request.params.input, context)
        else:
            thread = await admitted(self.store, request, context)
        if isinstance(request, ThreadsAddUserMessageReq):
            message = await self._build_user_message_item(request.params.input, thread, context)
        if isinstance(request, ThreadsRetryAfterItemReq):
            old_ids = await self.store.ids_after(thread.id, request.params.item_id, context)
        page_id = self.store.generate_item_id("sdk_hidden_context", thread, context)
        page = page_context.item_before(message, request.metadata, page_id) if message else None
        worker_id, answered = self.turns.keeper.worker_id, _message_id(request, message)
        return await self.turns.start(
            NewTurn(new_turn_id(), thread.id, worker_id, answered, key, request_hash),
            context,
            self._events_of(request, thread, message, old_ids, context),
            new_thread=thread if isinstance(request, ThreadsCreateReq) else None,
            message=message,
            page=page,
            title=thread.title,
            keep=keep,
        )

    async def respond(
        self,
        thread: ThreadMetadata,
        input_user_message: UserMessageItem | None,
        context: RequestContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        """Yield the assistant's answer to the newest history of the thread."""
        async for event in self._answers.answer(thread, input_user_message, context):
            yield event

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: RequestContext
    ) -> None:
        """Keep the user's thumbs; raise ItemNotFound if an item is not in this thread of theirs."""
        await self.store.set_feedback(thread_id, item_ids, feedback, context)

    async def handle_stream_cancelled(
        self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: RequestContext
    ) -> None:
        """Keep what was written, and tell the model why it goes no further."""
        turn = current.get()
        reason = turn.reason if turn is not None else None
        if reason == "lost":
            return
        fold = Fold(unfinished={item.id: item for item in pending_items})
        if turn is not None and turn.whole:
            return
        note = SDKHiddenContextItem(
            id=self.store.generate_item_id("sdk_hidden_context", thread, context),
            thread_id=thread.id,
            created_at=datetime.now(UTC),
            content=INTERRUPTED_NOTE if reason == "interrupted" else STOPPED_NOTE,
        )
        await self.store.add_rest(thread.id, [*fold.written(), note], context)

    async def _listed(self, params: ItemsListParams, context: RequestContext) -> Page[ThreadItem]:
        """Return a page of what people see, as many as asked for.

        The SDK takes hidden items out of a page that is read already, and then it may be empty.
        """
        limit = params.limit or DEFAULT_PAGE_SIZE
        return await self.store.load_shown_items(
            params.thread_id, params.after, limit, params.order, context
        )

    async def _load_full_thread(self, thread_id: str, context: RequestContext) -> Thread:
        thread = await self.store.load_thread(thread_id, context)
        items = await self.store.load_shown_items(
            thread_id, None, DEFAULT_PAGE_SIZE, "asc", context
        )
        return Thread(**thread.model_dump(), items=items)

    def _events_of(
        self,
        request: StreamingReq,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        old_ids: list[str],
        context: RequestContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        if message is not None:
            return self._answer_to(
                message, thread, context, is_new=isinstance(request, ThreadsCreateReq)
            )
        if isinstance(request, ThreadsRetryAfterItemReq):
            return self._retry(thread, request.params.item_id, old_ids, context)
        return self._process_streaming_impl(request, context)

    async def _answer_to(
        self,
        message: UserMessageItem,
        thread: ThreadMetadata,
        context: RequestContext,
        *,
        is_new: bool,
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Answer a message that is stored already, together with its turn."""
        if is_new:
            yield ThreadCreatedEvent(thread=Thread(**thread.model_dump(), items=Page()))
        yield ThreadItemDoneEvent(item=message)
        async for event in self._process_events(
            thread, context, lambda: self.respond(thread, message, context)
        ):
            yield event

    async def _opening(
        self, message: UserMessageInput, context: RequestContext
    ) -> tuple[ThreadMetadata, UserMessageItem]:
        """Return a new thread and its first message, to be stored together.

        The SDK stores the thread first, and a failure between the two leaves it empty.
        """
        thread = ThreadMetadata(
            id=self.store.generate_thread_id(context),
            created_at=datetime.now(UTC),
            title=title_from_message(text_of(message)),
        )
        return thread, await self._build_user_message_item(message, thread, context)

    async def _marked(self, request: ItemsListReq, answer: bytes, context: RequestContext) -> bytes:
        page = json.loads(answer)
        marks = await self.store.run(
            item_marks.of,
            user_id=context.user_id,
            thread_id=request.params.thread_id,
            item_ids=[item["id"] for item in page["data"]],
        )
        for item in page["data"]:
            created_at = datetime.fromisoformat(item["created_at"])
            mark = asdict(marks.get(item["id"], item_marks.ItemMarks()))
            said_at = item_marks.said_at(created_at, mark.pop("stored_at"))
            item["said_at"] = item_marks.spelled(said_at)
            item.update((name, value) for name, value in mark.items() if value is not None)
        return json.dumps(page).encode()

    async def _retry(
        self, thread: ThreadMetadata, item_id: str, old_ids: list[str], context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Answer a message again; the old answer goes only once the new one is complete.

        The SDK deletes the old one first, item by item, and a model that then fails leaves nothing.
        """
        message = await self.store.load_item(thread.id, item_id, context)
        async for event in self._process_events(
            thread, context, lambda: self._answers.replace(thread, message, old_ids, context)
        ):
            yield event


def _message_id(request: StreamingReq, message: UserMessageItem | None) -> str | None:
    """Return the id of the message that is answered, if it is one."""
    if isinstance(request, ThreadsRetryAfterItemReq):
        return request.params.item_id
    return message.id if message is not None else None
