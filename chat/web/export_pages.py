"""The conversations of an export, read page by page while somebody takes them.

No connection is held between two pages, and what is in memory is one page of threads and one of
items, however much there is.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from itertools import chain

from chat.db import Database
from chat.errors import Overloaded
from chat.stream import worker
from chat.tables import exports
from chat.tables.exports import ITEMS_AT_ONCE, ExportedItem, ExportedThread

Conversations = Iterator[tuple[ExportedThread, Iterator[ExportedItem]]]


class Pages:
    """Reads a user's conversations in the order of their ids: those of `ids`, or all of them.

    What is added meanwhile may be left out, and what is deleted meanwhile is. `gone` says whether
    whoever reads has left.
    """

    def __init__(
        self,
        database: Database,
        user_id: str,
        ids: list[str] | None,
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._user_id = user_id
        self._ids = ids
        self._gone = gone

    def conversations(self) -> Conversations:
        """Yield each thread with its items, which are to be read before the next thread is.

        Raises Overloaded when the worker is about to stop, BrokenPipeError when the reader has
        left, and what the database raises: nothing else ends the conversations early.
        """
        after = ""
        while threads := self._threads(after):
            after = threads[-1].id
            for group in _groups(threads):
                yield from self._together(group)

    def _threads(self, after: str) -> list[ExportedThread]:
        self._check()
        run, user_id = self._database.run, self._user_id
        if self._ids is None:
            return run(exports.threads, user_id=user_id, after=after)
        return run(exports.selected, user_id=user_id, after=after, thread_ids=self._ids)

    def _together(self, threads: list[ExportedThread]) -> Conversations:
        """Yield threads whose items fit into one page; or one thread, however long."""
        first = threads[0]
        if len(threads) == 1:
            yield first, self._items(first.id, 0)
            return
        self._check()
        ids = [thread.id for thread in threads]
        page = self._database.run(exports.items_of_short, user_id=self._user_id, thread_ids=ids)
        found: dict[str, list[ExportedItem]] = {each: [] for each in ids}
        for item in page.items:
            found[item.thread_id].append(item)
        # The last one in a page that was cut goes on, and those after it are not in it at all.
        whole = ids.index(page.items[-1].thread_id) if page.cut else len(ids)
        for number, thread in enumerate(threads):
            items = found.pop(thread.id)
            if number < whole:
                yield thread, iter(items)
            else:
                after = items[-1].position if items else 0
                yield thread, chain(items, self._items(thread.id, after))

    def _items(self, thread_id: str, after: int) -> Iterator[ExportedItem]:
        cut, limit = True, ITEMS_AT_ONCE
        while cut:
            self._check()
            page = self._database.run(
                exports.items, user_id=self._user_id, thread_id=thread_id, after=after, limit=limit
            )
            cut, limit = page.cut, page.next_limit
            if page.items:
                after = page.items[-1].position
            yield from page.items

    def _check(self) -> None:
        if worker.stopping():
            raise Overloaded("the worker is stopping")
        if self._gone():
            raise BrokenPipeError(errno.EPIPE, "the reader has left")


def _groups(threads: list[ExportedThread]) -> Iterator[list[ExportedThread]]:
    """Yield the threads in their order, as many together as have a page of items."""
    group: list[ExportedThread] = []
    size = 0
    for thread in threads:
        if group and size + thread.last_position > ITEMS_AT_ONCE:
            yield group
            group, size = [], 0
        group.append(thread)
        size += thread.last_position
    yield group
