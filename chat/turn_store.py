"""The store as a running turn needs it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

from chatkit.errors import CustomStreamError
from chatkit.types import ThreadItem, ThreadMetadata

from chat.connection import Connection
from chat.context import RequestContext
from chat.errors import AnswerInterrupted, ChatError, Unavailable
from chat.neon_store import NeonStore
from chat.running_turn import Turn, current
from chat.tables import threads, turn_logs
from chat.tables.turns import LEASE_SECONDS

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LEASE_TRUSTED_SECONDS: Final = LEASE_SECONDS / 2
"""How long a turn is certainly ours after the database has said so; a write takes less than the
rest of the lease."""


class TurnStore(NeonStore):
    """A NeonStore as a running turn needs it; outside a turn it is a NeonStore.

    The SDK stores the copy of the thread that a turn began with. Here a name given meanwhile stays,
    and a deleted thread does not come back. A turn that another worker may have settled reads and
    stores nothing before it has made sure. What goes wrong has a sentence for the person.
    """

    async def run(
        self,
        function: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a table function; inside a turn, raise our errors as the SDK's."""
        turn = current.get()
        if turn is None:
            return await super().run(function, *args, **kwargs)
        try:
            return await super().run(partial(_if_ours, turn, function), *args, **kwargs)
        except ChatError as exc:
            if isinstance(exc, AnswerInterrupted):
                turn.lose()
                # Here the cancellation arrives, as it does when a checkpoint finds this out.
                await asyncio.sleep(0)
            elif isinstance(exc, Unavailable):
                turn.unstored = True
            logger.warning("turn cannot be stored code=%s: %s", exc.code, exc)
            raise CustomStreamError(exc.public, allow_retry=exc.allow_retry) from exc

    async def save_thread(self, thread: ThreadMetadata, context: RequestContext) -> None:
        """Store what the turn changed; outside a turn, insert or replace as the SDK means it."""
        turn = current.get()
        if turn is None:
            await super().save_thread(thread, context)
            return
        await self.run(threads.update, user_id=context.user_id, thread=thread, old_title=turn.title)
        turn.title = thread.title

    async def add_thread_item(
        self, thread_id: str, item: ThreadItem, context: RequestContext
    ) -> None:
        """Append the item; a turn keeps one that cannot be stored now until its end is."""
        await self.add_rest(thread_id, [item], context)

    async def add_rest(
        self, thread_id: str, items: Sequence[ThreadItem], context: RequestContext
    ) -> None:
        """Append what is left of an answer; with one that cannot be stored now, all others wait."""
        for at, item in enumerate(items):
            try:
                await super().add_thread_item(thread_id, item, context)
            except CustomStreamError:
                turn = current.get()
                if turn is not None and turn.unstored:
                    turn.unstored_items += items[at:]
                raise

    async def replace_answer(
        self,
        thread_id: str,
        old_ids: list[str],
        new_items: list[ThreadItem],
        context: RequestContext,
    ) -> None:
        """Put a new answer in the place of an old one, in one transaction."""
        await super().replace_answer(thread_id, old_ids, new_items, context)
        turn = current.get()
        if turn is not None:
            turn.removed.update(old_ids)

    async def delete_thread_item(
        self, thread_id: str, item_id: str, context: RequestContext
    ) -> None:
        """Delete the item if it is there, unless this turn has replaced it already."""
        turn = current.get()
        if turn is None or item_id not in turn.removed:
            await super().delete_thread_item(thread_id, item_id, context)


def _if_ours(
    turn: Turn,
    function: Callable[Concatenate[Connection, P], R],
    conn: Connection,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run a table function, unless the turn was settled while its worker was cut off.

    Its thread may have gone on then. To ask is to renew the lease, so the answer stays true.
    """
    asked = time.monotonic()
    if not turn.over and asked - turn.lease_known_at > LEASE_TRUSTED_SECONDS:
        rows = [turn.sign_of_life()]
        if turn.key not in turn_logs.checkpoint(conn, worker=turn.new.worker, rows=rows):
            raise AnswerInterrupted("settled elsewhere, or deleted with its thread")
        turn.lease_known_at = max(turn.lease_known_at, asked)
    return function(conn, *args, **kwargs)
