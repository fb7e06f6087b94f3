"""How long a sender may take: a thread that waits for its bytes is a thread that serves nobody.

gunicorn reads in loops of its own, and a socket's time-out starts anew with each byte, so someone
who sends a byte a second would hold a thread for ever. What is read here has one deadline for all
of it. When that has passed, the reading half of the socket is shut: the read ends as if the sender
had left, and the answer can still be sent.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

HEAD_SECONDS: Final = 15.0
"""For a request's line and headers; gunicorn waits 5 s of them for the first byte."""
LOOK_SECONDS: Final = 0.25


class Senders:
    """The sockets that threads of this process read from, each with its deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: dict[int, _Read] = {}
        self._looked = 0.0

    @contextlib.contextmanager
    def connection(self, sock: Any) -> Iterator[None]:
        """Know the socket that this thread serves; the head of its request has HEAD_SECONDS."""
        with self._lock:
            self._reads[threading.get_ident()] = _Read(sock, time.monotonic() + HEAD_SECONDS)
        try:
            yield
        finally:
            with self._lock:
                del self._reads[threading.get_ident()]

    def allow(self, seconds: float | None) -> None:
        """Give this thread's reads `seconds` from now on, or all the time that they want."""
        with self._lock:
            read = self._reads.get(threading.get_ident())
            if read is not None:
                read.until = None if seconds is None else time.monotonic() + seconds

    def ended(self) -> bool:
        """Return whether this thread's sender was late: nothing more can be read from it."""
        with self._lock:
            read = self._reads.get(threading.get_ident())
            return read is not None and read.ended

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give the reads inside `seconds` altogether; a later one finds the sender gone."""
        self.allow(seconds)
        try:
            yield
        finally:
            self.allow(None)

    def end_late(self) -> None:
        """Shut what is past its deadline; to be called about once a second, or more often."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        with self._lock:
            for read in self._reads.values():
                if read.until is not None and read.until < now:
                    read.until, read.ended = None, True
                    with contextlib.suppress(OSError):
                        read.sock.shutdown(socket.SHUT_RD)


class _Read:
    """A socket that is read from, and the monotonic second at which that ends, or None."""

    __slots__ = ("ended", "sock", "until")

    def __init__(self, sock: Any, until: float) -> None:
        self.sock = sock
        self.until: float | None = until
        self.ended = False


senders: Final = Senders()
"""This process's: the web server's hooks and the readers of bodies share it."""
