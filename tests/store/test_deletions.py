"""Threads that were deleted and can still be brought back, and how they end for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from chatkit.types import Page

from chat.connection import Connection
from chat.context import RequestContext
from chat.errors import ItemNotFound, ThreadNotFound, TooManyPinned
from chat.neon_store import NeonStore
from chat.tables import deletions, thread_lists, thread_marks, threads
from tests.fix_store import a_message, a_thread, an_answer


async def _a_conversation(
    store: NeonStore, who: RequestContext, thread_id: str = "thr_1", **fields: Any
) -> None:
    await store.save_thread(a_thread(thread_id, **fields), who)
    await store.add_thread_item(thread_id, a_message(f"{thread_id}_q", thread_id=thread_id), who)
    await store.add_thread_item(thread_id, an_answer(f"{thread_id}_a", thread_id=thread_id), who)


def _set_aside(store: NeonStore, who: RequestContext, *ids: str, deletion: str = "del_1") -> int:
    return store.database.run(
        deletions.set_aside, user_id=who.user_id, thread_ids=list(ids), deletion_id=deletion
    )


def _restore(store: NeonStore, who: RequestContext, deletion: str = "del_1") -> int:
    return store.database.run(deletions.restore, user_id=who.user_id, deletion_id=deletion)


def _age(by_hand: Connection, seconds: float) -> None:
    """Let what was deleted have been deleted that long ago."""
    by_hand.execute(
        "UPDATE chatkit_thread SET deleted_at = deleted_at - make_interval(secs => %s)", [seconds]
    )


def _left(by_hand: Connection) -> dict[str, int]:
    tables = ("chatkit_thread", "chatkit_thread_item")
    rows = [by_hand.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]  # noqa: S608
    return {name: row[0] for name, row in zip(tables, rows, strict=True) if row}


async def _refusals(store: NeonStore, who: RequestContext) -> list[str]:
    """Do everything that a store can do with thr_1, and tell what did not read as missing."""
    ways: dict[str, Callable[[], Awaitable[Any]]] = {
        "load_thread": lambda: store.load_thread("thr_1", who),
        "save_thread": lambda: store.save_thread(a_thread("thr_1", title="New"), who),
        "rename_thread": lambda: store.rename_thread("thr_1", "New", who),
        "add_thread_item": lambda: store.add_thread_item("thr_1", a_message(), who),
        "save_item": lambda: store.save_item("thr_1", an_answer("thr_1_a", text="New"), who),
        "load_item": lambda: store.load_item("thr_1", "thr_1_a", who),
        "set_feedback": lambda: store.set_feedback("thr_1", ["thr_1_a"], "positive", who),
        "find": lambda: store.run(thread_lists.find, user_id=who.user_id, thread_id="thr_1"),
        "pin": lambda: store.run(thread_marks.pin, user_id=who.user_id, thread_id="thr_1"),
        "unpin": lambda: store.run(thread_marks.unpin, user_id=who.user_id, thread_id="thr_1"),
    }
    wrong = []
    for name, way in ways.items():
        try:
            await way()
        except (ThreadNotFound, ItemNotFound):
            continue
        wrong.append(name)
    return wrong


async def test_a_deleted_thread_reads_as_missing_everywhere_at_once(
    store: NeonStore, alice: RequestContext
) -> None:
    await _a_conversation(store, alice, title="Tax return")
    await _a_conversation(store, alice, "thr_2")

    assert _set_aside(store, alice, "thr_1") == 1

    assert await _refusals(store, alice) == []
    assert await store.load_thread_items("thr_1", None, 10, "asc", alice) == Page()
    assert await store.load_thread_items("thr_1", "thr_1_q", 10, "desc", alice) == Page()
    assert await store.ids_after("thr_1", "thr_1_q", alice) == []
    assert not await store.improve_title("thr_1", "Better", alice)
    for order in ("asc", "desc"):
        page = await store.load_threads(10, None, order, alice)
        assert [thread.id for thread in page.data] == ["thr_2"]
    for read in (thread_lists.newest, thread_lists.archived):
        listed = store.database.run(read, user_id=alice.user_id, limit=9, after=None)
        assert "thr_1" not in [row.id for row in listed.rows]
    for mark in (thread_marks.archive, thread_marks.unarchive):
        assert store.database.run(mark, user_id=alice.user_id, thread_ids=["thr_1"]) == 0
    assert not store.database.run(deletions.delete, user_id=alice.user_id, thread_id="thr_1")


async def test_an_undone_deletion_leaves_no_trace(store: NeonStore, alice: RequestContext) -> None:
    await _a_conversation(store, alice, title="Tax return")
    store.database.run(thread_marks.pin, user_id=alice.user_id, thread_id="thr_1")
    before = store.database.run(thread_lists.pinned, user_id=alice.user_id)
    items = await store.load_thread_items("thr_1", None, 10, "asc", alice)
    _set_aside(store, alice, "thr_1")

    assert _restore(store, alice) == 1

    assert store.database.run(thread_lists.pinned, user_id=alice.user_id) == before
    assert await store.load_thread_items("thr_1", None, 10, "asc", alice) == items
    assert _restore(store, alice) == 0


async def test_nobody_else_deletes_or_brings_back(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await _a_conversation(store, alice)

    assert _set_aside(store, mallory, "thr_1", deletion="del_m") == 0
    assert _set_aside(store, alice, "thr_1") == 1
    assert _restore(store, mallory) == 0

    with pytest.raises(ThreadNotFound):
        await store.load_thread("thr_1", alice)
    assert _restore(store, alice) == 1


async def test_setting_aside_is_safe_to_repeat_and_a_second_deletion_takes_nothing_over(
    store: NeonStore, alice: RequestContext
) -> None:
    await _a_conversation(store, alice)

    assert [_set_aside(store, alice, "thr_1") for _ in range(2)] == [1, 1]
    assert _set_aside(store, alice, "thr_1", deletion="del_2") == 0

    assert _restore(store, alice, "del_2") == 0
    assert _restore(store, alice, "del_1") == 1


async def test_an_undo_that_is_too_late_brings_nothing_back(
    store: NeonStore, alice: RequestContext, by_hand: Connection
) -> None:
    await _a_conversation(store, alice)
    _set_aside(store, alice, "thr_1")
    _age(by_hand, deletions.UNDO_SECONDS + deletions.GRACE_SECONDS)

    assert _restore(store, alice) == 0


async def test_the_purge_takes_what_is_due_whole_and_says_when_the_next_is(
    store: NeonStore, alice: RequestContext, mallory: RequestContext, by_hand: Connection
) -> None:
    assert store.database.run(deletions.purge) is None
    await _a_conversation(store, alice)
    await _a_conversation(store, mallory, "thr_m")
    await _a_conversation(store, alice, "thr_2")
    _set_aside(store, alice, "thr_1")
    _set_aside(store, mallory, "thr_m")
    _age(by_hand, deletions.PURGE_SECONDS)
    await _a_conversation(store, alice, "thr_3")
    _set_aside(store, alice, "thr_3", deletion="del_3")

    due = store.database.run(deletions.purge)

    assert due is not None
    assert 0 < due <= deletions.PURGE_SECONDS
    assert _left(by_hand) == {"chatkit_thread": 2, "chatkit_thread_item": 4}
    assert _restore(store, alice) == 0
    assert _restore(store, alice, "del_3") == 1


def test_an_undo_that_was_accepted_never_meets_a_purge() -> None:
    assert deletions.UNDO_SECONDS + deletions.GRACE_SECONDS < deletions.PURGE_SECONDS
    assert deletions.PURGE_SECONDS < 15


async def test_all_of_a_person_go_and_come_back_in_batches(
    store: NeonStore,
    alice: RequestContext,
    mallory: RequestContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deletions, "AT_ONCE", 3)
    for number in range(8):
        await _a_conversation(store, alice, f"thr_{number}")
    await _a_conversation(store, mallory, "thr_m")
    run, ids = store.database.run, {"user_id": alice.user_id}
    run(thread_marks.archive, **ids, thread_ids=["thr_3"])

    assert run(deletions.set_all_aside, **ids, deletion_id="del_1") == 8
    assert (await store.load_threads(10, None, "desc", alice)).data == []
    assert len((await store.load_threads(10, None, "desc", mallory)).data) == 1
    assert _restore(store, alice) == 8

    assert len((await store.load_threads(10, None, "desc", alice)).data) == 7


async def test_a_deletion_of_many_counts_from_its_end(
    store: NeonStore, alice: RequestContext, by_hand: Connection
) -> None:
    for number in range(3):
        await _a_conversation(store, alice, f"thr_{number}")
    _set_aside(store, alice, "thr_0")
    _age(by_hand, deletions.PURGE_SECONDS + 1)
    # The same deletion, some batches later.
    store.database.run(deletions.set_all_aside, user_id=alice.user_id, deletion_id="del_1")

    store.database.run(deletions.purge)

    assert _left(by_hand)["chatkit_thread"] == 3
    assert _restore(store, alice) == 3


async def test_deleting_everything_again_goes_on_with_the_same_deletion(
    store: NeonStore, alice: RequestContext
) -> None:
    await _a_conversation(store, alice)
    run, ids = store.database.run, {"user_id": alice.user_id, "deletion_id": "del_1"}

    assert [run(deletions.set_all_aside, **ids) for _ in range(2)] == [1, 1]
    await _a_conversation(store, alice, "thr_2")
    assert run(deletions.set_all_aside, **ids) == 2

    assert run(deletions.waiting, **ids) == 2
    assert _restore(store, alice) == 2
    assert run(deletions.waiting, **ids) == 0


async def test_two_who_delete_everything_at_once_take_nothing_from_each_other(
    store: NeonStore, alice: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletions, "AT_ONCE", 2)
    for number in range(40):
        await store.save_thread(a_thread(f"thr_{number}"), alice)

    async def delete_all(deletion: str) -> int:
        return await store.run(deletions.set_all_aside, user_id=alice.user_id, deletion_id=deletion)

    await asyncio.gather(*(delete_all(f"del_{n}") for n in (1, 2, 1)))

    assert (await store.load_threads(100, None, "desc", alice)).data == []
    assert _restore(store, alice, "del_1") + _restore(store, alice, "del_2") == 40
    assert len((await store.load_threads(100, None, "desc", alice)).data) == 40


async def test_a_purge_may_take_longer_than_a_page(store: NeonStore) -> None:
    with store.database.connection() as conn:
        with conn.patient(60):
            assert conn.deadline == 60
        assert conn.deadline < 60


async def test_pinned_threads_are_few_and_stand_apart(
    store: NeonStore, alice: RequestContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread_marks, "MOST_PINNED", 2)
    for number in range(4):
        await _a_conversation(store, alice, f"thr_{number}", title=f"No {number}")
    run, ids = store.database.run, {"user_id": alice.user_id}

    for thread_id in ("thr_0", "thr_2", "thr_2"):
        run(thread_marks.pin, **ids, thread_id=thread_id)
    with pytest.raises(TooManyPinned):
        run(thread_marks.pin, **ids, thread_id="thr_1")

    assert [row.id for row in run(thread_lists.pinned, **ids)] == ["thr_2", "thr_0"]
    newest = run(thread_lists.newest, **ids, limit=9, after=None)
    assert [row.id for row in newest.rows] == ["thr_3", "thr_1"]
    run(thread_marks.unpin, **ids, thread_id="thr_0")
    newest = run(thread_lists.newest, **ids, limit=9, after=None)
    assert [row.id for row in newest.rows] == ["thr_3", "thr_1", "thr_0"]


async def test_a_pinned_thread_that_comes_back_from_its_deletion_is_always_seen(
    store: NeonStore, alice: RequestContext, monkeypatch: pytest.MonkeyPatch, by_hand: Connection
) -> None:
    monkeypatch.setattr(thread_marks, "MOST_PINNED", 2)
    monkeypatch.setattr(thread_lists, "MOST_PINNED", 2)
    for number in range(4):
        await _a_conversation(store, alice, f"thr_{number}")
    run, ids = store.database.run, {"user_id": alice.user_id}
    for thread_id in ("thr_0", "thr_1"):
        run(thread_marks.pin, **ids, thread_id=thread_id)
    _set_aside(store, alice, "thr_0")

    with pytest.raises(TooManyPinned):
        run(thread_marks.pin, **ids, thread_id="thr_2")
    _restore(store, alice)

    assert {row.id for row in run(thread_lists.pinned, **ids)} == {"thr_0", "thr_1"}
    # Two that were pinned at the same moment.
    by_hand.execute("UPDATE chatkit_thread SET pinned_at = now() WHERE id = 'thr_2'")
    assert len(run(thread_lists.pinned, **ids)) == 3


async def test_the_archive_is_a_list_of_its_own_until_somebody_writes(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    for number in range(3):
        await _a_conversation(store, alice, f"thr_{number}")
    run, ids = store.database.run, {"user_id": alice.user_id}
    run(thread_marks.pin, **ids, thread_id="thr_0")

    assert run(thread_marks.archive, **ids, thread_ids=["thr_0", "thr_1", "thr_missing"]) == 2
    assert run(thread_marks.archive, user_id=mallory.user_id, thread_ids=["thr_2"]) == 0

    archived = run(thread_lists.archived, **ids, limit=9, after=None)
    assert [row.id for row in archived.rows] == ["thr_1", "thr_0"]
    assert run(thread_lists.pinned, **ids) == []
    assert [thread.id for thread in (await store.load_threads(9, None, "desc", alice)).data] == [
        "thr_2"
    ]
    await store.add_thread_item("thr_1", an_answer(thread_id="thr_1"), alice)
    assert run(thread_lists.find, **ids, thread_id="thr_1").archived
    await store.add_thread_item("thr_1", a_message(thread_id="thr_1"), alice)
    assert not run(thread_lists.find, **ids, thread_id="thr_1").archived
    assert run(thread_marks.unarchive, **ids, thread_ids=["thr_0", "thr_1"]) == 2
    assert run(thread_lists.archived, **ids, limit=9, after=None).rows == []


async def test_a_list_shows_the_beginning_of_the_newest_message(
    store: NeonStore, alice: RequestContext
) -> None:
    await _a_conversation(store, alice)
    await store.save_item("thr_1", an_answer("thr_1_a", text="**Bold** news\nfor you"), alice)
    run, ids = store.database.run, {"user_id": alice.user_id}

    def preview() -> str | None:
        return run(thread_lists.newest, **ids, limit=9, after=None).rows[0].preview

    assert preview() == "Bold news for you"
    await store.delete_thread_item("thr_1", "thr_1_a", alice)
    assert preview() == "What is a thread?"
    await store.run(
        threads.rename, user_id=alice.user_id, thread_id="thr_1", title="Not the preview"
    )
    assert preview() == "What is a thread?"
