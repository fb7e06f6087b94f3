"""I4: three people, a handful of ids that they share, every call of the store, and a model."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from chatkit.store import Store
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

import chat.tables
from chat.errors import (
    AttachmentNotFound,
    ItemNotFound,
    ThreadNotFound,
    TurnRunning,
    UnknownCursor,
)
from chat.neon_store import NeonStore
from chat.search_text import parse
from chat.tables import (
    deletions,
    exports,
    imports,
    item_marks,
    item_pages,
    page_contexts,
    search,
    thread_lists,
    thread_marks,
    threads,
    turn_ends,
    turn_logs,
    turns,
)
from chat.tables.items import HIDDEN, UNSENT
from chat.tables.turn_ends import Ending
from chat.tables.turns import NewTurn
from tests.fix_figures import Figures
from tests.fix_postgres import Databases
from tests.isolation.playing import play
from tests.isolation.store_machine import (
    ANYTHING,
    ITEMS,
    KINDS,
    PEOPLE,
    THREADS,
    WORDS,
    Ground,
    Person,
    Refusal,
    World,
    name_of,
    plain,
    row_of,
    rows_of,
)
from tests.isolation.store_model import Running, Told

SECONDS_TO_UNDO: Final = 8.0
WORKER: Final = "worker_of_the_test"
who = st.integers(0, PEOPLE - 1)
thread_ids = st.sampled_from(THREADS)
item_ids = st.sampled_from(ITEMS)
kinds = st.sampled_from(KINDS)
orders = st.sampled_from(["asc", "desc"])
deletion_ids = st.sampled_from(["del_1", "del_2"])


class StoreMachine(Ground):
    """A rule for each method of the store, and for each table function with an owner."""

    def __init__(self) -> None:
        super().__init__()
        self.set_aside_at = 0.0

    def someone(self, number: int, thread_id: str = "") -> tuple[Person, Told | None]:
        person = self.people[number]
        return person, person.owned.live(thread_id)

    @initialize()
    def begin(self) -> None:
        """Give everybody a thread of the same id, with an item of the same id in it."""
        for number in range(PEOPLE):
            self.save_thread(number, THREADS[0])
            self.add(number, THREADS[0], ITEMS[0], "user", "add_thread_item")
            self.rename(number, THREADS[0], "update")

    # Threads

    @rule(number=who, thread_id=thread_ids)
    def save_thread(self, number: int, thread_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        about = self.a_thread(person, thread_id, titled="c" not in thread_id)
        call = self.method("save_thread", person, about)
        if thread is None and thread_id in person.owned.threads:
            self.judge(person, call, Refusal(ThreadNotFound))
            return
        self.judge(person, call, None)
        source = "user" if about.title else "none"
        if thread is None:
            person.owned.new(about, source)
        else:
            thread.source = thread.source if about.title == thread.about.title else source
            thread.about = about

    @rule(number=who, thread_id=thread_ids, item_id=item_ids, page=st.booleans())
    def start(self, number: int, thread_id: str, item_id: str, page: bool) -> None:
        person = self.people[number]
        about = self.a_thread(person, thread_id)
        first = self.an_item(person, thread_id, item_id, "user")
        told = self.an_item(person, thread_id, f"page_{item_id}", "context")
        if page:
            call = self.table(page_contexts.add, person, thread=about, message=first, page=told)
        else:
            call = self.method("start_thread", person, about, first)
        self.judge(person, call, None)
        if thread_id not in person.owned.threads:
            thread = person.owned.new(about, "message")
            for item in [told, first] if page else [first]:
                # Stored in one statement, and the thread's moment is that of the thread.
                active = thread.active
                person.owned.add(thread, item)
                thread.active = active

    @rule(number=who, thread_id=thread_ids)
    def load_thread(self, number: int, thread_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        expected = thread.about if thread else Refusal(ThreadNotFound)
        self.ask(
            person,
            lambda name: self.method("load_thread", person, name),
            thread_id,
            expected,
            has=thread,
        )

    @rule(
        number=who,
        thread_id=thread_ids,
        method=st.sampled_from(["rename_thread", "improve_title", "update"]),
    )
    def rename(self, number: int, thread_id: str, method: str) -> None:
        person, thread = self.someone(number, thread_id)
        title = self.text(person)
        expected: Any = Refusal(ThreadNotFound)
        about = self.a_thread(person, thread_id)
        about.title = title
        if thread and method == "rename_thread":
            expected = thread.about.model_copy(update={"title": title})
        if method == "improve_title":
            expected = thread is not None and thread.source in {"none", "message"}
        if thread and method == "update":
            expected = None
        old = thread.about.title if thread else None

        def call(name: str) -> Any:
            if method == "update":
                renamed = about.model_copy(update={"id": name})
                return self.table(threads.update, person, thread=renamed, old_title=old)
            return self.method(method, person, name, title)

        self.ask(person, call, thread_id, expected, has=thread)
        if thread and method == "update":
            thread.about, thread.source = about, "model"
        elif thread and expected is not False:
            thread.about = thread.about.model_copy(update={"title": title})
            thread.source = "user" if method == "rename_thread" else "model"

    @rule(
        number=who,
        limit=st.integers(1, 4),
        after=st.none() | thread_ids,
        order=orders,
    )
    def load_threads(self, number: int, limit: int, after: str | None, order: str) -> None:
        person = self.people[number]
        owned = person.owned
        place = owned.place_of(after) if after else None
        listed = [thread for thread in owned.by_activity() if not thread.archived]
        if order == "asc":
            listed.reverse()
        if after and place is not None:
            sign = 1 if order == "asc" else -1
            # The cursor's own thread may have moved since; ids decide between equal moments.
            key = (place, after)
            listed = [
                thread
                for thread in listed
                if ((thread.active, thread.about.id) > key) == (sign == 1)
                and (thread.active, thread.about.id) != key
            ]
        if after and place is None:
            expected: Any = Refusal(UnknownCursor)
        else:
            shown, more = listed[:limit], len(listed) > limit
            last = shown[-1] if more else None
            expected = {
                "data": [thread.about for thread in shown],
                "has_more": more,
                "after": last.about.id if last else None,
            }
            if last:
                owned.cursors[last.about.id] = last.active

        def call(name: str) -> Any:
            return self.method("load_threads", person, limit, name if after else None, order)

        self.ask(person, call, after or "", expected, has=not after or place is not None)

    @rule(number=who, thread_id=thread_ids, rarely=st.integers(0, 3))
    def delete_thread(self, number: int, thread_id: str, rarely: int) -> None:
        person, thread = self.someone(number, thread_id)
        if thread and rarely:
            return
        self.ask(
            person,
            lambda name: self.method("delete_thread", person, name),
            thread_id,
            None,
            has=thread,
        )
        if thread:
            person.owned.drop(thread_id)

    @rule(number=who, thread_id=thread_ids)
    def mark_read(self, number: int, thread_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        self.ask(
            person,
            lambda name: self.table(threads.mark_read, person, thread_id=name),
            thread_id,
            None,
            has=thread,
        )
        if thread:
            thread.unread = False

    # Items

    @rule(
        number=who,
        thread_id=thread_ids,
        item_id=item_ids,
        kind=kinds,
        method=st.sampled_from(["add_thread_item", "save_item"]),
    )
    def add(self, number: int, thread_id: str, item_id: str, kind: str, method: str) -> None:
        person, thread = self.someone(number, thread_id)
        item = self.an_item(person, thread_id, item_id, kind)
        expected = None if thread else Refusal(ThreadNotFound)
        self.ask(
            person,
            lambda name: self.method(method, person, name, item),
            thread_id,
            expected,
            has=thread,
        )
        if thread and method == "save_item":
            person.owned.replace(thread, item)
        elif thread:
            person.owned.add(thread, item)

    @rule(number=who, thread_id=thread_ids, item_id=item_ids)
    def add_with_page(self, number: int, thread_id: str, item_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        message = self.an_item(person, thread_id, item_id, "user")
        page = self.an_item(person, thread_id, f"page_{item_id}", "context")
        known = thread and page.id in thread.items

        def call(name: str) -> Any:
            if known:
                return lambda: None
            said = message.model_copy(update={"thread_id": name})
            return self.table(page_contexts.add, person, thread=None, message=said, page=page)

        expected = None if thread else Refusal(ThreadNotFound)
        self.ask(person, call, thread_id, expected, has=thread)
        if thread and not known and item_id not in thread.items:
            # The text of each is new, so it is never told already.
            person.owned.add(thread, page)
            person.owned.add(thread, message)

    @rule(number=who, thread_id=thread_ids, item_id=item_ids)
    def load_item(self, number: int, thread_id: str, item_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        kept = thread.items.get(item_id) if thread else None
        expected = kept.item if kept else Refusal(ItemNotFound)

        def by_item(name: str) -> Any:
            return self.method("load_item", person, thread_id, name)

        def by_thread(name: str) -> Any:
            return self.method("load_item", person, name, item_id)

        self.ask(person, by_item, item_id, expected, has=kept)
        self.ask(person, by_thread, thread_id, expected, has=thread)

    @rule(
        number=who,
        thread_id=thread_ids,
        after=st.none() | item_ids,
        limit=st.integers(1, 5),
        order=orders,
        method=st.sampled_from(["load_thread_items", "load_shown_items"]),
    )
    def load_items(
        self, number: int, thread_id: str, after: str | None, limit: int, order: str, method: str
    ) -> None:
        person, thread = self.someone(number, thread_id)
        expected: Any = {"data": [], "has_more": False, "after": None}
        place = self.place_in(thread, after) if thread and after else None
        if thread and after and place is None:
            expected = Refusal(UnknownCursor)
        elif thread:
            kept = thread.in_order(UNSENT if method == "load_shown_items" else ())
            if place is not None and order == "asc":
                kept = [one for one in kept if one.position > place]
            elif place is not None:
                kept = [one for one in kept if one.position < place]
            kept = kept if order == "asc" else kept[::-1]
            more = len(kept) > limit
            expected = {
                "data": [one.item for one in kept[:limit]],
                "has_more": more,
                "after": kept[limit - 1].item.id if more else None,
            }

        def by_thread(name: str) -> Any:
            return self.method(method, person, name, after, limit, order)

        def by_cursor(name: str) -> Any:
            return self.method(method, person, thread_id, name, limit, order)

        self.ask(person, by_thread, thread_id, expected, has=thread)
        if after and thread:
            self.ask(person, by_cursor, after, expected, has=place is not None)

    def place_in(self, thread: Told, item_id: str) -> int | None:
        if item_id in thread.items:
            return thread.items[item_id].position
        return thread.gone.get(item_id)

    @rule(number=who, thread_id=thread_ids, item_id=item_ids)
    def delete_item(self, number: int, thread_id: str, item_id: str) -> None:
        person, thread = self.someone(number, thread_id)

        def by_thread(name: str) -> Any:
            return self.method("delete_thread_item", person, name, item_id)

        self.ask(person, by_thread, thread_id, None, has=thread)
        if thread:
            person.owned.drop_item(thread, item_id)

    @rule(number=who, thread_id=thread_ids, item_id=item_ids)
    def ids_after(self, number: int, thread_id: str, item_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        place = thread.items[item_id].position if thread and item_id in thread.items else None
        later = [] if thread is None or place is None else thread.in_order()
        expected = [one.item.id for one in later if one.position > (place or 0)]
        self.ask(
            person,
            lambda name: self.method("ids_after", person, thread_id, name),
            item_id,
            expected,
            has=place,
        )

    @rule(
        number=who,
        thread_id=thread_ids,
        old=st.lists(item_ids, max_size=2, unique=True),
        new=st.lists(item_ids, max_size=2, unique=True),
    )
    def replace_answer(self, number: int, thread_id: str, old: list[str], new: list[str]) -> None:
        person, thread = self.someone(number, thread_id)
        added = [self.an_item(person, thread_id, name, "assistant") for name in new]
        expected = Refusal(ThreadNotFound) if new and not thread else None
        self.ask(
            person,
            lambda name: self.method("replace_answer", person, name, old, added),
            thread_id,
            expected,
            has=thread,
        )
        if thread:
            for item in added:
                person.owned.add(thread, item)
            for item_id in old:
                person.owned.drop_item(thread, item_id)

    @rule(
        number=who,
        thread_id=thread_ids,
        wanted=st.lists(item_ids, min_size=1, max_size=2, unique=True),
        kind=st.sampled_from(["positive", "negative"]),
    )
    def feedback(self, number: int, thread_id: str, wanted: list[str], kind: str) -> None:
        person, thread = self.someone(number, thread_id)
        there = thread is not None and all(name in thread.items for name in wanted)
        self.ask(
            person,
            lambda name: self.method("set_feedback", person, name, wanted, kind),
            thread_id,
            None if there else Refusal(ItemNotFound),
            has=thread,
        )
        if thread and there:
            for name in wanted:
                thread.items[name].feedback = kind

    @rule(number=who, thread_id=thread_ids)
    def marks(self, number: int, thread_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        kept = thread.items.values() if thread else ()
        expected = {one.item.id: {"outcome": one.outcome, "feedback": one.feedback} for one in kept}

        def marked(name: str) -> Callable[[], Any]:
            call = self.table(item_marks.of, person, thread_id=name, item_ids=ids)
            return lambda: {
                item_id: {"outcome": one.outcome, "feedback": one.feedback}
                for item_id, one in call().items()
            }

        ids = [*ITEMS, *(one.item.id for one in kept)]
        self.ask(
            person,
            marked,
            thread_id,
            expected,
            has=thread,
        )

    @rule(number=who, thread_id=thread_ids, item_id=item_ids)
    def around(self, number: int, thread_id: str, item_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        shown = [one.item for one in thread.in_order(HIDDEN)] if thread else []
        there = any(item.id == item_id for item in shown)

        def call(name: str) -> Any:
            return self.table(
                item_pages.around, person, thread_id=thread_id, item_id=name, limit=100
            )

        found = self.ask(person, call, item_id, ANYTHING if there else None, has=there)
        if there:
            assert found["items"] == plain(shown)

    # Attachments

    @rule(number=who, name=st.sampled_from(["atc_1", "atc_2"]), thread_id=thread_ids)
    def save_attachment(self, number: int, name: str, thread_id: str) -> None:
        person = self.people[number]
        attachment = self.an_attachment(person, name, thread_id)
        self.judge(person, self.method("save_attachment", person, attachment), None)
        tied = thread_id if thread_id in person.owned.threads else None
        person.owned.attachments[name] = attachment, tied

    @rule(
        number=who,
        name=st.sampled_from(["atc_1", "atc_2"]),
        method=st.sampled_from(["load_attachment", "load_attachment", "delete_attachment"]),
    )
    def attachment(self, number: int, name: str, method: str) -> None:
        person = self.people[number]
        kept = person.owned.attachments.get(name)
        expected: Any = None
        if method == "load_attachment":
            expected = kept[0] if kept else Refusal(AttachmentNotFound)
        self.ask(person, lambda name: self.method(method, person, name), name, expected, has=kept)
        if method == "delete_attachment":
            person.owned.attachments.pop(name, None)

    @rule(number=who, thread_id=thread_ids)
    def new_ids(self, number: int, thread_id: str) -> None:
        person = self.people[number]
        about = self.a_thread(person, thread_id)
        made = [
            self.judge(person, self.method("generate_thread_id", person)),
            self.judge(person, self.method("generate_item_id", person, "message", about)),
        ]
        assert not any(self.world.footprints.owner_of(name) for name in made)

    # Lists, marks and deletions

    @rule(number=who, thread_id=thread_ids)
    def find(self, number: int, thread_id: str) -> None:
        person, thread = self.someone(number, thread_id)
        found = self.ask(
            person,
            lambda name: self.table(thread_lists.find, person, thread_id=name),
            thread_id,
            ANYTHING if thread else Refusal(ThreadNotFound),
            has=thread,
        )
        if thread:
            assert rows_of([found]) == [{**row_of(thread), "preview": None}]
            assert found["writing"] <= (person.owned.running_in(thread_id) is not None)

    @rule(number=who, shelf=st.sampled_from(["newest", "archived", "pinned"]))
    def listed(self, number: int, shelf: str) -> None:
        person = self.people[number]
        function: Any = getattr(thread_lists, shelf)
        more = {} if shelf == "pinned" else {"limit": 100, "after": None}
        found = self.judge(person, self.table(function, person, **more))
        expected = [
            row_of(thread) for thread in person.owned.by_activity() if shelf_of(thread) == shelf
        ]
        assert rows_of(found if shelf == "pinned" else found["rows"]) == expected

    @rule(number=who, thread_id=thread_ids, pinned=st.booleans())
    def pin(self, number: int, thread_id: str, pinned: bool) -> None:
        person, thread = self.someone(number, thread_id)
        function: Any = thread_marks.pin if pinned else thread_marks.unpin
        self.ask(
            person,
            lambda name: self.table(function, person, thread_id=name),
            thread_id,
            None if thread else Refusal(ThreadNotFound),
            has=thread,
        )
        if thread:
            thread.pinned = pinned
            thread.archived = thread.archived and not pinned

    @rule(number=who, wanted=st.lists(thread_ids, min_size=1, max_size=3), archived=st.booleans())
    def archive(self, number: int, wanted: list[str], archived: bool) -> None:
        person = self.people[number]
        function: Any = thread_marks.archive if archived else thread_marks.unarchive
        theirs = [person.owned.threads[name] for name in set(wanted) if person.owned.live(name)]
        self.ask(
            person,
            lambda name: self.table(function, person, thread_ids=[*wanted[1:], name]),
            wanted[0],
            len(theirs),
            has=person.owned.live(wanted[0]),
        )
        for thread in theirs:
            thread.archived = archived
            thread.pinned = thread.pinned and not archived

    @rule(number=who, wanted=st.lists(thread_ids, min_size=1, max_size=2), name=deletion_ids)
    def set_aside(self, number: int, wanted: list[str], name: str) -> None:
        person = self.people[number]
        known = [person.owned.threads[one] for one in set(wanted) if one in person.owned.threads]
        theirs = [thread for thread in known if thread.deletion in {None, name}]
        call = self.table(deletions.set_aside, person, thread_ids=wanted, deletion_id=name)
        self.judge(person, call, len(theirs))
        for thread in theirs:
            thread.deletion = name
        self.set_aside_at = time.monotonic()

    @rule(number=who, name=deletion_ids, rarely=st.integers(0, 3))
    def set_all_aside(self, number: int, name: str, rarely: int) -> None:
        person = self.people[number]
        if rarely:
            return
        for thread in person.owned.all_live():
            thread.deletion = name
        count = sum(thread.deletion == name for thread in person.owned.threads.values())
        self.judge(person, self.table(deletions.set_all_aside, person, deletion_id=name), count)
        self.set_aside_at = time.monotonic()

    @rule(number=who, name=deletion_ids)
    def restore(self, number: int, name: str) -> None:
        person = self.people[number]
        taken = [one for one in person.owned.threads.values() if one.deletion == name]
        self.judge(person, self.table(deletions.waiting, person, deletion_id=name), len(taken))
        late = time.monotonic() - self.set_aside_at > SECONDS_TO_UNDO
        if late and taken:
            return
        self.ask(
            person,
            lambda name: self.table(deletions.restore, person, deletion_id=name),
            name,
            len(taken),
            has=taken,
        )
        for thread in taken:
            thread.deletion = None

    # Search and export

    @rule(number=who, word=st.sampled_from(WORDS))
    def search(self, number: int, word: str) -> None:
        person = self.people[number]
        query = parse(f"{word} ").tsquery(person.id)
        found = self.judge(person, self.table(search.messages, person, query=query, limit=100))
        expected = [
            (thread.about.id, plain(kept.item)) for thread, kept in person.owned.with_word(word)
        ]
        assert [(one["thread_id"], one["item"]) for one in found] == expected
        titles = self.judge(person, self.table(search.titles, person, query=query))
        named = [thread for thread in person.owned.by_activity() if word in titled(thread)]
        named.sort(key=lambda thread: thread.archived)
        assert [one["thread_id"] for one in titles] == [thread.about.id for thread in named]

    @rule(number=who, other=who)
    def search_for_foreign(self, number: int, other: int) -> None:
        """Look for somebody's own word, and even with what makes it theirs in the index."""
        person, target = self.people[number], self.people[other]
        for owner in (person.id, target.id):
            query = parse(f"{target.word} ").tsquery(owner)
            found = self.judge(person, self.table(search.messages, person, query=query, limit=100))
            assert not found or other == number
            assert not self.judge(person, self.table(search.titles, person, query=query)) or (
                other == number
            )

    @rule(number=who, wanted=st.lists(thread_ids, min_size=1, max_size=3))
    def export(self, number: int, wanted: list[str]) -> None:
        person = self.people[number]
        live = sorted(thread.about.id for thread in person.owned.all_live())
        for call, ids in (
            (self.table(exports.threads, person, after=""), live),
            (
                self.table(exports.selected, person, after="", thread_ids=wanted),
                [name for name in live if name in wanted],
            ),
        ):
            found = self.judge(person, call)
            assert [row["id"] for row in found] == ids
        short = self.judge(person, self.table(exports.items_of_short, person, thread_ids=wanted))
        self.same_items(person, sorted(set(wanted)), short)
        one = self.ask(
            person,
            lambda name: self.table(exports.items, person, thread_id=name, after=0),
            wanted[0],
            has=person.owned.live(wanted[0]),
        )
        self.same_items(person, wanted[:1], one)

    def same_items(self, person: Person, thread_ids: list[str], page: Any) -> None:
        live = [person.owned.live(name) for name in thread_ids]
        expected = [
            (thread.about.id, kept.item.id, kept.position, kept.feedback, kept.outcome)
            for thread in live
            if thread
            for kept in thread.in_order()
        ]
        wanted = ("thread_id", "id", "position", "feedback", "outcome")
        assert [tuple(row[name] for name in wanted) for row in page["items"]] == expected

    @rule(number=who, thread_id=thread_ids)
    def bring_in(self, number: int, thread_id: str) -> None:
        """Import a thread under an id that others may have."""
        person = self.people[number]
        there = person.owned.live(thread_id)
        self.ask(
            person,
            lambda name: self.table(imports.is_there, person, thread_id=name),
            thread_id,
            there is not None,
            has=there,
        )
        about = self.a_thread(person, thread_id)
        item = self.an_item(person, thread_id, ITEMS[0], "user")
        call = self.table(import_one, person, about=about, item=item)
        known = thread_id in person.owned.threads
        self.judge(person, call, None if known else False)
        if not known:
            thread = person.owned.new(about, "user")
            active = thread.active
            person.owned.add(thread, item)
            thread.active = active

    # Turns

    @rule(number=who, thread_id=thread_ids, key=st.sampled_from([None, "key_1", "key_2"]))
    def begin_turn(self, number: int, thread_id: str, key: str | None) -> None:
        person, thread = self.someone(number, thread_id)
        owned = person.owned
        if owned.running_in(thread_id) or any(turn.key == key for turn in owned.turns.values()):
            key = None
        name = f"trn_{next(owned.begun)}"
        item_id = f"msg_{name}"
        expected: Any = None if thread else Refusal(ThreadNotFound)
        if thread and owned.running_in(thread_id):
            expected = Refusal(TurnRunning)
        message = self.an_item(person, thread_id, item_id, "user")

        def call(where: str) -> Any:
            new = NewTurn(name, where, WORKER, item_id, key, "hash")
            return self.table(turns.begin, person, turn=new, thread=None, message=message, most=100)

        self.ask(person, call, thread_id, expected, has=thread)
        if thread and expected is None:
            owned.add(thread, message)
            owned.turns[name] = Running(name, thread_id, item_id, key)

    @rule(number=who, turn=st.integers(1, 6), seq=st.integers(-1, 2))
    def find_turn(self, number: int, turn: int, seq: int) -> None:
        person, name = self.people[number], f"trn_{turn}"
        known = person.owned.turn(name)
        found = self.ask(
            person,
            lambda name: self.table(turns.find, person, turn_id=name),
            name,
            ANYTHING if known else None,
            has=known,
        )
        if known:
            assert (found["id"], found["thread_id"], found["state"]) == (
                known.id,
                known.thread_id,
                known.state,
            )
        log = self.ask(
            person,
            lambda name: self.table(turn_logs.events_after, person, turn_id=name, seq=seq),
            name,
            ANYTHING if known else None,
            has=known,
        )
        if known:
            events = [[number, text] for number, text in known.events if number > seq]
            assert log["checkpoints"] == events
        self.ask(
            person,
            lambda name: self.table(turn_ends.answered, person, turn_id=name),
            name,
            has=name in person.owned.turns,
        )

    @rule(number=who, key=st.sampled_from(["key_1", "key_2"]))
    def find_by_key(self, number: int, key: str) -> None:
        person = self.people[number]
        turns_here = person.owned.turns.values()
        known = next((turn for turn in turns_here if turn.key == key), None)
        known = person.owned.turn(known.id) if known else None
        found = self.ask(
            person,
            lambda key: self.table(turns.find_by_key, person, key=key),
            key,
            ANYTHING if known else None,
            has=known,
        )
        assert (found or {}).get("id") == (known.id if known else None)

    @rule(number=who, thread_id=thread_ids, stop=st.booleans())
    def running(self, number: int, thread_id: str, stop: bool) -> None:
        person, thread = self.someone(number, thread_id)
        known = person.owned.running_in(thread_id) if thread else None
        function: Any = turns.request_stop if stop else turns.find_running
        found = self.ask(
            person,
            lambda name: self.table(function, person, thread_id=name),
            thread_id,
            ANYTHING if known else None,
            has=known,
        )
        if known:
            assert (found if stop else found["id"]) == known.id
            known.stop = known.stop or stop

    @rule(number=who, turn=st.integers(1, 6), text=st.booleans())
    def checkpoint(self, number: int, turn: int, text: bool) -> None:
        """Let a worker store what the turn of one person streamed; the ids are those of others."""
        person, name = self.people[number], f"trn_{turn}"
        known = person.owned.turns.get(name)
        runs = known is not None and known.state == "running"
        seq = len(known.events) if known else 0
        words = self.text(person) if text else ""
        row = turn_logs.Checkpoint(person.id, name, seq, words)

        def call() -> Any:
            found = self.world.database.run(turn_logs.checkpoint, worker=WORKER, rows=[row])
            return [[owner, name, stop] for (owner, name), stop in found.items()]

        self.judge(person, call, [[person.id, name, known.stop]] if known and runs else [])
        if known and runs and words:
            known.events.append((seq, words))

    @rule(
        number=who,
        turn=st.integers(1, 6),
        state=st.sampled_from(["done", "failed", "stopped"]),
        unread=st.booleans(),
        settle=st.booleans(),
    )
    def end_turn(self, number: int, turn: int, state: Any, unread: bool, settle: bool) -> None:
        person, name = self.people[number], f"trn_{turn}"
        known = person.owned.turns.get(name)
        thread = person.owned.live(known.thread_id) if known else None
        where = known.thread_id if known else THREADS[0]
        message_id = known.message_id if known else ITEMS[0]
        # Ends once; what an ended one does again is the business of other tests.
        ends = known is not None and thread is not None and known.state == "running"
        if not ends and (thread is not None or known is not None):
            return

        def call(name: str) -> Any:
            ending = Ending(person.id, name, where, message_id, state, [], [], unread)
            run = self.world.database.run
            if settle:
                return lambda: run(turn_ends.settle, ending=ending, items_left=[])
            return lambda: run(turn_ends.end, worker=WORKER, ending=ending)

        # Its lease goes on, so that nobody settles it.
        self.ask(person, call, name, ends and not settle, has=known)
        if known and thread and ends and not settle:
            known.state = state
            thread.unread = thread.unread or unread
            if message_id in thread.items:
                thread.items[message_id].outcome = None if state == "done" else state


