"""One answer, from the thread's history to its last event, and what is left of a broken one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import cast

from agents import Agent, ModelRefusalError, Runner, RunResultStreaming
from chatkit.agents import stream_agent_response
from chatkit.store import Store
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
)

from chat.context import RequestContext
from chat.errors import ModelUnavailable
from chat.model.convert import ItemConverter
from chat.model.failures import failure_from
from chat.model.feed import Feed
from chat.model.ids import ItemIds, WatchedStore
from chat.model.plug_in import AssistantDefinition, AssistantFunction, TurnContext
from chat.model.provider import ModelSource
from chat.model.said import Said


async def answer(
    definition: AssistantDefinition,
    *,
    thread: ThreadMetadata,
    items: list[ThreadItem],
    context: TurnContext,
    source: ModelSource,
) -> AsyncGenerator[ThreadStreamEvent, None]:
    """Yield the events of the assistant's answer to the items, which are oldest first.

    `context` is made anew for each answer. Every item gets an id from its store, text is clean, and
    a message without text is taken back. When the model or the assistant's code fails, what people
    saw is finished first, and then ModelUnavailable, ModelRefused or ModelQuotaReached is raised,
    without the original exception; an answer that leaves nothing is ModelUnavailable too.
    Cancelling passes through, and leaves unfinished items to the caller. Close the generator:
    closing stops the model.
    """
    watched = WatchedStore(context.store)
    said = Said(ItemIds(watched, context, stored=[item.id for item in items]), thread_id=thread.id)
    context.store = cast(Store[RequestContext], watched)
    events = _events(definition, context, items, source)
    failure: Exception | None = None
    try:
        async with aclosing(events):
            async for event in events:
                for ours in said.take(event):
                    yield ours
    except Exception as exc:
        # The original's message may quote people: it ends here, so nothing is raised `from` it.
        failure = _failure(exc, said)
    for ours in said.finish():
        yield ours
    if failure is not None:
        raise failure
    if not said.anything:
        raise ModelUnavailable("the model's answer was empty")


def _failure(exc: Exception, said: Said) -> Exception | None:
    # A refusal that was said in words is an answer.
    if isinstance(exc, ModelRefusalError) and said.anything:
        return None
    return failure_from(exc)


def _events(
    definition: AssistantDefinition, turn: TurnContext, items: list[ThreadItem], source: ModelSource
) -> AsyncGenerator[ThreadStreamEvent, None]:
    if isinstance(definition, Agent):
        return _from_agent(definition, turn, items, source)
    return _from_function(definition, turn, items)


async def _from_agent(
    agent: Agent[TurnContext], turn: TurnContext, items: list[ThreadItem], source: ModelSource
) -> AsyncGenerator[ThreadStreamEvent, None]:
    question = await ItemConverter().to_agent_input(items)
    result = Runner.run_streamed(agent, question, context=turn, run_config=source.run_config())
    feed = Feed(result)
    # ChatKit reads nothing of the result but its events.
    events = stream_agent_response(turn, cast(RunResultStreaming, feed))
    try:
        async for event in events:
            yield event
        if feed.failure is not None:
            raise feed.failure
    finally:
        await feed.stop()
        # The same for whoever waits for an event of the tools, see Feed.stop.
        await turn.stream(ProgressUpdateEvent(text=""))


async def _from_function(
    function: AssistantFunction, turn: TurnContext, items: list[ThreadItem]
) -> AsyncGenerator[ThreadStreamEvent, None]:
    answer = function(turn.thread, items, turn)
    message: AssistantMessageItem | None = None
    async with aclosing(cast(AsyncGenerator[ThreadStreamEvent | str, None], answer)):
        async for piece in answer:
            if isinstance(piece, str):
                if message is None:
                    message = _empty_message(turn)
                    yield ThreadItemAddedEvent(item=message.model_copy(deep=True))
                yield _append(message, piece)
                continue
            if message is not None:
                yield ThreadItemDoneEvent(item=message)
                message = None
            yield piece
    if message is not None:
        yield ThreadItemDoneEvent(item=message)


def _empty_message(turn: TurnContext) -> AssistantMessageItem:
    return AssistantMessageItem(
        id=turn.generate_id("message"),
        thread_id=turn.thread.id,
        created_at=datetime.now(UTC),
        content=[AssistantMessageContent(text="")],
    )


def _append(message: AssistantMessageItem, piece: str) -> ThreadStreamEvent:
    message.content[0].text += piece
    return ThreadItemUpdatedEvent(
        item_id=message.id,
        update=AssistantMessageContentPartTextDelta(content_index=0, delta=piece),
    )
