"""Jobs that a worker repeats while people use it; then they rest, so the database may sleep."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final

AWAKE_SECONDS: Final = 120.0
"""How long a worker that nobody uses goes on."""

Job = Callable[[], Awaitable[float]]
"""Does something, and returns in how many seconds to do it again. It raises nothing."""


class BackgroundJobs:
    """Repeats each job in a task of its own until nobody has been here for a while.

    `busy` tells of work that keeps them awake, `rested` is called when the last of them comes to
    rest. Belongs to the event loop.
    """

    def __init__(
        self,
        *jobs: Job,
        busy: Callable[[], bool] = lambda: False,
        rested: Callable[[], None] = lambda: None,
    ) -> None:
        self._jobs = jobs
        self._busy = busy
        self._rested = rested
        self._tasks: dict[Job, asyncio.Task[None]] = {}
        self._awake_until = 0.0

    @property
    def awake(self) -> bool:
        """Whether the jobs are repeated."""
        return self._busy() or time.monotonic() < self._awake_until

    def wake(self) -> None:
        """Begin, or go on for a while; safe to repeat."""
        self._awake_until = time.monotonic() + AWAKE_SECONDS
        for job in self._jobs:
            task = self._tasks.get(job)
            # One may rest while the pause of another, at whose end it would rest too, still lasts.
            if task is None or task.done():
                # Not in the context of the request that happens to come first.
                self._tasks[job] = asyncio.create_task(self._repeat(job), context=Context())

    async def _repeat(self, job: Job) -> None:
        while self.awake:
            await asyncio.sleep(await job())
        if sum(not task.done() for task in self._tasks.values()) == 1:
            self._rested()
