"""What the store promises of threads: newest activity first, paged exactly, and nobody else's."""

from __future__ import annotations

import random
import re

import pytest
from chatkit.store import NotFoundError
from chatkit.types import FileAttachment, ImageAttachment, LockedStatus
from pydantic import AnyUrl

from chat.connection import Connection
from chat.context import RequestContext
from chat.errors import AccountGone, ThreadNotFound, UnknownCursor
from chat.migrate import migrate
from chat.neon_store import PREFIXES, NeonStore
from tests.fix_store import a_message, a_thread


async def listed(store: NeonStore, who: RequestContext, order: str = "desc") -> list[str]:
    return [thread.id for thread in (await store.load_threads(100, None, order, who)).data]


async def test_a_thread_comes_back_equal(store: NeonStore, alice: RequestContext) -> None:
    thread = a_thread(
        title="Tax return",
        status=LockedStatus(reason="audit"),
        allowed_image_domains=["a.example"],
        metadata={"z": 1, "a": {"deep": [1.0, None, "\u2028"]}},
    )

    await store.save_thread(thread, alice)

    assert await store.load_thread("thr_1", alice) == thread


async def test_saving_a_thread_again_replaces_it(store: NeonStore, alice: RequestContext) -> None:
    await store.save_thread(a_thread(title="One", metadata={"a": 1}), alice)
    await store.add_thread_item("thr_1", a_message("m1"), alice)

    await store.save_thread(a_thread(title=None), alice)

    assert await store.load_thread("thr_1", alice) == a_thread(title=None)
    assert await store.load_item("thr_1", "m1", alice)


async def test_a_foreign_thread_and_a_missing_one_read_alike(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)

    for thread_id in ("thr_1", "thr_missing"):
        with pytest.raises(NotFoundError, match=f"^Thread {thread_id} not found$"):
            await store.load_thread(thread_id, mallory)
        await store.delete_thread(thread_id, mallory)
    assert await listed(store, mallory) == []
    assert await listed(store, alice) == ["thr_1"]


async def test_a_thread_id_cannot_be_taken_over_by_another_user(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(title="Tax return"), alice)

    await store.save_thread(a_thread(title="Mine now"), mallory)

    assert (await store.load_thread("thr_1", alice)).title == "Tax return"
    assert (await store.load_thread("thr_1", mallory)).title == "Mine now"


async def test_threads_list_newest_activity_first(store: NeonStore, alice: RequestContext) -> None:
    for name in ("a", "b", "c"):
        await store.save_thread(a_thread(name), alice)

    await store.add_thread_item("a", a_message(), alice)
    await store.save_thread(a_thread("b", title="renaming is no activity"), alice)

    assert await listed(store, alice) == ["a", "c", "b"]
    assert await listed(store, alice, "asc") == ["b", "c", "a"]


async def test_threads_with_the_same_date_are_paged_without_a_gap(
    store: NeonStore, alice: RequestContext
) -> None:
    for number in range(7):
        await store.save_thread(a_thread(f"t{number}"), alice)
    with store.database.connection() as conn:
        conn.execute("UPDATE chatkit_thread SET last_message_at = '2026-01-01'")

    for order, sign in (("desc", -1), ("asc", 1)):
        seen, after = [], None
        while True:
            page = await store.load_threads(3, after, order, alice)
            seen += [thread.id for thread in page.data]
            after = page.after
            if not page.has_more:
                break
        assert seen == [f"t{number}" for number in range(7)][::sign]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("happens", ["moves", "goes"])
async def test_paging_goes_on_where_the_cursor_was_when_its_thread_moves_or_goes(
    store: NeonStore, alice: RequestContext, order: str, happens: str
) -> None:
    for number in range(6):
        await store.save_thread(a_thread(f"t{number}"), alice)
    first = await store.load_threads(2, None, order, alice)
    assert first.after is not None

    if happens == "moves":
        await store.add_thread_item(first.after, a_message(), alice)
    else:
        await store.delete_thread(first.after, alice)
    rest = await store.load_threads(10, first.after, order, alice)

    unchanged = ["t2", "t3", "t4", "t5"] if order == "asc" else ["t3", "t2", "t1", "t0"]
    assert [thread.id for thread in rest.data if thread.id != first.after] == unchanged


async def test_what_did_not_change_is_never_skipped_or_repeated_while_others_move(
    store: NeonStore, alice: RequestContext
) -> None:
    chance = random.Random(20261122)  # noqa: S311
    for number in range(40):
        await store.save_thread(a_thread(f"t{number}"), alice)

    for _round in range(6):
        alive = await listed(store, alice)
        still = set(alive)
        seen: list[str] = []
        after = None
        while True:
            page = await store.load_threads(chance.choice([1, 3, 5]), after, "desc", alice)
            seen += [thread.id for thread in page.data]
            after = page.after
            if not page.has_more:
                break
            moved = chance.choice([after, *alive])
            if moved in await listed(store, alice):
                still.discard(moved)
                if chance.random() < 0.2:
                    await store.delete_thread(str(moved), alice)
                else:
                    await store.add_thread_item(str(moved), a_message(), alice)
        assert sorted(thread_id for thread_id in seen if thread_id in still) == sorted(still)


