"""Small servers on loopback: one that plays scripted answers, one that relays and counts."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

Answer = bytes | Callable[[socket.socket], None]


def answer(status: int = 200, body: bytes = b"null", *headers: str) -> bytes:
    """Return a whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def silence(connection: socket.socket) -> None:
    """Say nothing until the other side leaves."""
    connection.recv(1)


def hang_up(connection: socket.socket) -> None:
    """Close without an answer, as a server closes an idle connection."""
    connection.close()


def drip(words: bytes, *, pause: float) -> Callable[[socket.socket], None]:
    """Return an answer that sends one byte after the other, with a pause before each."""

    def play(connection: socket.socket) -> None:
        for byte in words:
            time.sleep(pause)
            connection.sendall(bytes([byte]))

    return play


class Listener:
    """Accepts connections on an ephemeral port and serves each in a thread of its own."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    @property
    def count(self) -> int:
        """Return how many requests arrived."""
        return len(self.requests)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.hang_up_all()
        for thread in self._threads:
            thread.join(10)

    def hang_up_all(self) -> None:
        """End every connection that is open."""
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection until it ends."""
        raise NotImplementedError

    def _start(self, run: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.serve(connection)
        self._open.discard(connection)


class Scripted(Listener):
    """Plays one answer after the other, and the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__()
        self._answers = list(answers)

    def serve(self, connection: socket.socket) -> None:
        """Answer every request."""
        while request := whole_request(connection):
            self.requests.append(request)
            play = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            if isinstance(play, bytes):
                connection.sendall(play)
            else:
                play(connection)


class Relay(Listener):
    """Passes everything on to a server; while `hold` is called, requests wait here."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._going = threading.Event()
        self._going.set()

    def hold(self) -> None:
        """Let requests wait from now on."""
        self._going.clear()

    def release(self) -> None:
        """Let the waiting requests go on."""
        self._going.set()

    def wait_for(self, requests: int) -> None:
        """Return once so many requests have arrived; raise after five seconds."""
        end = time.monotonic() + 5
        while self.count < requests:
            assert time.monotonic() < end, f"{self.count} of {requests} requests arrived"
            time.sleep(0.01)

    def serve(self, connection: socket.socket) -> None:
        """Relay every request."""
        with socket.create_connection(self._target) as server:
            self._open.add(server)
            self._start(_pump, server, connection)
            while request := whole_request(connection):
                self.requests.append(request)
                self._going.wait(10)
                server.sendall(request)
            server.shutdown(socket.SHUT_RDWR)
            self._open.discard(server)


def whole_request(connection: socket.socket) -> bytes:
    """Return a whole request, or nothing when the other side has left."""
    request = b""
    while b"\r\n\r\n" not in request or _missing(request) > 0:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        request += chunk
    return request


def _missing(request: bytes) -> int:
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
    return int(length[1]) - len(body) if length else 0


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
