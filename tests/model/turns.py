"""What the tests of the model share: one turn, from a question to the stored events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from agents import Agent
from chatkit.types import (
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemUpdatedEvent,
    ThreadStreamEvent,
)

from chat.context import RequestContext
from chat.model import AssistantDefinition, ModelSource, TurnContext, answer
from chat.neon_store import NeonStore
from tests.fix_model import ModelServer
from tests.fix_store import a_message, a_thread

BUILT_IN: Agent[TurnContext] = Agent(name="Assistant", instructions="Be kind.")


def compatible(server: ModelServer, **named: Any) -> ModelSource:
    return ModelSource("compatible", base_url=server.base_url, model="test-model", **named)


def openai_like(server: ModelServer, **named: Any) -> ModelSource:
    named = {"api_key": "sk-test", "model": "gpt-5-mini", **named}
    return ModelSource("openai", base_url=server.base_url, **named)


def events_of(
    store: NeonStore,
    who: RequestContext,
    source: ModelSource,
    *items: ThreadItem,
    definition: AssistantDefinition = BUILT_IN,
) -> AsyncGenerator[ThreadStreamEvent, None]:
    thread = a_thread()
    context = TurnContext(thread=thread, store=store, request_context=who)
    history = list(items) or [a_message("msg_q", "What is a thread?")]
    return answer(definition, thread=thread, items=history, context=context, source=source)


@dataclass
class Turn:
    """What came out of one turn; `error` is what it ended with, if it was not the end."""

    events: list[ThreadStreamEvent] = field(default_factory=list)
    error: Exception | None = None

    @property
    def done(self) -> list[ThreadItem]:
        return [event.item for event in self.events if isinstance(event, ThreadItemDoneEvent)]

    @property
    def added(self) -> list[str]:
        return [event.item.id for event in self.events if isinstance(event, ThreadItemAddedEvent)]

    @property
    def removed(self) -> list[str]:
        return [e.item_id for e in self.events if isinstance(e, ThreadItemRemovedEvent)]

    @property
    def deltas(self) -> dict[str, list[str]]:
        """The pieces of text of each item, in their order."""
        found: dict[str, list[str]] = {}
        for event in self.events:
            if isinstance(event, ThreadItemUpdatedEvent) and isinstance(
                event.update, AssistantMessageContentPartTextDelta
            ):
                found.setdefault(event.item_id, []).append(event.update.delta)
        return found

    @property
    def texts(self) -> list[str]:
        """The texts of the messages that are done."""
        return [text_of(item) for item in self.done if isinstance(item, AssistantMessageItem)]


def text_of(item: AssistantMessageItem) -> str:
    return "".join(part.text for part in item.content)


async def a_turn(
    store: NeonStore,
    who: RequestContext,
    source: ModelSource,
    *items: ThreadItem,
    definition: AssistantDefinition = BUILT_IN,
    close: bool = True,
) -> Turn:
    """Run a turn to its end, and close the source unless others go on using it."""
    turn = Turn()
    events = events_of(store, who, source, *items, definition=definition)
    try:
        async with aclosing(events):
            async for event in events:
                turn.events.append(event)
    except Exception as exc:
        turn.error = exc
    if close:
        await source.aclose()
    return turn