async def test_a_cursor_that_never_was_is_refused_like_a_foreign_one(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)

    for cursor in ("thr_1", "nowhere", "\0", "x" * 100_000):
        with pytest.raises(UnknownCursor):
            await store.load_threads(5, cursor, "desc", mallory)


async def test_limits_of_thread_pages_are_clamped(store: NeonStore, alice: RequestContext) -> None:
    for number in range(101):
        await store.save_thread(a_thread(f"t{number}"), alice)

    for limit, shown in ((-1, 1), (0, 1), (7, 7), (10**9, 100)):
        page = await store.load_threads(limit, None, "desc", alice)
        assert len(page.data) == shown
        assert page.after == page.data[-1].id


async def test_deleting_a_thread_deletes_everything_in_it(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.save_thread(a_thread(), alice)
    for item_id in ("m1", "m2"):
        await store.add_thread_item("thr_1", a_message(item_id), alice)
    await store.delete_thread_item("thr_1", "m2", alice)
    file = FileAttachment(id="atc_1", name="a.txt", mime_type="text/plain", thread_id="thr_1")
    await store.save_attachment(file, alice)

    await store.delete_thread("thr_1", alice)
    await store.delete_thread("thr_1", alice)

    with store.database.connection() as conn:
        for table in ("thread", "thread_item", "deleted_item", "attachment"):
            row = conn.execute(f"SELECT count(*) FROM chatkit_{table}").fetchone()  # noqa: S608
            assert row == (0,), table


async def test_a_new_thread_is_stored_with_its_first_item_or_not_at_all(
    store: NeonStore, alice: RequestContext
) -> None:
    await store.start_thread(a_thread(title="First words"), a_message("m1", "first"), alice)
    await store.start_thread(a_thread(title="Again"), a_message("m2", "again"), alice)

    page = await store.load_thread_items("thr_1", None, 10, "asc", alice)
    assert [item.id for item in page.data] == ["m1"]
    assert (await store.load_thread("thr_1", alice)).title == "First words"


async def test_a_model_may_improve_a_title_made_from_the_message_once(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.start_thread(a_thread(title="first words"), a_message(), alice)

    assert not await store.improve_title("thr_1", "Mallory's", mallory)
    assert await store.improve_title("thr_1", "A better one", alice)
    assert not await store.improve_title("thr_1", "A third one", alice)

    assert (await store.load_thread("thr_1", alice)).title == "A better one"


async def test_no_title_ever_replaces_the_name_that_the_user_gave(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    await store.start_thread(a_thread(title="first words"), a_message(), alice)
    await store.save_thread(a_thread("thr_2", title="By save_thread"), alice)

    assert (await store.rename_thread("thr_1", "My own", alice)).title == "My own"
    with pytest.raises(ThreadNotFound):
        await store.rename_thread("thr_1", "His", mallory)

    for thread_id in ("thr_1", "thr_2"):
        assert not await store.improve_title(thread_id, "From the model", alice)


def test_ids_carry_a_prefix_and_more_than_96_random_bits(
    store: NeonStore, alice: RequestContext
) -> None:
    thread = a_thread()
    made = [store.generate_item_id(kind, thread, alice) for kind in PREFIXES for _ in range(2000)]

    assert len(set(made)) == len(made)
    assert {item_id.split("_")[0] for item_id in made} == set(PREFIXES.values())
    assert all(re.fullmatch(r"[a-z]+_[0-9a-f]{12}[0-9a-f]{26}", item_id) for item_id in made)
    assert store.generate_thread_id(alice).startswith("thr_")


async def test_attachments_come_back_equal_and_to_their_owner_only(
    store: NeonStore, alice: RequestContext, mallory: RequestContext
) -> None:
    file = FileAttachment(
        id="atc_1", name="résumé.pdf", mime_type="application/pdf", metadata={"pages": 3}
    )
    image = ImageAttachment(
        id="atc_2", name="i.png", mime_type="image/png", preview_url=AnyUrl("https://a.example/i")
    )
    for attachment in (file, image, file):
        await store.save_attachment(attachment, alice)

    assert await store.load_attachment("atc_1", alice) == file
    assert await store.load_attachment("atc_2", alice) == image
    await store.delete_attachment("atc_1", mallory)
    for attachment_id in ("atc_1", "atc_missing"):
        with pytest.raises(NotFoundError, match=f"^Attachment {attachment_id} not found$"):
            await store.load_attachment(attachment_id, mallory)

    await store.delete_attachment("atc_1", alice)
    await store.delete_attachment("atc_1", alice)
    with pytest.raises(NotFoundError):
        await store.load_attachment("atc_1", alice)


async def test_deleting_the_auth_servers_user_deletes_all_that_they_said(
    store: NeonStore,
    dsn: str,
    by_hand: Connection,
    alice: RequestContext,
    mallory: RequestContext,
) -> None:
    by_hand.execute('CREATE TABLE "user" (id text PRIMARY KEY, name text)')
    by_hand.execute("INSERT INTO \"user\" VALUES ('user_alice', 'Alice')")
    migrate(dsn)
    await store.save_thread(a_thread(), alice)
    await store.add_thread_item("thr_1", a_message(), alice)

    with pytest.raises(AccountGone):
        await store.save_thread(a_thread(), mallory)
    by_hand.execute('DELETE FROM "user"')

    assert await listed(store, alice) == []
