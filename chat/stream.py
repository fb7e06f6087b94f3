"""What streams need of their process: its event loop, its web server, and who still reads."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import select
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")

SAVE_SECONDS: Final = 10.0
"""How long cancelled tasks may take to store what they have to."""

SPARE_THREADS: Final = 50
"""Threads that no stream may take, so that pages and health checks are always answered.

More than the calls to a frozen auth server that may be waited for: see `chat.better_auth`.
"""


class EventLoop:
    """One asyncio loop in a thread of its own, started on first use; one for each process.

    One loop for all streams rather than one each: 500 streams took 59 % of a core instead of 151 %
    and one descriptor instead of four (measured). Use it after a fork, never across one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start the coroutine on the loop and return its future; cancelling that cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine on the loop and return its result, or raise what it raises."""
        return self.submit(work).result()

    def call(self, function: Callable[[], object]) -> None:
        """Call the function on the loop, soon, and do not wait for it."""
        self._started().call_soon_threadsafe(function)

    def stop(self) -> None:
        """End the loop and its thread; what still runs on it is cancelled first."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result(SAVE_SECONDS)
            loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run_until_stopped, args=[self._loop], name="events", daemon=True
                ).start()
            return self._loop


def reader_left(sock: Any) -> Callable[[], bool]:
    """Return a question that is answered True once the peer of this socket has closed it."""
    poller = select.poll()
    hung_up = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
    poller.register(sock, hung_up)
    return lambda: any(happened & hung_up for _, happened in poller.poll(0))


class Worker:
    """The web server's worker process, as its streams need to know it.

    `watch` is called by the server's start-up hook; without it the worker never stops.
    """

    def __init__(self) -> None:
        self._alive: Callable[[], bool] = lambda: True
        self._seconds = 0.0
        self._since: float | None = None
        self._here = threading.local()
        self._starts: list[Callable[[], None]] = []
        self._drains: list[Callable[[float], None]] = []
        self.streams = sys.maxsize
        """How many streams may be open at a time."""
        self.open_streams = 0

    def watch(self, alive: Callable[[], bool], *, seconds: float, threads: int) -> None:
        """Give running turns `seconds` from the moment on at which `alive` answers False.

        `threads` is the number of requests that the process can answer at once.
        """
        self._alive, self._seconds, self._since = alive, seconds, None
        self.streams = max(1, threads - SPARE_THREADS)
        for start in self._starts:
            start()

    def crowded(self) -> float:
        """Return 0 while half of the places for streams are free, and up to 1 where none is."""
        return max(0.0, 2 * self.open_streams / self.streams - 1)

    def told_to_stop(self) -> bool:
        """Return whether the process takes no new work."""
        return not self._alive()

    def stopping(self) -> bool:
        """Return whether the turns' time is up because the process was told to stop."""
        if self._alive():
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= self._seconds

    def on_start(self, start: Callable[[], None]) -> None:
        """Call `start` when the process has been forked and begins to serve."""
        self._starts.append(start)

    def on_exit(self, drain: Callable[[float], None]) -> None:
        """Call `drain` with the seconds that are left when the process is about to exit."""
        self._drains.append(drain)

    def exit(self) -> None:
        """Let what runs come to its end, or be stored as it is; called by the server's hook."""
        spent = 0.0 if self._since is None else time.monotonic() - self._since
        for drain in self._drains:
            drain(max(0.0, self._seconds - spent))

    def begin_request(self, force_close: Callable[[], None]) -> None:
        """Keep how the request that this thread answers can end its connection."""
        self._here.force_close = force_close

    def close_connection(self) -> None:
        """Let the answer of this thread's request say `Connection: close`, and mean it.

        The server drops such a header when the app sends it, so it has to be asked.
        """
        force_close: Callable[[], None] = getattr(self._here, "force_close", lambda: None)
        force_close()


worker: Final = Worker()
"""This process: the one thing that the web server's hooks and the streams share."""


def allow_descriptors(number: int) -> int:
    """Let this process and its children have so many descriptors open; return how many they may.

    Fewer if the hard limit is lower. A higher limit stays as it is.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= number:
        return sys.maxsize if soft == resource.RLIM_INFINITY else soft
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    # Some systems have a limit of their own below an unlimited one.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