def import_one(conn: Any, *, user_id: str, about: Any, item: Any) -> bool | None:
    """Store a thread and one item of it, as an import does."""
    exported = exports.ExportedThread(
        id=about.id,
        title=about.title,
        title_source="user",
        status=about.status.type,
        created_at=moment(conn),
        last_message_at=moment(conn),
        pinned_at=None,
        archived_at=None,
        document=about.model_dump_json(exclude={"title"}),
    )
    row = exports.ExportedItem(
        about.id, 1, item.id, item.type, None, None, moment(conn), item.model_dump_json()
    )
    with conn.transaction():
        stored = imports.thread(conn, user_id=user_id, thread=exported)
        if stored is None:
            return None
        imports.items(conn, user_id=user_id, thread_id=about.id, items=[(row, item)])
        imports.finish(conn, user_id=user_id, thread_id=about.id, last_position=1)
    return stored


def moment(conn: Any) -> Any:
    return conn.execute("SELECT clock_timestamp()").fetchone()[0]


def shelf_of(thread: Told) -> str:
    if thread.archived:
        return "archived"
    return "pinned" if thread.pinned else "newest"


def titled(thread: Told) -> list[str]:
    return (thread.about.title or "").split()


@pytest.fixture
def world(databases: Databases, migrated: str) -> Iterator[World]:
    world = World(databases.create("store_machine", template=migrated))
    yield world
    world.close()
    databases.drop("store_machine")


