"""What the model is shown of a page: the newest always, in the form of data, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from chatkit.types import HiddenContextItem, Page, ThreadItem

from chat import page_context
from chat.context import RequestContext
from chat.model import ItemConverter, newest_history
from chat.model.history import tokens_in
from chat.neon_store import NeonStore
from tests.assistants import guide
from tests.fix_model import ModelServer
from tests.fix_store import NOON, a_message, an_answer
from tests.model.turns import a_turn, compatible

BUDGET = 1000


def a_page(item_id: str = "c", **told: Any) -> HiddenContextItem:
    content = {page_context.KEY: told or {"title": "Cable"}}
    return HiddenContextItem(id=item_id, thread_id="thr_1", created_at=NOON, content=content)


async def shown(items: Sequence[ThreadItem], budget: int = BUDGET) -> list[ThreadItem]:
    async def load(after: str | None) -> Page[ThreadItem]:
        assert after is None
        return Page(data=list(items)[::-1])

    return await newest_history(load, budget_tokens=budget)


def ids(items: list[ThreadItem]) -> list[str]:
    return [item.id for item in items]


async def test_a_page_stays_where_it_was_told() -> None:
    items: list[ThreadItem] = [a_page(), a_message("q1"), an_answer("a1"), a_message("q2")]

    assert await shown(items) == items


async def test_the_newest_page_stays_when_its_message_has_no_room_any_more() -> None:
    old: list[ThreadItem] = [
        a_page("c1"),
        a_message("q1", 900 * "x"),
        a_page("c2"),
        a_message("q2", 900 * "x"),
    ]
    new: list[ThreadItem] = [
        an_answer("a2", 900 * "x"),
        a_message("q3", 900 * "x"),
        an_answer("a3", 300 * "x"),
    ]

    kept = await shown([*old, *new])

    assert ids(kept) == ["c2", "q3", "a3"]


async def test_a_message_over_the_budget_leaves_room_for_its_page() -> None:
    page = a_page(url="https://example.com/a", title="A", data=500 * "x")

    kept = await shown([page, a_message("q1", 100_000 * "x")])

    assert kept[0] == page
    assert ids(kept) == ["c", "q1"]
    assert sum(map(tokens_in, kept)) < 1.1 * BUDGET


async def test_a_page_over_its_quarter_loses_its_data_and_then_parts_of_its_words() -> None:
    told = {"url": "https://example.com/" + 1500 * "x", "title": "A long title"}

    kept = await shown([a_page(**told, data=8000 * "<"), a_message("q1", "why?")])

    read = page_context.of(kept[0])
    assert read is not None
    assert read["data"] == page_context.LEFT_OUT
    assert read["url"].startswith("https://example.com/x")
    assert read["url"].endswith("…")
    assert tokens_in(kept[0]) <= BUDGET // 4 + 10
    assert kept[1] == a_message("q1", "why?")


@pytest.mark.parametrize("budget", [100, 200, 500])
async def test_the_smallest_budgets_have_the_question_all_the_same(budget: int) -> None:
    page = a_page(url="https://example.com/" + 1500 * "x", title=300 * "&", data=5000 * "x")

    kept = await shown([page, a_message("q1", "why is it so?")], budget)

    assert ids(kept) == ["c", "q1"]
    assert kept[1] == a_message("q1", "why is it so?")


async def test_hidden_items_of_a_site_stay_what_they_were() -> None:
    contents = ["a note", {"note": 1}, {page_context.KEY: "a text"}, {page_context.KEY: {}, "x": 1}]
    for content in contents:
        item = HiddenContextItem(id="h", thread_id="thr_1", created_at=NOON, content=content)

        [message] = await ItemConverter().to_agent_input(item)

        assert page_context.of(item) is None
        assert "context that the person does not see" in str(message)
        assert "<page_context>" not in str(message)


async def test_an_imported_page_of_any_size_and_shape_is_bounded() -> None:
    for told in ({"url": 5, "data": 10**6 * "x"}, {"else": [10**6 * "<"], "title": 10**6 * "x"}):
        [message] = await ItemConverter().to_agent_input(a_page(**told))

        text = str(message)
        assert len(text) < 60_000
        assert text.count("</page_context>") == 1


async def test_a_function_reads_the_newest_page(
    store: NeonStore, alice: RequestContext, model_server: ModelServer
) -> None:
    items: list[ThreadItem] = [
        a_page("c1", title="Old"),
        a_message("q1"),
        a_page("c2", title="New"),
        a_message("q2"),
    ]
    source = compatible(model_server)

    turn = await a_turn(store, alice, source, *items, definition=guide.assistant)
    without = await a_turn(store, alice, source, a_message("q3"), definition=guide.assistant)

    assert turn.texts == ["You are reading “New”."]
    assert without.texts == ["You are reading “a page without a name”."]


async def test_what_the_model_reads_can_be_read_back() -> None:
    told = {"title": '<&>\u2028\u2029\\u003c \\ " \x7f', "data": {"<k>": [1.5, None, "\ud800"]}}

    text = page_context.as_text(told)

    assert not set("<>&\u2028\u2029\n") & set(text)
    assert json.loads(text) == {**told, "data": {"<k>": [1.5, None, "\ufffd"]}}
