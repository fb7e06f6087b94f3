"""Server-sent events as answers: their headers, their bounds, and how a broken one ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from typing import Final

from flask import Response, request

from chat.errors import Overloaded
from chat.stream import reader_left, worker
from chat.web.errors import as_event

READ_TIMEOUT: Final = 30.0
"""Seconds that a reader may take to accept bytes before its stream is dropped."""

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-store, no-transform",
    # Tells nginx not to keep events back until it has a buffer full.
    "X-Accel-Buffering": "no",
}


class Places:
    """The streams that this process may have open; each holds a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self) -> Callable[[], None]:
        """Take a place and return how to give it back, once; raise Overloaded if none is free."""
        with self._lock:
            if self._taken >= worker.streams:
                raise Overloaded(f"{self._taken} streams are open here")
            self._taken += 1
        given = threading.Event()

        def give_back() -> None:
            with self._lock:
                if not given.is_set():
                    given.set()
                    self._taken -= 1

        return give_back


places: Final = Places()


def answer(events: Generator[bytes, None, None], give_back: Callable[[], None]) -> Response:
    """Return the events as an answer that ends with an `error` event if they break.

    The first one is there before the status is sent, so that what fails at once has a status.
    """
    try:
        first = next(events, b"")
    except BaseException:
        give_back()
        raise
    response = Response(_to_the_end(first, events), headers=HEADERS)
    response.call_on_close(events.close)
    response.call_on_close(give_back)
    return response


def gone() -> Callable[[], bool]:
    """Return a question that is answered True once the client of this request has left."""
    sock = request.environ.get("gunicorn.socket")
    if sock is None:
        return lambda: False
    sock.settimeout(READ_TIMEOUT)
    return reader_left(sock)


def _to_the_end(first: bytes, events: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield first
        yield from events
    except Exception as exc:
        yield as_event(exc)
