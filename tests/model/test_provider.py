"""Where answers come from, what is asked for there, and what never is."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, ModelSettings, function_tool
from agents.tracing import get_trace_provider

from chat.config import Settings
from chat.context import RequestContext
from chat.model import ModelSource, TurnContext
from chat.model.offline import OfflineModel
from chat.neon_store import NeonStore
from tests.fix_model import ModelServer, Reply
from tests.fix_recorder import Recorder
from tests.model.turns import a_turn, compatible, openai_like

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("key", "url", "kind"),
    [
        (None, None, "offline"),
        ("sk-1", None, "openai"),
        ("sk-1", "https://api.openai.com/v1", "openai"),
        ("sk-1", "https://eu.api.openai.com/v1", "openai"),
        ("sk-1", "http://127.0.0.1:8080/v1", "compatible"),
        (None, "http://127.0.0.1:8080/v1", "compatible"),
        ("sk-1", "https://api.openai.com.evil.example/v1", "compatible"),
    ],
)
def test_the_settings_choose_the_source(key: str | None, url: str | None, kind: str) -> None:
    settings = Settings(database_url="", auth_url="", openai_api_key=key, openai_base_url=url)

    assert ModelSource.from_settings(settings).kind == kind


async def test_a_compatible_server_is_asked_for_nothing_special(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    turn = await a_turn(store, alice, compatible(model_server), definition=Agent(name="Plain"))

    assert turn.error is None
    [request] = model_server.requests
    assert request["path"] == "/v1/chat/completions"
    assert set(request) == {"model", "stream", "messages", "path", "headers"}
    assert request["model"] == "test-model"
    assert all(isinstance(message["content"], str) for message in request["messages"])
    assert request["headers"]["authorization"] == "Bearer no-key"


async def test_openai_is_told_to_store_nothing_even_by_an_agent_that_wants_it(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    agent: Agent[TurnContext] = Agent(name="Keeper", model_settings=ModelSettings(store=True))

    await a_turn(store, alice, openai_like(model_server), definition=agent)
    await a_turn(store, alice, openai_like(model_server))

    assert [request["path"] for request in model_server.requests] == ["/v1/responses"] * 2
    assert [request["store"] for request in model_server.requests] == [False, False]
    assert not any("previous_response_id" in request for request in model_server.requests)


@pytest.mark.parametrize(
    ("model", "sealed"),
    [
        ("gpt-5-mini", True),
        ("gpt-5.6-luna", True),
        ("o3", True),
        ("gpt-5-chat-latest", False),
        ("gpt-4.1", False),
    ],
)
async def test_reasoning_travels_sealed_because_nothing_is_stored(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, model: str, sealed: bool
) -> None:
    await a_turn(store, alice, openai_like(model_server, model=model))

    [request] = model_server.requests
    assert request["model"] == model
    assert ("reasoning.encrypted_content" in request.get("include", [])) == sealed
    assert model.startswith("gpt-5") or not request.get("text", {}).get("verbosity")


async def test_an_agent_may_name_another_model(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    agent: Agent[TurnContext] = Agent(name="Other", model="other-model")

    await a_turn(store, alice, compatible(model_server), definition=agent)

    assert model_server.requests[0]["model"] == "other-model"


async def test_an_agent_that_is_another_agents_tool_uses_the_same_server(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    expert: Agent[TurnContext] = Agent(name="Expert")
    tool = expert.as_tool("ask_expert", "Ask the expert.")
    agent: Agent[TurnContext] = Agent(name="Chief", tools=[tool])
    model_server.script(Reply(tool=("ask_expert", {"input": "Really?"})), "He says yes.")
    model_server.script_whole("Yes.")

    turn = await a_turn(store, alice, compatible(model_server), definition=agent)

    assert turn.texts == ["He says yes."]
    assert len(model_server.requests) == 3


async def test_one_client_serves_many_turns_at_once_and_opens_again_after_closing(
    model_server: ModelServer,
) -> None:
    source = compatible(model_server)
    models = [source.get_model(None), source.get_model("other")]

    assert models[0]._client is models[1]._client  # type: ignore[attr-defined]

    await source.aclose()
    await source.aclose()
    assert source.get_model(None)._client is not models[0]._client  # type: ignore[attr-defined]
    await source.aclose()


async def test_fifty_answers_at_once_are_each_their_own(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    source = compatible(model_server)

    turns = await asyncio.gather(*[a_turn(store, alice, source, close=False) for _ in range(50)])

    await source.aclose()
    assert {str(turn.error) for turn in turns} == {"None"}
    assert {tuple(turn.texts) for turn in turns} == {("You said: What is a thread?",)}
    assert len({turn.done[0].id for turn in turns}) == 50


def test_offline_every_name_is_the_offline_model() -> None:
    assert isinstance(ModelSource("offline").get_model("gpt-5"), OfflineModel)


def test_tracing_is_off_once_there_is_a_source() -> None:
    ModelSource("offline")

    with get_trace_provider().create_trace("chat") as trace:
        assert trace.export() is None


def test_a_key_shows_in_no_repr() -> None:
    assert "sk-secret" not in repr(ModelSource("openai", api_key="sk-secret"))


@pytest.mark.parametrize("kind", ["openai", "compatible"])
async def test_nobody_but_the_models_server_is_asked(
    store: NeonStore,
    databases: Any,
    model_server: ModelServer,
    recorder: Recorder,
    kind: str,
) -> None:
    said = await _in_a_program("answer", kind, databases.dsn("model"), recorder)

    assert "You said: canary" in said
    assert recorder.hosts == {"model.example"}
    assert len(model_server.requests) == 2


async def test_the_recorder_would_have_seen_a_trace(
    store: NeonStore, databases: Any, model_server: ModelServer, recorder: Recorder
) -> None:
    await _in_a_program("trace", "openai", databases.dsn("model"), recorder)

    assert "api.openai.com" in recorder.hosts


async def _in_a_program(what: str, kind: str, dsn: str, recorder: Recorder) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OPENAI")},
        **recorder.environment,
        "OPENAI_API_KEY": "sk-test",
    }
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.model.one_answer",
        *(what, kind, dsn),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()
    return output.decode()


async def test_tools_are_offered_to_openai_as_well(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    @function_tool
    def lookup(word: str) -> str:
        return word

    agent: Agent[TurnContext] = Agent(name="Looker", tools=[lookup])

    await a_turn(store, alice, openai_like(model_server), definition=agent)

    assert model_server.requests[0]["tools"][0]["name"] == "lookup"
