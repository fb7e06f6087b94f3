"""ChatKit's Store on PostgreSQL: an asynchronous face over the synchronous table functions."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from chatkit.store import Store, StoreItemType
from chatkit.types import Attachment, FeedbackKind, Page, ThreadItem, ThreadMetadata

from chat.connection import Connection
from chat.context import RequestContext
from chat.db import POOL_TIMEOUT, Database
from chat.errors import DatabaseBusy, DatabaseUnavailable
from chat.tables import attachments, deletions, item_pages, items, thread_pages, threads

P = ParamSpec("P")
R = TypeVar("R")

PREFIXES: Final[dict[StoreItemType, str]] = {
    "thread": "thr",
    "message": "msg",
    "tool_call": "tc",
    "workflow": "wf",
    "task": "tsk",
    "attachment": "atc",
    "sdk_hidden_context": "shcx",
}


PAUSE_SECONDS: Final = 0.5
"""Between two tries, while a turn waits for the database to come back."""

THREADS_EACH: Final = 4
"""Threads for each connection. Whoever waits in the pool is refused in time; with a thread for each
connection the waiting happened before it, where nothing ended it."""

_patience: ContextVar[float] = ContextVar("patience", default=0.0)


@contextlib.contextmanager
def patiently(seconds: float) -> Iterator[None]:
    """Let the store, in this task, wait up to `seconds` for a database that is away.

    For a running turn, whose answer would be lost otherwise; whoever waits for a page is told at
    once instead.
    """
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def new_id(kind: StoreItemType) -> str:
    """Return ChatKit's prefix, 48 bits of time and 104 random bits, in hexadecimal.

    The time in front keeps new rows together in the indexes. ChatKit's own 32 random bits have
    even odds of a collision at 77 000 items.
    """
    return f"{PREFIXES[kind]}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(13)}"


class NeonStore(Store[RequestContext]):
    """Keeps every thread in PostgreSQL, for its owner alone.

    Raises what the table functions raise, all of it `chat.errors.ChatError`: the not-found errors
    are ChatKit's `NotFoundError` too. Every method is safe to repeat. A write that has begun is
    finished even when its task is cancelled.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._executor = ThreadPoolExecutor(
            THREADS_EACH * database.pool_size, thread_name_prefix="store"
        )

    def generate_thread_id(self, context: RequestContext) -> str:  # noqa: ARG002
        """Return a new thread id, unique at any scale."""
        return new_id("thread")

    def generate_item_id(
        self,
        item_type: StoreItemType,
        thread: ThreadMetadata,  # noqa: ARG002
        context: RequestContext,  # noqa: ARG002
    ) -> str:
        """Return a new item id, unique at any scale."""
        return new_id(item_type)

    async def load_thread(self, thread_id: str, context: RequestContext) -> ThreadMetadata:
        """Return the user's thread; raise ThreadNotFound if it is not theirs."""
        return await self.run(threads.load, user_id=context.user_id, thread_id=thread_id)

    async def save_thread(self, thread: ThreadMetadata, context: RequestContext) -> None:
        """Insert or replace the user's thread; a changed title counts as given by the user."""
        await self.run(threads.save, user_id=context.user_id, thread=thread)

    async def start_thread(
        self, thread: ThreadMetadata, first_item: ThreadItem, context: RequestContext
    ) -> None:
        """Insert a new thread and its first item in one statement: both are kept, or neither."""
        await self.run(threads.start, user_id=context.user_id, thread=thread, first_item=first_item)

    async def rename_thread(
        self, thread_id: str, title: str, context: RequestContext
    ) -> ThreadMetadata:
        """Give the thread its owner's name for it; raise ThreadNotFound if it is not theirs."""
        return await self.run(
            threads.rename, user_id=context.user_id, thread_id=thread_id, title=title
        )

    async def improve_title(self, thread_id: str, title: str, context: RequestContext) -> bool:
        """Replace a title made from the first message, never one that the user gave."""
        return await self.run(
            threads.improve_title, user_id=context.user_id, thread_id=thread_id, title=title
        )

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: RequestContext
    ) -> Page[ThreadMetadata]:
        """Return a page of 1 to 100 threads by activity; raise UnknownCursor."""
        page = thread_pages.page_asc if order == "asc" else thread_pages.page_desc
        return await self.run(page, user_id=context.user_id, limit=limit, after=after)

    async def delete_thread(self, thread_id: str, context: RequestContext) -> None:
        """Delete the user's thread with everything in it, if it is there."""
        await self.run(deletions.delete, user_id=context.user_id, thread_id=thread_id)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: RequestContext
    ) -> Page[ThreadItem]:
        """Return a page of 1 to 100 items in the order said, empty if the thread is not theirs.

        Raises UnknownCursor if `after` never was in the thread; a deleted item's id goes on.
        """
        page = item_pages.page_asc if order == "asc" else item_pages.page_desc
        return await self.run(
            page, user_id=context.user_id, thread_id=thread_id, limit=limit, after=after
        )

    async def load_shown_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: RequestContext
    ) -> Page[ThreadItem]:
        """Return a page without what ChatKit never sends; otherwise as `load_thread_items`."""
        page = item_pages.page_asc if order == "asc" else item_pages.page_desc
        return await self.run(
            page,
            user_id=context.user_id,
            thread_id=thread_id,
            limit=limit,
            after=after,
            left_out=items.UNSENT,
        )

    async def add_thread_item(
        self, thread_id: str, item: ThreadItem, context: RequestContext
    ) -> None:
        """Append the item, or change nothing if its id is there; raise ThreadNotFound."""
        await self.run(items.add, user_id=context.user_id, thread_id=thread_id, item=item)

    async def save_item(self, thread_id: str, item: ThreadItem, context: RequestContext) -> None:
        """Replace the item where it is, or append it; raise ThreadNotFound."""
        await self.run(items.save, user_id=context.user_id, thread_id=thread_id, item=item)

    async def load_item(self, thread_id: str, item_id: str, context: RequestContext) -> ThreadItem:
        """Return the item; raise ItemNotFound if it is not in this thread of this user."""
        return await self.run(
            items.load, user_id=context.user_id, thread_id=thread_id, item_id=item_id
        )

    async def delete_thread_item(
        self, thread_id: str, item_id: str, context: RequestContext
    ) -> None:
        """Delete the item if it is there."""
        await self.run(
            items.delete, user_id=context.user_id, thread_id=thread_id, item_ids=[item_id]
        )

    async def ids_after(self, thread_id: str, item_id: str, context: RequestContext) -> list[str]:
        """Return the ids of what was said after the item, in order."""
        return await self.run(
            items.ids_after, user_id=context.user_id, thread_id=thread_id, item_id=item_id
        )

    async def replace_answer(
        self,
        thread_id: str,
        old_ids: list[str],
        new_items: list[ThreadItem],
        context: RequestContext,
    ) -> None:
        """Put a new answer in the place of an old one, in one transaction."""
        await self.run(
            items.replace_answer,
            user_id=context.user_id,
            thread_id=thread_id,
            old_ids=old_ids,
            new_items=new_items,
        )

    async def set_feedback(
        self, thread_id: str, item_ids: list[str], kind: FeedbackKind, context: RequestContext
    ) -> None:
        """Keep the user's thumbs; raise ItemNotFound if one of the items is not in the thread."""
        await self.run(
            items.set_feedback,
            user_id=context.user_id,
            thread_id=thread_id,
            item_ids=item_ids,
            kind=kind,
        )

    async def save_attachment(self, attachment: Attachment, context: RequestContext) -> None:
        """Insert or replace the user's attachment metadata."""
        await self.run(attachments.save, user_id=context.user_id, attachment=attachment)

    async def load_attachment(self, attachment_id: str, context: RequestContext) -> Attachment:
        """Return the attachment metadata; raise AttachmentNotFound if it is not theirs."""
        return await self.run(
            attachments.load, user_id=context.user_id, attachment_id=attachment_id
        )

    async def delete_attachment(self, attachment_id: str, context: RequestContext) -> None:
        """Delete the attachment metadata if it is there."""
        await self.run(attachments.delete, user_id=context.user_id, attachment_id=attachment_id)

    async def run(
        self,
        function: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a table function in a thread of ours; raises what it and `Database.run` raise.

        Inside `patiently`, a database that is away is waited for.
        """
        query = partial(self.database.run, function, *args, **kwargs)
        deadline = time.monotonic() + _patience.get()
        while True:
            try:
                return await self._in_thread(partial(_unless_late, time.monotonic(), query))
            except (DatabaseUnavailable, DatabaseBusy):
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    async def _in_thread(self, call: Callable[[], R]) -> R:
        """Call it to its end, even if the caller is cancelled.

        A cancelled turn stores what was written so far. If a write that is still under way could
        land after that, the two would race; so the cancellation waits for it.
        """
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, copy_context().run, call)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait([done])
            # Asked for, so that nobody complains about a failure that came too late to matter.
            done.exception()
            raise


def _unless_late(asked: float, query: Callable[[], R]) -> R:
    """Run it, unless it waited for a thread for longer than one may wait for a connection.

    While a database is away each thread is held for as long as that. Without this whoever asks then
    would wait for all who had asked before.
    """
    if time.monotonic() - asked > POOL_TIMEOUT:
        raise DatabaseBusy(f"no thread within {POOL_TIMEOUT} s")
    return query()
