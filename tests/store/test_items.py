"""What the store promises of items: equal, in order, paged exactly, and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from chatkit.store import NotFoundError
from chatkit.types import ThreadItem
from chatkit.widgets import Card, Text
from pydantic import TypeAdapter

from chat.connection import Connection
from chat.context import RequestContext
from chat.errors import InvalidRequest, ItemNotFound, ThreadNotFound, UnknownCursor
from chat.neon_store import NeonStore
from tests.fix_store import NOON, a_message, a_thread, an_answer

ITEM: TypeAdapter[ThreadItem] = TypeAdapter(ThreadItem)

DOCUMENTS: dict[str, dict[str, Any]] = {
    "user_message": {
        "content": [
            {"type": "input_text", "text": 'Grüße, 你好, 👩‍👩‍👧 and \\ " </script>'},
            {"type": "input_tag", "id": "t", "text": "@x", "data": {"n": [1, {"a": None}]}},
        ],
        "quoted_text": "line one\nline two",
        "inference_options": {"tool_choice": {"id": "search"}, "model": "m"},
    },
    "assistant_message": {
        "content": [
            {
                "text": "**yes**",
                "annotations": [
                    {"source": {"type": "url", "url": "https://a.example", "title": "A"}}
                ],
            }
        ]
    },
    "client_tool_call": {
        "status": "completed",
        "call_id": "call_1",
        "name": "locate",
        "arguments": {"z": 1, "a": -0.0, "big": 2**70, "small": 1e-300, "list": [True, None]},
        "output": {"ok": [1.5, "x"]},
    },
    "widget": {"widget": Card(children=[Text(value="hi")]).model_dump(), "copy_text": "hi"},
    "generated_image": {"image": {"id": "img_1", "url": "https://a.example/i.png"}},
    "structured_input": {
        "status": "answered",
        "inputs": [
            {
                "type": "multiple_choice",
                "id": "q1",
                "question": "Which?",
                "options": [{"value": "a"}, {"value": "b"}],
                "multiple": True,
                "answer": {"values": ["a"]},
            },
            {"type": "freeform", "id": "q2", "question": "Why?", "answer": {"skipped": True}},
        ],
    },
    "workflow": {
        "workflow": {
            "type": "reasoning",
            "tasks": [{"type": "thought", "content": "hmm", "status_indicator": "complete"}],
            "summary": {"duration": 3},
            "expanded": True,
        }
    },
    "task": {"task": {"type": "web_search", "queries": ["a"], "sources": []}},
    "hidden_context_item": {"content": {"any": ["thing", 1]}},
    "sdk_hidden_context": {"content": "cancelled"},
    "end_of_turn": {},
}


def an_item(kind: str, created_at: datetime = NOON) -> ThreadItem:
    words = {"id": f"id_{kind}", "thread_id": "thr_1", "type": kind, "created_at": created_at}
    return ITEM.validate_python({**words, **DOCUMENTS[kind]})


async def ids(store: NeonStore, who: RequestContext, *, order: str, limit: int) -> list[list[str]]:
    """Return the ids of all pages, page by page."""
    pages, after = [], None
    while True:
        page = await store.load_thread_items("thr_1", after, limit, order, who)
        pages.append([item.id for item in page.data])
        after = page.after
        assert page.has_more == (after is not None)
        if not page.has_more:
            return pages


def test_every_item_type_of_the_sdk_is_covered_here() -> None:
    union = get_args(get_args(ThreadItem)[0])

    assert {kind.model_fields["type"].default for kind in union} == set(DOCUMENTS)
    assert len(DOCUMENTS) == 11


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.replace(tzinfo=UTC), NOON.replace(tzinfo=timezone(timedelta(hours=5, minutes=45)))],
    ids=["naive", "utc", "kathmandu"],
)
async def test_every_item_type_comes_back_equal(
    store: NeonStore, alice: RequestContext, kind: str, moment: datetime
) -> None:
    item = an_item(kind, moment)
    await store.save_thread(a_thread(), alice)

    await store.add_thread_item("thr_1", item, alice)

    assert await store.load_item("thr_1", item.id, alice) == item
    page = await store.load_thread_items("thr_1", None, 10, "asc", alice)
    assert page.data == [item]
    assert (page.data[0].created_at.tzinfo is None) == (moment.tzinfo is None)


async def test_items_are_paged_in_the_order_they_were_said_not_by_their_clock(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    for number in range(7):
        message = a_message(f"m{number}")
        message.created_at = NOON - timedelta(minutes=number % 3)
        await store.add_thread_item("thr_1", message, alice)

    assert await ids(store, alice, order="asc", limit=3) == [
        ["m0", "m1", "m2"],
        ["m3", "m4", "m5"],
        ["m6"],
    ]
    assert await ids(store, alice, order="desc", limit=3) == [
        ["m6", "m5", "m4"],
        ["m3", "m2", "m1"],
        ["m0"],
    ]


async def test_a_page_that_ends_with_the_last_item_has_no_more(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    for number in range(4):
        await store.add_thread_item("thr_1", a_message(f"m{number}"), alice)

    assert await ids(store, alice, order="asc", limit=2) == [["m0", "m1"], ["m2", "m3"]]
    assert await ids(store, alice, order="asc", limit=4) == [["m0", "m1", "m2", "m3"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_paging_goes_on_past_a_deleted_cursor(
    store: NeonStore, alice: RequestContext, order: str
) -> None:
    await store.save_thread(a_thread(), alice)
    for number in range(6):
        await store.add_thread_item("thr_1", a_message(f"m{number}"), alice)
    page = await store.load_thread_items("thr_1", None, 2, order, alice)
    assert page.after is not None

    await store.delete_thread_item("thr_1", page.after, alice)
    rest = await store.load_thread_items("thr_1", page.after, 10, order, alice)

    expected = ["m2", "m3", "m4", "m5"]
    assert [item.id for item in rest.data] == (
        expected if order == "asc" else ["m3", "m2", "m1", "m0"]
    )


async def test_items_added_while_paging_are_neither_skipped_nor_repeated(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    for number in range(4):
        await store.add_thread_item("thr_1", a_message(f"m{number}"), alice)
    first = await store.load_thread_items("thr_1", None, 2, "asc", alice)

    await store.add_thread_item("thr_1", a_message("m4"), alice)
    second = await store.load_thread_items("thr_1", first.after, 10, "asc", alice)

    assert [item.id for item in first.data + second.data] == ["m0", "m1", "m2", "m3", "m4"]


async def test_a_cursor_that_never_was_in_the_thread_is_refused(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.save_thread(a_thread(), mallory)
    await store.add_thread_item("thr_1", a_message("hers"), alice)

    for cursor in ("nowhere", "hers", "\0", "\ud800"):
        with pytest.raises(UnknownCursor):
            await store.load_thread_items("thr_1", cursor, 5, "asc", mallory)


@pytest.mark.parametrize(("limit", "shown"), [(-1, 1), (0, 1), (5, 5), (100, 100), (10**9, 100)])
async def test_limits_are_clamped(
    store: NeonStore, alice: RequestContext, limit: int, shown: int
) -> None:
    await store.save_thread(a_thread(), alice)
    for number in range(101):
        await store.add_thread_item("thr_1", a_message(f"m{number}"), alice)

    page = await store.load_thread_items("thr_1", None, limit, "desc", alice)

    assert len(page.data) == shown
    assert page.has_more


async def test_adding_an_item_again_changes_nothing(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", an_answer("a1", "finished"), alice)

    await store.add_thread_item("thr_1", an_answer("a1", "half"), alice)

    assert await store.load_item("thr_1", "a1", alice) == an_answer("a1", "finished")
    assert await ids(store, alice, order="asc", limit=10) == [["a1"]]


async def test_saving_an_item_replaces_it_where_it_is_or_appends_it(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.save_item("thr_1", an_answer("a1", "one"), alice)
    await store.save_item("thr_1", an_answer("a2", "two"), alice)

    await store.save_item("thr_1", an_answer("a1", "changed"), alice)

    page = await store.load_thread_items("thr_1", None, 10, "asc", alice)
    assert page.data == [an_answer("a1", "changed"), an_answer("a2", "two")]


async def test_items_cannot_be_put_into_a_thread_that_is_missing_or_somebody_elses(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)

    for write in (store.add_thread_item, store.save_item):
        for thread_id in ("thr_1", "thr_missing"):
            with pytest.raises(ThreadNotFound, match=f"^Thread {thread_id} not found$"):
                await write(thread_id, a_message("m1"), mallory)
    assert await ids(store, alice, order="asc", limit=10) == [[]]


async def test_items_of_a_missing_or_foreign_thread_are_an_empty_page(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", a_message("m1"), alice)

    for thread_id, after in (("thr_1", None), ("thr_1", "m1"), ("thr_missing", "m1")):
        page = await store.load_thread_items(thread_id, after, 10, "asc", mallory)
        assert (page.data, page.has_more, page.after) == ([], False, None)


async def test_a_foreign_item_and_a_missing_one_read_alike(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", a_message("m1"), alice)

    for item_id in ("m1", "m_missing"):
        with pytest.raises(NotFoundError, match=f"^Item {item_id} not found$"):
            await store.load_item("thr_1", item_id, mallory)


async def test_the_same_ids_of_two_people_are_two_things(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    for who, text in ((alice, "hers"), (mallory, "his")):
        await store.save_thread(a_thread(title=text), who)
        await store.add_thread_item("thr_1", a_message("m1", text), who)

    await store.save_item("thr_1", a_message("m1", "changed"), mallory)
    await store.delete_thread_item("thr_1", "m1", mallory)
    await store.delete_thread("thr_1", mallory)

    assert await store.load_item("thr_1", "m1", alice) == a_message("m1", "hers")
    assert (await store.load_thread("thr_1", alice)).title == "hers"


async def test_deleting_an_item_is_silent_when_it_is_not_there(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", a_message("m1"), alice)

    await store.delete_thread_item("thr_1", "m_missing", alice)
    await store.delete_thread_item("thr_1", "m1", mallory)
    assert await ids(store, alice, order="asc", limit=10) == [["m1"]]

    await store.delete_thread_item("thr_1", "m1", alice)
    await store.delete_thread_item("thr_1", "m1", alice)
    with pytest.raises(ItemNotFound):
        await store.load_item("thr_1", "m1", alice)


async def test_a_deleted_item_can_come_back(store: NeonStore, alice: RequestContext) -> None:
    await store.save_thread(a_thread(), alice)
    for item_id in ("m1", "m2"):
        await store.add_thread_item("thr_1", a_message(item_id), alice)

    await store.delete_thread_item("thr_1", "m1", alice)
    await store.add_thread_item("thr_1", a_message("m1"), alice)

    assert await ids(store, alice, order="asc", limit=1) == [["m2"], ["m1"]]


async def test_items_written_at_the_same_moment_all_get_a_place_of_their_own(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)

    await asyncio.gather(
        *(store.add_thread_item("thr_1", a_message(f"m{n % 20}"), alice) for n in range(60))
    )

    pages = await ids(store, alice, order="asc", limit=7)
    assert sorted(item_id for page in pages for item_id in page) == sorted(
        f"m{n}" for n in range(20)
    )


async def test_the_agents_sdks_constant_id_is_refused(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)

    for write in (store.add_thread_item, store.save_item):
        with pytest.raises(InvalidRequest, match="__fake_id__"):
            await write("thr_1", an_answer("__fake_id__"), alice)


async def test_text_that_postgres_cannot_store_is_stored_all_the_same(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(title="a\0b\ud800"), alice)
    await store.add_thread_item("thr_1", an_answer("a1", "nul \0 stays, \ud83d goes"), alice)

    item = await store.load_item("thr_1", "a1", alice)
    assert item == an_answer(
        "a1", "nul \N{REPLACEMENT CHARACTER} stays, \N{REPLACEMENT CHARACTER} goes"
    )
    assert (await store.load_thread("thr_1", alice)).title == "a\ufffdb\ufffd"


async def test_feedback_is_kept_for_all_items_or_for_none(
    store: NeonStore, alice: RequestContext, mallory: RequestContext, by_hand: Connection
) -> None:
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", an_answer("a1"), alice)

    await store.set_feedback("thr_1", ["a1", "a1"], "positive", alice)
    for item_ids, who in ((["a1", "missing"], alice), (["a1"], mallory)):
        with pytest.raises(ItemNotFound):
            await store.set_feedback("thr_1", item_ids, "negative", who)

    found = by_hand.execute("SELECT feedback FROM chatkit_thread_item").fetchall()
    assert found == [("positive",)]
