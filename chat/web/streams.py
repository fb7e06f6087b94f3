"""Server-sent events as answers: their headers, their bounds, and how a broken one ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from typing import Final

from flask import Response, request

from chat.errors import Overloaded, TooManyStreams
from chat.stream import reader_left, worker
from chat.web.errors import as_event

READ_TIMEOUT: Final = 30.0
"""Seconds that a reader may take to accept bytes before its stream is dropped."""
STREAMS_EACH: Final = 10
"""Streams that one person may have open in one process: a few tabs on a few devices."""

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
        self._taken: Counter[str] = Counter()

    def take(self, user_id: str) -> Callable[[], None]:
        """Take a place for the user and return how to give it back, once.

        Raises Overloaded if none is free, TooManyStreams if the user has STREAMS_EACH.
        """
        with self._lock:
            if self._taken[user_id] >= STREAMS_EACH:
                raise TooManyStreams(f"{self._taken[user_id]} streams are open for this user here")
            if self._taken.total() >= worker.streams:
                raise Overloaded(f"{self._taken.total()} streams are open here")
            self._taken[user_id] += 1
            worker.open_streams = self._taken.total()
        given = threading.Event()

        def give_back() -> None:
            with self._lock:
                if not given.is_set():
                    given.set()
                    self._taken[user_id] -= 1
                    worker.open_streams = self._taken.total()
                    # Whoever reads nothing is forgotten.
                    self._taken += Counter()

        return give_back


places: Final = Places()


def answer(
    user_id: str, begin: Callable[[Callable[[], bool]], Generator[bytes, None, None]]
) -> Response:
    """Return the events that `begin` makes as an answer; an `error` event ends them if they break.

    `begin` gets the question whether the client has left. The first event is there before the
    status is sent, so that what fails at once has a status. Raises like `Places.take`.
    """
    give_back = places.take(user_id)
    try:
        events = begin(_gone())
        first = next(events, b"")
    except BaseException:
        give_back()
        raise
    response = Response(_to_the_end(first, events), headers=HEADERS)
    response.call_on_close(events.close)
    response.call_on_close(give_back)
    return response


def _gone() -> Callable[[], bool]:
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
