"""What a person must see of their conversations: the store, as simple as it can be said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from chatkit.types import ThreadItem, ThreadMetadata

from chat.search_text import preview_of, text_of
from chat.tables.items import HIDDEN


@dataclass
class Kept:
    """An item, where it is, and what is noted beside it."""

    item: ThreadItem
    position: int
    said: int
    feedback: str | None = None
    outcome: str | None = None

    @property
    def hidden(self) -> bool:
        return self.item.type in HIDDEN


@dataclass
class Told:
    """A thread as its owner knows it; `active` grows with whatever is said anywhere."""

    about: ThreadMetadata
    source: str
    active: int
    items: dict[str, Kept] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    last: int = 0
    pinned: bool = False
    archived: bool = False
    unread: bool = False
    deletion: str | None = None

    def in_order(self, without: Collection[str] = ()) -> list[Kept]:
        kept = sorted(self.items.values(), key=lambda one: one.position)
        return [one for one in kept if one.item.type not in without]

    def preview(self) -> str | None:
        shown = [preview_of(one.item) for one in self.in_order()]
        return next((words for words in reversed(shown) if words is not None), None)


@dataclass
class Running:
    """A turn: where it is, whether it still runs, and under which key it was begun."""

    id: str
    thread_id: str
    message_id: str
    key: str | None
    state: str = "running"
    stop: bool = False
    events: list[tuple[int, str]] = field(default_factory=list)


class Owned:
    """All that one person has."""

    def __init__(self) -> None:
        self.threads: dict[str, Told] = {}
        self.attachments: dict[str, tuple[Any, str | None]] = {}
        self.cursors: dict[str, int] = {}
        self.turns: dict[str, Running] = {}
        self._clock = count(1)
        self.begun = count(1)

    def live(self, thread_id: str) -> Told | None:
        """Return the thread, if it is there and not deleted."""
        thread = self.threads.get(thread_id)
        return thread if thread is not None and thread.deletion is None else None

    def all_live(self) -> list[Told]:
        return [thread for thread in self.threads.values() if thread.deletion is None]

    def by_activity(self) -> list[Told]:
        """Return what is not deleted, newest activity first."""
        return sorted(self.all_live(), key=lambda thread: -thread.active)

    def new(self, about: ThreadMetadata, source: str) -> Told:
        thread = self.threads[about.id] = Told(about, source, next(self._clock))
        return thread

    def add(self, thread: Told, item: ThreadItem) -> None:
        """Append an item, unless one of its id is there."""
        if item.id in thread.items:
            return
        thread.gone.pop(item.id, None)
        thread.last += 1
        now = next(self._clock)
        thread.items[item.id] = Kept(item, thread.last, now)
        if item.type not in HIDDEN:
            thread.active = now
        if item.type == "user_message":
            thread.archived = False

    def replace(self, thread: Told, item: ThreadItem) -> None:
        if item.id in thread.items:
            thread.items[item.id].item = item
            thread.items[item.id].outcome = None
        else:
            self.add(thread, item)

    def drop_item(self, thread: Told, item_id: str) -> None:
        kept = thread.items.pop(item_id, None)
        if kept is not None:
            thread.gone[item_id] = kept.position

    def drop(self, thread_id: str) -> None:
        """Delete a thread for good, with all that hangs on it."""
        del self.threads[thread_id]
        self.attachments = {
            name: kept for name, kept in self.attachments.items() if kept[1] != thread_id
        }
        self.turns = {
            name: turn for name, turn in self.turns.items() if turn.thread_id != thread_id
        }

    def place_of(self, thread_id: str) -> int | None:
        """Return where a cursor stands among the activities; None if it never was one."""
        if thread_id in self.cursors:
            return self.cursors[thread_id]
        thread = self.threads.get(thread_id)
        return None if thread is None else thread.active

    def running_in(self, thread_id: str) -> Running | None:
        turns = self.turns.values()
        found = (turn for turn in turns if turn.thread_id == thread_id)
        return next((turn for turn in found if turn.state == "running"), None)

    def turn(self, turn_id: str) -> Running | None:
        """Return the turn, if its thread is there and not deleted."""
        turn = self.turns.get(turn_id)
        return turn if turn is not None and self.live(turn.thread_id) else None

    def with_word(self, word: str) -> list[tuple[Told, Kept]]:
        """Return the messages that have a word, newest first."""
        found = [
            (thread, kept)
            for thread in self.all_live()
            for kept in thread.items.values()
            if word in (text_of(kept.item) or "").split()
        ]
        return sorted(found, key=lambda pair: -pair[1].said)
