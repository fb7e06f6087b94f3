"""Asynchronous events for a synchronous WSGI server, and how a reader's leaving ends them."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import select
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")

POLL_SECONDS: Final = 0.5
"""How long a reader that left, or a worker that stops, goes unseen while the model is silent."""
SAVE_SECONDS: Final = 10.0
"""How long a cancelled turn may take to store what was written."""

_END: Final = object()


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


def as_sync(
    events: AsyncIterator[bytes], loop: EventLoop, *, gone: Callable[[], bool]
) -> Generator[bytes, None, None]:
    """Yield each event to the WSGI server as soon as ChatKit produces it.

    `gone` is asked twice a second whether nobody reads any more. Then, and when the iterator is
    closed, ChatKit's task is cancelled while it waits for the model, the one moment at which it
    stores a half-written answer; the iterator ends when that is done. So the queue is unbounded
    on purpose: a drain that waited for a slow client would be cancelled there instead, and the
    answer would be lost. Raises what the events raise.
    """
    ready: queue.SimpleQueue[Any] = queue.SimpleQueue()
    task = loop.run(_started(events, ready))
    try:
        while True:
            try:
                event = ready.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if gone():
                    return
                continue
            if event is _END:
                break
            yield event
            if gone():
                return
        task.result()
    finally:
        if not task.done():
            loop.call(task.cancel)
            _wait_for_end(ready)


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

    def watch(self, alive: Callable[[], bool], *, seconds: float) -> None:
        """Give running streams `seconds` from the moment on at which `alive` answers False."""
        self._alive, self._seconds, self._since = alive, seconds, None

    def stopping(self) -> bool:
        """Return whether the streams' time is up because the worker was told to stop."""
        if self._alive():
            return False
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since >= self._seconds

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


async def _started(
    events: AsyncIterator[bytes], ready: queue.SimpleQueue[Any]
) -> asyncio.Task[None]:
    task = asyncio.create_task(_drain(events, ready))
    task.add_done_callback(lambda _task: ready.put(_END))
    return task


async def _drain(events: AsyncIterator[bytes], ready: queue.SimpleQueue[Any]) -> None:
    """Drive the events from first to last in one task: ChatKit resets a context variable."""
    async for event in events:
        ready.put(event)


def _wait_for_end(ready: queue.SimpleQueue[Any]) -> None:
    """Wait until the cancelled task has stored what was written, SAVE_SECONDS at most."""
    deadline = time.monotonic() + SAVE_SECONDS
    with contextlib.suppress(queue.Empty):
        while ready.get(timeout=max(0.0, deadline - time.monotonic())) is not _END:
            pass


def _run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
