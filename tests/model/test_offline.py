"""Without a model: the same path, an honest answer, and the way to a real one."""

from __future__ import annotations

import time

import pytest
from agents import Agent, Runner
from chatkit.types import HiddenContextItem, ThreadItem

from chat.context import RequestContext
from chat.model import ItemConverter, ModelSource
from chat.model.offline import offline_answer, questions_in
from chat.neon_store import NeonStore
from tests.fix_store import NOON, a_message, an_answer
from tests.model.turns import a_turn


async def test_it_says_what_it_is_and_how_to_connect_a_model(
    store: NeonStore, alice: RequestContext
) -> None:
    before = time.monotonic()

    turn = await a_turn(store, alice, ModelSource("offline"), a_message(text="Who are you?"))

    assert turn.error is None
    [text] = turn.texts
    for words in ("No language model", "OPENAI_API_KEY", "OPENAI_BASE_URL", "“Who are you?”"):
        assert words in text
    [(item_id, pieces)] = turn.deltas.items()
    assert item_id == turn.done[0].id
    assert "".join(pieces) == text
    assert len(pieces) > 15
    assert 0.8 < time.monotonic() - before < 4


async def test_it_remembers_what_was_asked_before(store: NeonStore, alice: RequestContext) -> None:
    history: list[ThreadItem] = [
        a_message(text="What is a thread?"),
        an_answer(),
        a_message(text="And an item?"),
        an_answer(),
        HiddenContextItem(id="h", thread_id="thr_1", created_at=NOON, content="hidden"),
        a_message(text="And a turn?"),
    ]

    turn = await a_turn(store, alice, ModelSource("offline"), *history)

    [text] = turn.texts
    assert "You wrote: “And a turn?”" in text
    assert "2 earlier messages" in text
    assert "the one before was “And an item?”" in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ([], "no question"),
        (["one"], "the first message"),
        (["one", "two"], "one earlier message of yours"),
        (["one", "\u202e"], "something without words"),
    ],
)
def test_it_counts_like_a_person(questions: list[str], words: str) -> None:
    assert words in offline_answer(questions)


def test_what_it_quotes_cannot_become_markup() -> None:
    text = offline_answer(["<b>[x](javascript:y)</b> `a` |"])

    assert "\\<b\\>" in text
    assert "](javascript" not in text


async def test_it_can_be_asked_without_streaming() -> None:
    source = ModelSource("offline")

    result = await Runner.run(Agent(name="A"), "Hello?", run_config=source.run_config())

    assert "“Hello?”" in str(result.final_output)


async def test_notes_of_the_site_are_no_questions() -> None:
    message = a_message(text="Hi")
    message.quoted_text = "quoted"

    assert questions_in(await ItemConverter().to_agent_input([message])) == ["Hi"]
