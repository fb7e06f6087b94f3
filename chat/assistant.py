"""Our ChatKitServer: what is answered to each request, and how threads get their titles."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Final, TypeAlias

from chatkit.server import ChatKitServer
from chatkit.types import (
    ClientToolCallItem,
    FeedbackKind,
    ItemsListReq,
    NonStreamingReq,
    Page,
    SDKHiddenContextItem,
    StreamingReq,
    StructuredInputItem,
    Thread,
    ThreadCreatedEvent,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsRetryAfterItemReq,
    ThreadStreamEvent,
    ThreadsUpdateReq,
    UserMessageInput,
    UserMessageItem,
)

from chat.answers import Answers, text_of
from chat.context import RequestContext
from chat.errors import InvalidRequest, ThreadClosed, UnsupportedRequest
from chat.model import clean_title, title_from_message
from chat.neon_store import NeonStore
from chat.running_turn import Ready, Turn, current, new_turn_id
from chat.tables import items
from chat.tables.turns import NewTurn, TurnRow
from chat.turn_log import Fold
from chat.turns import Turns

logger = logging.getLogger(__name__)


STOPPED_NOTE: Final = "The user stopped this answer. Do not go on with it unless asked to."
INTERRUPTED_NOTE: Final = "This answer broke off for a technical reason. The user saw it so far."

_Continued: TypeAlias = (
    ThreadsAddUserMessageReq
    | ThreadsAddClientToolOutputReq
    | ThreadsAddStructuredInputReq
    | ThreadsRetryAfterItemReq
    | ThreadsCustomActionReq
)


class Assistant(ChatKitServer[RequestContext]):
    """Answers every ChatKit request from a NeonStore and the site's assistant.

    Raises `chat.errors.ChatError` before a turn begins; what goes wrong in one is an `error` event.
    """

    store: NeonStore

    def __init__(
        self,
        store: NeonStore,
        turns: Turns,
        answers: Answers,
    ) -> None:
        super().__init__(store)
        self.turns = turns
        self._answers = answers

    async def answer(
        self, request: NonStreamingReq, context: RequestContext, *, with_outcomes: bool = False
    ) -> bytes:
        """Return the JSON answer to a request that does not stream.

        `with_outcomes` adds to listed items how they ended when they did not end well: our own
        clients show it, and others do not know the field.
        """
        match request:
            case ThreadsUpdateReq():
                title = clean_title(request.params.title)
                thread = await self.store.rename_thread(request.params.thread_id, title, context)
                return self._serialize(self._to_thread_response(thread))
            case ItemsListReq():
                # The store answers a foreign thread with an empty page; people are told instead.
                await self.store.load_thread(request.params.thread_id, context)
                answer = await self._process_non_streaming(request, context)
                return await self._marked(request, answer, context) if with_outcomes else answer
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
        if same is not None:
            return same
        if isinstance(request, ThreadsCreateReq):
            thread, message = await self._opening(request.params.input, context)
        else:
            thread = await self._check(request, context)
            message = None
        if isinstance(request, ThreadsAddUserMessageReq):
            message = await self._build_user_message_item(request.params.input, thread, context)
        worker_id, answered = self.turns.keeper.worker_id, _message_id(request, message)
        return await self.turns.start(
            NewTurn(new_turn_id(), thread.id, worker_id, answered, key, request_hash),
            context,
            self._events_of(request, thread, message, context),
            new_thread=thread if isinstance(request, ThreadsCreateReq) else None,
            message=message,
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
        if turn is not None and turn.fold.answered():
            return
        note = SDKHiddenContextItem(
            id=self.store.generate_item_id("sdk_hidden_context", thread, context),
            thread_id=thread.id,
            created_at=datetime.now(),
            content=INTERRUPTED_NOTE if reason == "interrupted" else STOPPED_NOTE,
        )
        left: list[ThreadItem] = [*fold.written(), note]
        for item in left:
            await self.store.add_thread_item(thread.id, item, context)

    def _events_of(
        self,
        request: StreamingReq,
        thread: ThreadMetadata,
        message: UserMessageItem | None,
        context: RequestContext,
    ) -> AsyncIterator[ThreadStreamEvent]:
        if message is not None:
            return self._answer_to(
                message, thread, context, is_new=isinstance(request, ThreadsCreateReq)
            )
        if isinstance(request, ThreadsRetryAfterItemReq):
            return self._retry(thread, request.params.item_id, context)
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
            created_at=datetime.now(),
            title=title_from_message(text_of(message)),
        )
        return thread, await self._build_user_message_item(message, thread, context)

    async def _marked(self, request: ItemsListReq, answer: bytes, context: RequestContext) -> bytes:
        page = json.loads(answer)
        outcomes = await self.store.run(
            items.outcomes,
            user_id=context.user_id,
            thread_id=request.params.thread_id,
            item_ids=[item["id"] for item in page["data"]],
        )
        if not outcomes:
            return answer
        for item in page["data"]:
            if item["id"] in outcomes:
                item["outcome"] = outcomes[item["id"]]
        return json.dumps(page).encode()

    async def _check(self, request: _Continued, context: RequestContext) -> ThreadMetadata:
        """Return the request's thread; refuse what the SDK would accept in it, or break on."""
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
                pass
        return thread

    async def _retry(
        self, thread: ThreadMetadata, item_id: str, context: RequestContext
    ) -> AsyncGenerator[ThreadStreamEvent, None]:
        """Answer a message again; the old answer goes only once the new one is complete.

        The SDK deletes the old one first, item by item, and a model that then fails leaves nothing.
        """
        message = await self.store.load_item(thread.id, item_id, context)
        old_ids = await self.store.ids_after(thread.id, item_id, context)
        async for event in self._process_events(
            thread, context, lambda: self._answers.replace(thread, message, old_ids, context)
        ):
            yield event


def _check_waiting(
    item: ThreadItem | None, kind: type[ClientToolCallItem] | type[StructuredInputItem]
) -> None:
    if not isinstance(item, kind) or item.status != "pending":
        raise InvalidRequest(f"nothing of kind {kind.__name__} is waited for")


def _message_id(request: StreamingReq, message: UserMessageItem | None) -> str | None:
    """Return the id of the message that is answered, if it is one."""
    if isinstance(request, ThreadsRetryAfterItemReq):
        return request.params.item_id
    return message.id if message is not None else None
