"""The site's own assistant: named by one setting, checked at the start, shown in the documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from agents import Agent
from chatkit.types import ThreadItem

from chat.config import Settings
from chat.context import RequestContext
from chat.errors import ConfigError
from chat.model import load_assistant
from chat.model.plug_in import INSTRUCTIONS
from chat.neon_store import NeonStore
from tests.assistants import counter, guide, shop
from tests.fix_model import ModelServer, Reply
from tests.fix_store import a_message, an_answer
from tests.model.turns import a_turn, compatible, openai_like

ROOT = Path(__file__).parents[2]


def settings(**named: str) -> Settings:
    return Settings(database_url="", auth_url="", **named)  # type: ignore[arg-type]


async def test_an_agent_of_the_site_answers_with_its_tools(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    definition = load_assistant(settings(assistant="tests.assistants.shop:assistant"))
    call = Reply(tool=("order_status", {"number": "1042"}))
    model_server.script(call, "Your order arrives on Friday.")

    turn = await a_turn(
        store,
        alice,
        compatible(model_server),
        a_message(text="Where is 1042?"),
        definition=definition,
    )

    assert definition is shop.assistant
    assert turn.error is None
    assert turn.texts == ["Your order arrives on Friday."]
    first, second = model_server.requests
    assert first["tools"][0]["function"]["name"] == "order_status"
    assert first["messages"][0] == {"role": "system", "content": shop.assistant.instructions}
    assert second["messages"][-1]["content"] == "It left on Monday and arrives on Friday."


async def test_its_tools_see_only_what_the_person_who_asks_owns(
    store: NeonStore, mallory: RequestContext, model_server: ModelServer
) -> None:
    model_server.script(Reply(tool=("order_status", {"number": "1042"})), "Hm.")

    await a_turn(store, mallory, compatible(model_server), definition=shop.assistant)

    assert model_server.requests[-1]["messages"][-1]["content"] == "There is no such order."


async def test_a_function_of_the_site_answers_without_a_model(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    definition = load_assistant(settings(assistant="tests.assistants.counter:assistant"))
    history: list[ThreadItem] = [a_message(), an_answer(), a_message()]

    turn = await a_turn(store, alice, compatible(model_server), *history, definition=definition)

    assert turn.texts == ["You wrote **2** messages."]
    assert len(turn.deltas[turn.done[0].id]) == 2
    assert model_server.requests == []


@pytest.mark.parametrize("text", [None, "You sell bread."])
async def test_the_built_in_assistant_follows_the_settings(
    store: NeonStore, alice: RequestContext, model_server: ModelServer, text: str | None
) -> None:
    named = {} if text is None else {"assistant_instructions": text}

    turn = await a_turn(
        store, alice, openai_like(model_server), definition=load_assistant(settings(**named))
    )

    assert turn.error is None
    assert model_server.requests[0]["instructions"] == (text or INSTRUCTIONS)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no.such.module:x", ["no.such.module", "cannot be imported", "ModuleNotFoundError"]),
        ("tests.assistants.shop:nobody", ["tests.assistants.shop", "'nobody'"]),
        ("tests.assistants.shop:ORDERS", ["tests.assistants.shop:ORDERS", "a dict"]),
        ("tests.assistants.shop:order_status", ["a FunctionTool"]),
        ("tests.model.test_plug_in:settings", ["async generator function"]),
        ("tests.model.test_plug_in:takes_two", ["(thread, items, context)"]),
        ("tests.model.test_plug_in:Agent", ["must be an Agent"]),
    ],
)
def test_a_wrong_assistant_is_named_at_the_start(name: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_assistant(settings(assistant=name))

    assert "ASSISTANT" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


async def takes_two(thread: object, items: object) -> AsyncIterator[object]:
    yield thread, items


def test_the_built_in_assistant_is_an_agent_like_any_other() -> None:
    assert isinstance(load_assistant(settings()), Agent)


@pytest.mark.parametrize("module", [shop, counter, guide])
def test_the_documents_show_the_assistants_that_are_tested(module: ModuleType) -> None:
    source = Path(str(module.__file__)).read_text()
    documents = (ROOT / "docs" / "assistants.md").read_text()

    assert source.strip() in documents
