"""Ports of this machine for servers that start later, or again."""

from __future__ import annotations

import socket
import sys
from typing import Final

_kept: Final[list[socket.socket]] = []


def kept_port() -> int:
    """Return a port of 127.0.0.1 that the kernel gives to nobody else until this process ends.

    Who asks for any free port between our asking and the server's start could get the same one,
    and tests that run side by side ask all the time. So a socket stays bound to it. As it does
    not listen, connections are refused, and a server may bind the port too with SO_REUSEADDR,
    which gunicorn and Node set.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    if sys.platform == "linux":
        _kept.append(sock)
    else:
        # Elsewhere a bound socket would be in the server's way.
        sock.close()
    return port
