"""Ids of streamed items: always ours, whatever the provider calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from agents.models.fake_id import FAKE_RESPONSES_ID
from chatkit.agents import AgentContext
from chatkit.store import Store, StoreItemType
from chatkit.types import ThreadItem, ThreadMetadata

from chat.context import RequestContext

_KINDS: Final[dict[str, StoreItemType]] = {
    "client_tool_call": "tool_call",
    "task": "task",
    "workflow": "workflow",
    "sdk_hidden_context": "sdk_hidden_context",
}


class WatchedStore:
    """The store that tools see: it remembers the ids that it gave out during this answer."""

    def __init__(self, store: Store[RequestContext]) -> None:
        self._store = store
        self.given: set[str] = set()

    def generate_item_id(
        self, item_type: StoreItemType, thread: ThreadMetadata, context: RequestContext
    ) -> str:
        """Return a new id of the store."""
        item_id = self._store.generate_item_id(item_type, thread, context)
        self.given.add(item_id)
        return item_id

    def __getattr__(self, name: str) -> Any:
        """Return what the store itself has of that name."""
        return getattr(self._store, name)


class ItemIds:
    """Gives each streamed item one id of ours, and keeps what the provider called it.

    Providers repeat ids, within an answer and across all of them, and an id that comes again would
    overwrite the earlier item. So whatever is added, or done without having been added, is a new
    item. Ids that the store gave out, and those of items that were stored before, are ours already
    and stay.
    """

    def __init__(
        self,
        store: WatchedStore,
        context: AgentContext[RequestContext],
        *,
        stored: Iterable[str],
    ) -> None:
        self._store = store
        self._context = context
        self._stored = frozenset(stored)
        self._open: dict[str, str] = {}
        self._all: defaultdict[str, list[str]] = defaultdict(list)

    def added(self, item: ThreadItem) -> str:
        """Return the id of an item that begins now."""
        if self._is_ours(item.id):
            return item.id
        self._open[item.id] = self._new(item)
        return self._open[item.id]

    def done(self, item: ThreadItem) -> str:
        """Return the id of an item that is finished; the provider may use its own again."""
        if self._is_ours(item.id):
            return item.id
        return self._open.pop(item.id, None) or self._new(item)

    def changed(self, item_id: str) -> str:
        """Return the id of an item that goes on: the latest one of that name."""
        ours = self._all.get(item_id)
        return ours[-1] if ours else item_id

    def replaced(self, item: ThreadItem) -> str:
        """Return the id of an item that is exchanged: it may be from an earlier turn."""
        if item.id == FAKE_RESPONSES_ID and item.id not in self._all:
            return self._new(item)
        return self.changed(item.id)

    def removed(self, item_id: str) -> list[str]:
        """Return the ids of every item of that name, none if it names nothing."""
        if item_id == FAKE_RESPONSES_ID or item_id in self._all:
            return self._all.pop(item_id, [])
        return [item_id]

    def _is_ours(self, item_id: str) -> bool:
        return item_id in self._store.given or item_id in self._stored

    def _new(self, item: ThreadItem) -> str:
        kind = _KINDS.get(item.type, "message")
        turn = self._context
        new_id = self._store.generate_item_id(kind, turn.thread, turn.request_context)
        self._all[item.id].append(new_id)
        return new_id
