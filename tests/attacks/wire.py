"""Requests as bytes on a socket, for those that no client would send."""

from __future__ import annotations

import re
import socket
from typing import Final

from tests.fix_auth import Person
from tests.fix_server import Server

STATUS: Final = re.compile(rb"^HTTP/1\.[01] (\d{3}) ", re.MULTILINE)


def exchange(server: Server, raw: bytes, *, shut: bool = True) -> bytes:
    """Send bytes and return all that comes back until the server closes; b"" for nothing.

    With `shut` we say that nothing more comes, so that a server that waits for it goes on.
    """
    with socket.create_connection(("localhost", server.port), timeout=30) as sock:
        try:
            sock.sendall(raw)
            if shut:
                sock.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: sock.recv(65536), b""))
        except ConnectionError:
            return b""


def statuses(answer: bytes) -> list[int]:
    """Return the status of each answer in these bytes."""
    return [int(found) for found in STATUS.findall(answer)]


def head(server: Server, line: str, *lines: str, person: Person | None = None) -> bytes:
    """Return the head of a request of our own page, by that person, with further lines."""
    own = [f"Host: localhost:{server.port}", f"Origin: {server.url}"]
    cookie = [f"Cookie: {person.cookie}"] if person else []
    text = "\r\n".join([line, *own, *cookie, *lines])
    return f"{text}\r\n\r\n".encode("latin-1")
