"""A TCP connection to the server that can be cut: the browser's own "offline" leaves it open."""

from __future__ import annotations

import contextlib
import socket
import threading


class Wire:
    """Passes bytes on to a port of this machine until `close`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._ends: set[socket.socket] = set()
        self.up = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *, stay_down: bool = True) -> None:
        """Break every connection; new ones break too until `mend`, unless told otherwise."""
        self.up = not stay_down
        for end in list(self._ends):
            _close(end)

    def mend(self) -> None:
        """Let new connections through."""
        self.up = True

    def close(self) -> None:
        _close(self._listener)
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connect()
            if server is None:
                _close(client)
                continue
            self._ends |= {client, server}
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _connect(self) -> socket.socket | None:
        if not self.up:
            return None
        try:
            return socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            return None

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            self._ends.discard(end)
            _close(end)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
