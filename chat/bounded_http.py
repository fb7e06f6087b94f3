"""A `requests` session that keeps nothing of anybody and whose answers end in time.

The time-outs of `requests` bound each wait for bytes, so a server that sends one byte a second
holds a thread for ever. Here the read time-out bounds the whole answer, headers and body.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from socket import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


def bounded_session(*, connections: int) -> requests.Session:
    """Return a session for one server that keeps up to so many connections open.

    It stores no cookies, reads no proxy, certificate or password from the environment or from
    .netrc, and repeats nothing by itself. Safe to share between threads.
    """
    session = requests.Session()
    session.trust_env = False
    # The jar would send one visitor's cookie along with the next visitor's request.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _BoundedAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class _UntilDeadline(io.RawIOBase):
    """Reads a socket, but no longer than so many seconds from now on, however bytes trickle."""

    def __init__(self, raw: io.RawIOBase, sock: socket, seconds: float) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._end = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what there is; raise TimeoutError once the time is over."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole answer took too long")
        self._sock.settimeout(left)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """An answer whose time, from its first header on, is the socket's read time-out."""

    def __init__(self, sock: socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        seconds = sock.gettimeout()
        if seconds:
            self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock, seconds))


class _BoundedHTTP(HTTPConnection):
    response_class = _BoundedResponse


class _BoundedHTTPS(HTTPSConnection):
    response_class = _BoundedResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _BoundedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedHTTPS


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
