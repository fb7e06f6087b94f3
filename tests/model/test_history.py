"""What the model is shown of a thread: the newest that fits, and never half a story."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from chatkit.types import (
    ClientToolCallItem,
    EndOfTurnItem,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    Page,
    ThreadItem,
    UserMessageItem,
    UserMessageTagContent,
)

from chat.model import newest_history
from chat.model.history import tokens_in, without_middle
from tests.fix_store import NOON, a_message, an_answer

PAGE = 3


class Pages:
    """A thread as the store pages it, newest first; counts what was loaded."""

    def __init__(self, items: Sequence[ThreadItem]) -> None:
        self.loaded = 0
        self._newest_first = list(reversed(items))

    async def load(self, after: str | None) -> Page[ThreadItem]:
        self.loaded += 1
        ids = [item.id for item in self._newest_first]
        start = 0 if after is None else ids.index(after) + 1
        data = self._newest_first[start : start + PAGE]
        has_more = start + PAGE < len(ids)
        return Page(data=data, has_more=has_more, after=data[-1].id if has_more else None)


def a_conversation(turns: int, words: str = "some words ") -> list[ThreadItem]:
    items: list[ThreadItem] = []
    for number in range(turns):
        items.append(a_message(f"q{number}", f"question {number} {words}"))
        items.append(an_answer(f"a{number}", f"answer {number} {words}"))
    return items


def a_call(output: Any, item_id: str = "tc_1") -> ClientToolCallItem:
    return ClientToolCallItem(
        id=item_id,
        thread_id="thr_1",
        created_at=NOON,
        status="completed",
        call_id="call_1",
        name="locate",
        arguments={},
        output=output,
    )


def some(cls: Any, item_id: str, **fields: Any) -> Any:
    return cls(id=item_id, thread_id="thr_1", created_at=NOON, **fields)


async def shown(items: Sequence[ThreadItem], budget: int) -> list[ThreadItem]:
    return await newest_history(Pages(items).load, budget_tokens=budget)


async def test_a_short_thread_is_shown_whole_and_in_order() -> None:
    items = [an_answer("hello"), *a_conversation(5)]

    assert await shown(items, 10_000) == items


async def test_an_empty_thread_has_no_history() -> None:
    assert await shown([], 1000) == []


async def test_of_a_long_thread_the_newest_is_shown_and_only_that_is_loaded() -> None:
    items = a_conversation(5000)
    pages = Pages(items)

    history = await newest_history(pages.load, budget_tokens=500)

    assert history == items[-len(history) :]
    assert 2 < len(history) < 30
    assert sum(map(tokens_in, history)) <= 500
    assert pages.loaded <= len(history) // PAGE + 2


async def test_nothing_more_is_loaded_when_the_budget_is_full_at_the_end_of_a_page() -> None:
    items = a_conversation(10)
    pages = Pages(items)
    newest_page = sum(tokens_in(item) for item in items[-PAGE:])

    history = await newest_history(pages.load, budget_tokens=newest_page)

    assert pages.loaded == 2
    assert history == items[-2:]


@pytest.mark.parametrize("budget", range(100, 1000, 37))
async def test_a_history_that_was_cut_begins_with_a_question(budget: int) -> None:
    history = await shown(a_conversation(60), budget)

    assert isinstance(history[0], UserMessageItem)


async def test_a_cut_history_does_not_begin_with_a_tools_output() -> None:
    items = [*a_conversation(1, "x" * 300), a_call("found"), a_message("q", "And now?")]

    assert [item.id for item in await shown(items, 80)] == ["q"]


async def test_a_question_over_the_budget_keeps_both_its_ends() -> None:
    text = "Why does this fail? " + "log line\n" * 10_000 + "Please be brief."

    [item] = await shown([*a_conversation(3), a_message("q", text)], 300)

    assert isinstance(item, UserMessageItem)
    kept = item.content[0].text
    assert kept.startswith("Why does this fail? ")
    assert kept.endswith("Please be brief.")
    assert "characters left out here" in kept
    assert tokens_in(item) < 400


async def test_a_huge_tag_or_quote_goes_before_the_question_itself() -> None:
    tag = UserMessageTagContent(id="t", text="report", data={"rows": "x" * 50_000})
    question = a_message("q", "What does it say?")
    question.content.append(tag)
    question.quoted_text = "quoted " * 10_000

    [item] = await shown([question], 400)

    assert isinstance(item, UserMessageItem)
    assert item.content[0].text == "What does it say?"
    assert len(item.content) == 1
    assert item.quoted_text is not None
    assert tokens_in(item) < 500


async def test_a_huge_output_does_not_push_its_question_out() -> None:
    question = a_message("q", "Where am I?")

    history = await shown([*a_conversation(4), question, a_call({"map": "x" * 90_000})], 500)

    assert [item.id for item in history[-2:]] == ["q", "tc_1"]
    assert sum(map(tokens_in, history)) < 600


async def test_hidden_items_are_shown_to_the_model_like_the_others() -> None:
    hidden = some(HiddenContextItem, "h", content="the person is on the price page")
    items = [a_message("q1"), hidden, an_answer("a1"), a_message("q2")]

    assert await shown(items, 1000) == items


async def test_items_without_text_cannot_make_the_whole_thread_be_read() -> None:
    items = [some(EndOfTurnItem, f"e{number}") for number in range(5000)]
    pages = Pages(items)

    await newest_history(pages.load, budget_tokens=1600)

    assert pages.loaded < 100


def test_an_image_costs_nothing_like_its_bytes() -> None:
    image = GeneratedImage(id="i", url="data:image/png;base64," + "A" * 1_000_000)

    assert tokens_in(some(GeneratedImageItem, "g", image=image)) < 100


def test_the_estimate_is_on_the_safe_side_in_many_languages() -> None:
    english, chinese = "The quick brown fox jumps over it. " * 100, "你好世界" * 100

    # Real tokenizers need about 9 for the first sentence and 1 or less for a Chinese sign.
    assert tokens_in(a_message(text=english)) >= 900
    assert tokens_in(a_message(text=chinese)) >= 400


@pytest.mark.parametrize("text", ["é" * 500, "😀" * 500, "a" * 500, "你" * 500])
def test_cutting_never_breaks_a_character(text: str) -> None:
    for size in range(40):
        cut = without_middle(text, size)
        assert set(cut.split("\n[")[0]) <= {text[0]}
        assert set(cut.rsplit("]\n", 1)[-1]) <= {text[0]}
