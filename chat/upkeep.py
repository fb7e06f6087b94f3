"""What is done for nobody in particular: deleting for good what was deleted a while ago."""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import Context
from typing import Final

from chat.errors import ChatError
from chat.neon_store import NeonStore
from chat.stream import EventLoop, worker
from chat.tables import deletions

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks at most; sooner when something is due sooner."""
AWAKE_SECONDS: Final = 120.0
"""How long a worker that nobody uses goes on looking: then the database may fall asleep."""


class Upkeep:
    """Looks after the database while people use this process, from its start on.

    Any worker does it, so what one that died had promised is done by another, or by the next.
    """

    def __init__(self, store: NeonStore, loop: EventLoop) -> None:
        self._store = store
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._awake_until = 0.0
        worker.on_start(self.watch)

    def watch(self) -> None:
        """Begin to look, or go on for a while; from any thread, safe to repeat."""
        awake_until = time.monotonic() + AWAKE_SECONDS
        # Pages call this all the time; the loop need not hear of it more than once a second.
        if awake_until - self._awake_until > 1:
            self._loop.call(self._begin)

    def _begin(self) -> None:
        self._awake_until = time.monotonic() + AWAKE_SECONDS
        if self._task is None or self._task.done():
            # Not in the context of the request that happens to come first.
            self._task = asyncio.create_task(self._look_often(), context=Context())

    async def _look_often(self) -> None:
        while time.monotonic() < self._awake_until:
            pause = LOOK_SECONDS
            try:
                due = await self._store.run(deletions.purge)
                pause = LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(due, 0.1))
            except ChatError as exc:
                logger.warning("no upkeep code=%s", exc.code)
            except Exception as exc:
                logger.error("no upkeep: %s", type(exc).__name__, exc_info=exc)
            await asyncio.sleep(pause)
