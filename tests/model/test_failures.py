"""When the model fails: what people saw stays, and the error says which kind it was."""

from __future__ import annotations

import time
from typing import Any

import pytest
from agents import Agent, function_tool
from chatkit.errors import CustomStreamError

from chat.context import RequestContext
from chat.errors import (
    ChatError,
    DatabaseUnavailable,
    ModelQuotaReached,
    ModelRefused,
    ModelUnavailable,
)
from chat.model import ModelSource, TurnContext
from chat.model.failures import failure_from
from chat.neon_store import NeonStore
from tests.fix_model import ModelServer, Reply
from tests.model.turns import a_turn, compatible, openai_like

BOTH = pytest.mark.parametrize("source", [compatible, openai_like])


@BOTH
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ModelRefused),
        (401, ModelRefused),
        (403, ModelRefused),
        (404, ModelRefused),
        (422, ModelRefused),
        (408, ModelUnavailable),
        (409, ModelUnavailable),
        (429, ModelQuotaReached),
        (500, ModelUnavailable),
        (503, ModelUnavailable),
        (529, ModelUnavailable),
    ],
)
async def test_each_status_has_its_error_and_is_asked_once(
    store: NeonStore,
    alice: RequestContext,
    model_server: ModelServer,
    source: Any,
    status: int,
    expected: type[ChatError],
) -> None:
    model_server.script(Reply(status=status, headers={"retry-after": "30"}))
    before = time.monotonic()

    turn = await a_turn(store, alice, source(model_server))

    assert type(turn.error) is expected
    assert str(status) in str(turn.error)
    assert turn.events == []
    assert len(model_server.requests) == 1
    assert time.monotonic() - before < 5


@BOTH
@pytest.mark.parametrize("then", ["cut", "stop", "error"])
async def test_an_answer_that_breaks_off_keeps_the_text_that_was_seen(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any, then: Any
) -> None:
    model_server.script(Reply(pieces=["This is ", "half of"], pause=0.02, then=then))

    turn = await a_turn(store, alice, source(model_server))

    assert type(turn.error) is ModelUnavailable
    assert turn.texts == ["This is half of"]
    assert [item.id for item in turn.done] == turn.added
    assert "".join(turn.deltas[turn.added[0]]) == "This is half of"


@BOTH
async def test_silence_in_the_middle_is_an_end_after_the_time_out(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any
) -> None:
    model_server.script(Reply(pieces=["Some ", "words"], then="silence"))

    turn = await a_turn(store, alice, source(model_server, silence_seconds=0.3))

    assert type(turn.error) is ModelUnavailable
    assert turn.texts == ["Some words"]
    assert len(model_server.requests) == 1


async def test_a_server_that_never_begins_is_an_end_after_the_time_out(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    model_server.script(Reply(status=500, pause=30))

    turn = await a_turn(store, alice, compatible(model_server, silence_seconds=0.3))

    assert type(turn.error) is ModelUnavailable
    assert "Timeout" in str(turn.error)
    assert len(model_server.requests) == 1


async def test_a_server_that_is_not_there_is_unavailable(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    source = compatible(model_server)
    model_server.close()

    turn = await a_turn(store, alice, source)

    assert type(turn.error) is ModelUnavailable
    assert turn.events == []


@BOTH
@pytest.mark.parametrize("code", ["insufficient_quota", "rate_limit_exceeded"])
async def test_a_limit_that_is_reached_in_the_middle_is_a_limit(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any, code: str
) -> None:
    model_server.script(Reply(pieces=["So ", "far"], then="error", error_code=code))

    turn = await a_turn(store, alice, source(model_server))

    assert type(turn.error) is ModelQuotaReached
    assert code in str(turn.error)
    assert turn.texts == ["So far"]


@BOTH
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00nonsense\n\n",
        b"data: {{{\n\ndata: [DONE]\n\n",
        b"data: [1, 2]\n\ndata: [DONE]\n\n",
        b'data: {"choices": "none"}\n\ndata: [DONE]\n\n',
        b'data: {"type": "response.output_item.added"}\n\ndata: [DONE]\n\n',
        b"data: null\n\ndata: [DONE]\n\n",
        b"<html>Welcome to nginx</html>",
        b"data: [DONE]\n\n",
    ],
)
async def test_nonsense_is_unavailable(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, source: Any, raw: bytes
) -> None:
    model_server.script(Reply(raw=raw))

    turn = await a_turn(store, alice, source(model_server))

    assert type(turn.error) is ModelUnavailable
    assert turn.done == []


@BOTH
@pytest.mark.parametrize("pieces", [[], ["  ", "\n"]])
async def test_an_empty_answer_is_unavailable_and_leaves_no_bubble(
    store: NeonStore,
    alice: RequestContext,
    model_server: ModelServer,
    source: Any,
    pieces: list[str],
) -> None:
    model_server.script(pieces)

    turn = await a_turn(store, alice, source(model_server))

    assert type(turn.error) is ModelUnavailable
    assert turn.done == []
    assert turn.removed == turn.added


async def test_an_agent_that_never_stops_calling_tools_is_stopped(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    @function_tool
    def again() -> str:
        return "again"

    agent: Agent[TurnContext] = Agent(name="Loop", tools=[again])
    model_server.script(*[Reply(tool=("again", {}))] * 30)

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert type(turn.error) is ModelUnavailable
    assert "MaxTurnsExceeded" in str(turn.error)
    assert len(model_server.requests) < 30


async def test_a_very_long_answer_arrives_whole(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    model_server.script(["0123456789" * 1000] * 200)

    turn = await a_turn(store, alice, compatible(model_server))

    assert turn.error is None
    assert [len(text) for text in turn.texts] == [2_000_000]


async def test_offline_needs_no_server(store: NeonStore, alice: RequestContext) -> None:
    turn = await a_turn(store, alice, ModelSource("offline"))

    assert turn.error is None


@pytest.mark.parametrize(
    "exc", [DatabaseUnavailable("gone"), CustomStreamError("Please pay.", allow_retry=False)]
)
def test_errors_that_speak_for_themselves_come_back_unchanged(exc: Exception) -> None:
    assert failure_from(exc) is exc
