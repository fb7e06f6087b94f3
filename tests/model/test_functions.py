"""A function as the assistant: whatever it yields becomes a proper answer, or an honest error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from chatkit.types import (
    NoticeEvent,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemRemovedEvent,
    ThreadItemReplacedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    WidgetItem,
)
from chatkit.widgets import Card, Text

from chat.context import RequestContext
from chat.errors import ModelUnavailable
from chat.model import TurnContext
from chat.neon_store import NeonStore
from tests.fix_model import ModelServer
from tests.fix_store import NOON, a_message, an_answer
from tests.model.turns import a_turn, compatible


def a_function(*pieces: Any) -> Any:
    async def assistant(
        thread: ThreadMetadata, items: list[ThreadItem], context: TurnContext
    ) -> AsyncIterator[ThreadStreamEvent | str]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    return assistant


async def test_a_function_may_yield_plain_text(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    notice = NoticeEvent(level="info", message="half time")
    assistant = a_function("Hello ", "there \ud83d", "\ude00", notice, "Bye")

    turn = await a_turn(store, alice, compatible(model_server), definition=assistant)

    assert turn.error is None
    assert turn.texts == ["Hello there 😀", "Bye"]
    assert ["".join(pieces) for pieces in turn.deltas.values()] == turn.texts
    assert notice in turn.events


async def test_items_of_a_function_get_new_ids_of_the_right_kind(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    widget = WidgetItem(
        id="always-the-same",
        thread_id="elsewhere",
        created_at=NOON,
        widget=Card(children=[Text(value="one")]),
    )
    done = ThreadItemDoneEvent(item=widget)

    turn = await a_turn(store, alice, compatible(model_server), definition=a_function(done, done))

    assert len({item.id for item in turn.done}) == 2
    assert all(item.id.startswith("msg_") for item in turn.done)
    assert {item.thread_id for item in turn.done} == {"thr_1"}


async def test_an_item_that_is_stored_already_keeps_its_id(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    question, old = a_message(), an_answer("msg_old")
    better = ThreadItemReplacedEvent(item=an_answer("msg_old", "Better."))
    gone = ThreadItemRemovedEvent(item_id="msg_older")
    assistant = a_function(better, gone)

    turn = await a_turn(store, alice, compatible(model_server), old, question, definition=assistant)

    assert turn.events == [better, gone]


async def test_a_message_that_a_function_forgot_to_finish_is_finished(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    opened = ThreadItemAddedEvent(item=an_answer("x", "Half an"))

    turn = await a_turn(store, alice, compatible(model_server), definition=a_function(opened))

    assert turn.texts == ["Half an"]
    assert turn.added == [turn.done[0].id]


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [""],
        [" \n"],
        [ProgressUpdateEvent(text="thinking")],
        [ThreadItemDoneEvent(item=an_answer("x", ""))],
    ],
    ids=["nothing", "no text", "blanks", "progress only", "an empty message"],
)
async def test_a_function_that_says_nothing_is_an_error_with_a_retry(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, pieces: list[Any]
) -> None:
    turn = await a_turn(store, alice, compatible(model_server), definition=a_function(*pieces))

    assert isinstance(turn.error, ModelUnavailable)
    assert turn.error.allow_retry
    assert turn.done == []


async def test_a_function_that_fails_keeps_what_it_said_and_names_the_place_not_the_words(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    assistant = a_function("As far as I ", ValueError("the person's words"))

    turn = await a_turn(store, alice, compatible(model_server), definition=assistant)

    assert turn.texts == ["As far as I "]
    assert isinstance(turn.error, ModelUnavailable)
    assert "ValueError at " in str(turn.error)
    assert "words" not in str(turn.error)
    assert turn.error.__cause__ is turn.error.__context__ is None
