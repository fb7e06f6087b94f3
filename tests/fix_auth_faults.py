"""A way to the auth server that answers for it, or takes its time: over real connections."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from tests.fix_http import Listener, answer, whole_request


class Between(Listener):
    """Passes requests on to an auth server, one connection each, unless told otherwise.

    `status` is what it answers instead, and `delay` the seconds that it keeps an answer back. When
    the auth server cannot be reached, it hangs up.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self.status: int | None = None
        self.delay = 0.0

    def serve(self, connection: socket.socket) -> None:
        """Pass on every request, or answer it."""
        while request := whole_request(connection):
            self.requests.append(request)
            if self.status is not None:
                connection.sendall(answer(self.status, b'{"message":"scripted"}'))
                continue
            with socket.create_connection(self._target) as server:
                server.sendall(request.replace(b"keep-alive", b"close", 1))
                said = _all_of(server)
            time.sleep(self.delay)
            connection.sendall(said)
            return


def _all_of(server: socket.socket) -> bytes:
    said = b""
    while chunk := server.recv(65536):
        said += chunk
    return said
