"""A TCP proxy between the app and PostgreSQL: the faults of a network, on demand.

The tests' PostgreSQL listens on a Unix socket only; the proxy listens on a port of this machine.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.ports import kept_port

# But for the words that go before another statement in its message: see chat/wall.py.
STATEMENT: Final = re.compile(rb"-- (chat\.(?!wall\.act_for)[a-z_.]+)")


@dataclass(eq=False)
class _Pair:
    """A connection of the app, and the one to PostgreSQL that belongs to it."""

    client: socket.socket
    server: socket.socket
    armed: bool = False
    mute: bool = False
    asked: bool = False

    def close(self) -> None:
        for end in (self.client, self.server):
            # Unlike close(), it also wakes the thread that waits for this socket.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Passes bytes on to the database of a dsn until `close`; safe to use from any thread."""

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        host, port = str(parts["host"]), str(parts["port"])
        self._target = (host, int(port)) if host == "127.0.0.1" else f"{host}/.s.PGSQL.{port}"
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._delay = 0.0
        self._trip: tuple[bytes, bytes] | None = None
        self._statements: list[str] = []
        self._turns = 0
        self.port = kept_port()
        self.accept()
        self.dsn = make_conninfo(
            dsn, host="127.0.0.1", port=self.port, sslmode="disable", gssencmode="disable"
        )

    @property
    def connections(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._pairs)

    def cut(self) -> None:
        """Cut every connection, as a database that suspends does; new ones are accepted."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            pair.close()

    def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def accept(self) -> None:
        """Accept new connections again, on the same port."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(256)
        threading.Thread(target=self._take_all, args=(self._listener,), daemon=True).start()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """An outage: connections are cut and refused until the block ends."""
        self.refuse()
        self.cut()
        try:
            yield
        finally:
            self.accept()

    def freeze(self) -> None:
        """Pass nothing on in either direction, and close nothing: a host that has stopped."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Pass on what was held back, and all that follows."""
        self._flowing.set()

    def delay(self, seconds: float) -> None:
        """Keep everything back for so long before it is passed on, in both directions."""
        self._delay = seconds

    def drop_one_answer(self, trip: bytes, *, after: bytes = b"") -> None:
        """Let PostgreSQL do the next statement that contains `trip`, and lose its answer.

        With `after` the first one that follows a statement with those bytes on the same
        connection: the COMMIT of a certain transaction, for example.
        """
        with self._lock:
            self._trip = (after, trip)

    @property
    def answer_dropped(self) -> bool:
        """Whether the answer that was to be lost is lost."""
        with self._lock:
            return self._trip is None

    def take_statements(self) -> list[str]:
        """Return the names of our statements that came through since the last call."""
        with self._lock:
            taken, self._statements = self._statements, []
        return taken

    def take_turns(self) -> int:
        """Return how often the app sent something and PostgreSQL answered since the last call."""
        with self._lock:
            taken, self._turns = self._turns, 0
        return taken

    def heal(self) -> None:
        """Take back every fault but a refusal."""
        with self._lock:
            self._trip = None
        self._delay = 0.0
        self.thaw()

    def close(self) -> None:
        """End it all."""
        self.thaw()
        self.refuse()
        self.cut()

    def _take_all(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            is_tcp = isinstance(self._target, tuple)
            server = socket.socket(socket.AF_INET if is_tcp else socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                # PostgreSQL itself is not there: whoever comes is sent away, and may come again.
                client.close()
                server.close()
                continue
            pair = _Pair(client, server)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._serve, args=(pair,), daemon=True).start()

    def _serve(self, pair: _Pair) -> None:
        back = threading.Thread(target=_until_closed, args=(self._to_client, pair), daemon=True)
        back.start()
        _until_closed(self._to_server, pair)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        pair.client.close()
        pair.server.close()

    def _to_server(self, pair: _Pair) -> None:
        while data := pair.client.recv(65536):
            self._hold()
            self._note(pair, data)
            pair.server.sendall(data)

    def _to_client(self, pair: _Pair) -> None:
        while data := pair.server.recv(65536):
            if pair.mute:
                return
            self._hold()
            with self._lock:
                self._turns += pair.asked
                pair.asked = False
            pair.client.sendall(data)

    def _hold(self) -> None:
        if self._delay:
            time.sleep(self._delay)
        self._flowing.wait()

    def _note(self, pair: _Pair, data: bytes) -> None:
        with self._lock:
            pair.asked = True
            self._statements += [name.decode() for name in STATEMENT.findall(data)]
            if self._trip is None:
                return
            after, trip = self._trip
            pair.armed = pair.armed or after in data
            if pair.armed and trip in data:
                self._trip, pair.mute = None, True


def _until_closed(pump: Callable[[_Pair], None], pair: _Pair) -> None:
    """Pass on in one direction until either end is closed, and then close the other too."""
    with contextlib.suppress(OSError):
        pump(pair)
    pair.close()


@pytest.fixture
def proxy(dsn: str) -> Iterator[Proxy]:
    """A way to this test's database that can be cut, closed, frozen and slowed."""
    proxy = Proxy(dsn)
    yield proxy
    proxy.close()
