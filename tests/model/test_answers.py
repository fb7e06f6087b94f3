"""An answer: every piece reaches the person, in clean text and under ids of ours."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from contextlib import aclosing
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    RunContextWrapper,
    function_tool,
    output_guardrail,
)
from chatkit.types import (
    AssistantMessageItem,
    CustomTask,
    Workflow,
    WorkflowItem,
)
from chatkit.widgets import Card, Text

from chat.context import RequestContext
from chat.errors import ModelRefused
from chat.model import TurnContext
from chat.neon_store import NeonStore
from tests.fix_model import ModelServer, Reply
from tests.fix_store import a_message
from tests.model.turns import (
    BUILT_IN,
    a_turn,
    compatible,
    events_of,
    openai_like,
    text_of,
)

FAKE_ID = "__fake_id__"


@pytest.mark.parametrize("source", [compatible, openai_like])
async def test_an_answer_streams_in_pieces_and_ends_whole(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any
) -> None:
    # What comes within a moment may be told at once, and a moment of a busy machine is long.
    model_server.script(Reply(pieces=["It is ", "right ", "over here."], pause=0.5))

    turn = await a_turn(store, alice, source(model_server), a_message(text="Where is it?"))

    assert turn.error is None
    assert turn.texts == ["It is right over here."]
    [(item_id, pieces)] = turn.deltas.items()
    assert "".join(pieces) == "It is right over here."
    assert len(pieces) > 1
    assert [item.id for item in turn.done] == turn.added == [item_id]


@pytest.mark.parametrize("source", [compatible, openai_like])
async def test_the_ids_of_two_answers_differ_though_the_provider_repeats_its_own(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any
) -> None:
    first = await a_turn(store, alice, source(model_server))
    second = await a_turn(store, alice, source(model_server))

    ids = {first.done[0].id, second.done[0].id}
    assert len(ids) == 2
    assert not ids & {FAKE_ID, "msg_the_same_every_time"}
    assert all(item_id.startswith("msg_") for item_id in ids)


async def test_two_messages_with_one_id_in_one_response_are_two_items(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    @function_tool
    def lookup() -> str:
        return "found"

    agent: Agent[TurnContext] = Agent(name="Looker", tools=[lookup])
    model_server.script(Reply(pieces=["I will ", "look. "], tool=("lookup", {})), "It is here.")

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert turn.error is None
    assert turn.texts == ["I will look. ", "It is here."]
    assert len(set(turn.added)) == 2
    assert {key: "".join(pieces) for key, pieces in turn.deltas.items()} == dict(
        zip(turn.added, turn.texts, strict=True)
    )
    assert [item.id for item in turn.done] == turn.added


async def test_pieces_that_are_ready_together_come_as_one(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    text = "".join(f"{number} " for number in range(4_000))
    events = "".join(f"data: {_chunk(piece)}\n\n" for piece in text.split(" "))
    model_server.script(Reply(raw=f"{events}data: [DONE]\n\n".encode()))

    turn = await a_turn(store, alice, compatible(model_server))

    assert turn.texts == [text.replace(" ", "")]
    assert len(turn.events) < 800


def _chunk(piece: str) -> str:
    return (
        '{"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":'
        f'[{{"index":0,"delta":{{"content":"{piece}"}},"finish_reason":null}}]}}'
    )


@pytest.mark.parametrize("source", [compatible, openai_like])
async def test_text_that_nobody_could_store_is_cleaned_while_it_streams(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any
) -> None:
    pieces = ["smile \ud83d", "\ude00 nul \0 lone \ud83d ", "end\udfff"]
    model_server.script(Reply(pieces=pieces, pause=0.03))

    turn = await a_turn(store, alice, source(model_server))

    expected = "smile 😀 nul \ufffd lone \ufffd end\ufffd"
    assert turn.texts == ["".join(pieces) for pieces in turn.deltas.values()] == [expected]
    for event in turn.events:
        event.model_dump_json()


async def test_a_tool_sees_who_asks_and_its_surrogates_break_nothing(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    @function_tool
    def odd() -> str:
        return "half a \ud83d and \0"

    agent: Agent[TurnContext] = Agent(name="Odd", tools=[odd])
    model_server.script(Reply(pieces=["a \ud83d "], tool=("odd", {})), "Fine.")

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert turn.texts == ["a \ufffd ", "Fine."]
    assert "half a \ufffd" in str(model_server.requests[-1]["messages"])


async def test_a_refusal_in_words_is_an_answer(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    model_server.script(Reply(refusal="I would rather not."))

    turn = await a_turn(store, alice, compatible(model_server))

    assert turn.error is None
    assert turn.texts == ["I would rather not."]


async def test_a_guardrail_takes_every_message_of_the_answer_back(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    @output_guardrail
    async def never(*_: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    agent: Agent[TurnContext] = Agent(name="Guarded", output_guardrails=[never])

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert isinstance(turn.error, ModelRefused)
    assert turn.removed == turn.added
    assert len(turn.added) == 1


@pytest.mark.parametrize("source", [compatible, openai_like])
async def test_cancelling_stops_the_model_and_leaves_no_task_behind(
    store: NeonStore,
    alice: RequestContext,
    model_server: ModelServer,
    source: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model_server.script(Reply(pieces=["one ", "two"], pause=0.01, then="hang"))
    model = source(model_server)
    shown = asyncio.Event()

    async def read() -> None:
        async with aclosing(events_of(store, alice, model)) as events:
            async for event in events:
                if event.type == "thread.item.updated":
                    shown.set()

    reading = asyncio.create_task(read())
    await shown.wait()
    before = time.monotonic()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert await asyncio.to_thread(model_server.left_early.wait, 1)
    assert time.monotonic() - before < 1
    await model.aclose()
    gc.collect()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_leaving_the_loop_early_stops_the_model_too(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    model_server.script(Reply(pieces=["one ", "two"], pause=0.01, then="hang"))
    model = compatible(model_server)

    async with aclosing(events_of(store, alice, model)) as events:
        async for event in events:
            if event.type == "thread.item.updated":
                break

    assert await asyncio.to_thread(model_server.left_early.wait, 1)
    await model.aclose()


async def test_what_people_wrote_is_in_no_log(
    store: NeonStore,
    alice: RequestContext,
    model_server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    @function_tool
    def broken(secret: str) -> str:
        raise RuntimeError(f"could not do {secret}")

    caplog.set_level(logging.INFO)
    agent: Agent[TurnContext] = Agent(name="Broken", tools=[broken])
    call = Reply(pieces=["canary two "], tool=("broken", {"secret": "canary three"}))
    ends = [Reply(status=400), Reply(status=500), Reply(pieces=["canary four"], then="cut")]
    for make, before in ((compatible, [call]), (openai_like, [])):
        for end in ends:
            model_server.script(*before, end)
            turn = await a_turn(
                store, alice, make(model_server), a_message(text="canary"), definition=agent
            )
            assert turn.error is not None
            assert "canary" not in str(turn.error)

    assert "canary" not in caplog.text
    assert "sk-test" not in caplog.text


async def test_a_workflow_of_a_tool_keeps_the_id_that_the_tool_knows(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    known: list[str] = []

    @function_tool
    async def work(turn: RunContextWrapper[TurnContext]) -> str:
        task = CustomTask(title="Looking \0")
        await turn.context.start_workflow(Workflow(type="custom", tasks=[task]))
        assert turn.context.workflow_item is not None
        known.append(turn.context.workflow_item.id)
        await turn.context.stream_widget(_card("in between"))
        return "done"

    agent: Agent[TurnContext] = Agent(name="Worker", tools=[work])
    model_server.script(Reply(tool=("work", {})), "Ready.")

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert turn.error is None
    workflows = [item for item in turn.done if isinstance(item, WorkflowItem)]
    assert [item.id for item in workflows] == known
    assert known[0].startswith("wf_")
    assert turn.texts == ["Ready."]


async def test_the_stored_answer_is_what_was_streamed(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    turn = await a_turn(store, alice, compatible(model_server), definition=BUILT_IN)

    [item] = turn.done
    assert isinstance(item, AssistantMessageItem)
    assert text_of(item) == "".join(turn.deltas[item.id])


def _card(text: str) -> Any:
    return Card(children=[Text(value=text)])