def play_in(world: World, *, cases: int, steps: int) -> None:
    class Machine(StoreMachine):
        pass

    Machine.world = world
    play(Machine, cases=cases, steps=steps)


def tables_with_an_owner() -> set[str]:
    """Return every function of chat.tables that is called with somebody's id."""
    found = set()
    for info in pkgutil.iter_modules(chat.tables.__path__):
        module = importlib.import_module(f"chat.tables.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            if {"conn", "user_id"} <= set(inspect.signature(function).parameters):
                found.add(name_of(function))
    return found


def methods_of_the_store() -> set[str]:
    named = inspect.getmembers(NeonStore, inspect.isfunction)
    return {name for name, _ in named if not name.startswith("_")} - {"run"}


def check_and_tell(world: World, figures: Figures, *, steps: int) -> None:
    theirs = {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if name[0] != "_"}
    assert len(theirs) == 14
    unplayed = methods_of_the_store() | theirs
    unplayed -= set(world.methods)
    assert not unplayed, f"give these methods of the store a rule in StoreMachine: {unplayed}"
    inside = {"imports.thread", "imports.items", "imports.finish"}
    # Counting says nothing of anybody's threads; tests/store/test_limits.py counts for two people.
    inside |= {"limits.take", "limits.refusal"}
    unplayed = tables_with_an_owner() - set(world.database.functions) - inside
    assert not unplayed, f"give these table functions a rule in StoreMachine: {unplayed}"
    assert world.steps >= steps
    figures.tell(
        "I4 I1",
        "Three people who share ids meet nothing of the others through any method of the store"
        " or table function",
        {
            "calls": world.steps,
            "asked again with an id that nobody has": world.twins,
            "methods of the store": len(world.methods),
            "table functions": len(world.database.functions),
            "foreign words, foreign rows changed, different answers": 0,
        },
    )


def test_nobody_meets_anything_of_others_in_the_store(world: World, figures: Figures) -> None:
    play_in(world, cases=30, steps=50)

    check_and_tell(world, figures, steps=1_000)


@pytest.mark.soak
def test_nobody_meets_anything_of_others_in_the_store_for_long(
    world: World, figures: Figures
) -> None:
    play_in(world, cases=300, steps=80)

    check_and_tell(world, figures, steps=20_000)
