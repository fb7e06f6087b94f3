"""What is done for nobody in particular: deleting for good, and words for old messages."""

from __future__ import annotations

import logging
import time
from typing import Final

from chat.background import BackgroundJobs
from chat.errors import ChatError
from chat.neon_store import NeonStore
from chat.stream import EventLoop, worker
from chat.tables import deletions, search_words

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""Between two looks at most; sooner when something is due sooner."""
FILL_PAUSE_SECONDS: Final = 0.2
"""Between two batches of messages that get words: about as long as one takes."""
FILLED_SECONDS: Final = 600.0
"""Until it is asked again whether there are any: an older version may still be writing some."""


class Upkeep:
    """Looks after the database while people use this process, from its start on.

    Any worker does it, so what one that died had promised is done by another, or by the next.
    """

    def __init__(self, store: NeonStore, loop: EventLoop) -> None:
        self._store = store
        self._loop = loop
        self._jobs = BackgroundJobs(self._purge, self._fill)
        self._watched_at = 0.0
        self._fill_again_at = 0.0
        worker.on_start(self.watch)

    @property
    def awake(self) -> bool:
        """Whether it looks after the database now, or will in a moment."""
        return self._jobs.awake

    def watch(self) -> None:
        """Begin to look, or go on for a while; from any thread, safe to repeat."""
        now = time.monotonic()
        # Pages call this all the time; the loop need not hear of it more than once a second.
        if now - self._watched_at > 1:
            self._watched_at = now
            self._loop.call(self._jobs.wake)

    async def _purge(self) -> float:
        """Delete for good what is due; return in how many seconds to look again."""
        try:
            due = await self._store.run(deletions.purge)
        except Exception as exc:
            _log(exc)
            return LOOK_SECONDS
        return LOOK_SECONDS if due is None else min(LOOK_SECONDS, max(due, 0.1))

    async def _fill(self) -> float:
        """Give words to a batch of messages, if some have none; return when to look again."""
        if time.monotonic() < self._fill_again_at:
            return LOOK_SECONDS
        try:
            done = await self._store.run(search_words.fill_some)
        except Exception as exc:
            _log(exc)
            return LOOK_SECONDS
        if done is None:
            self._fill_again_at = time.monotonic() + FILLED_SECONDS
        return FILL_PAUSE_SECONDS if done else LOOK_SECONDS


def _log(exc: Exception) -> None:
    if isinstance(exc, ChatError):
        logger.warning("no upkeep code=%s", exc.code)
    else:
        logger.error("no upkeep: %s", type(exc).__name__, exc_info=exc)
