"""HTTP to the Better Auth server: every call bounded, and few of them while it is silent."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ClosedPoolError, HTTPError, ProtocolError

from chat.bounded_http import bounded_session
from chat.config import origin_of
from chat.errors import AuthUnavailable

logger = logging.getLogger(__name__)

DEFAULT_PATH: Final = "/api/auth"
CONNECT_SECONDS: Final = 1.0
GET_SECONDS: Final = 3.0
POST_SECONDS: Final = 10.0
"""Signing up hashes a password and may send a mail before it answers."""
CALLS_AT_ONCE: Final = 32
POSTS_AT_ONCE: Final = 8
"""Both together are less than the threads that no stream may take: see `chat.stream`."""
BODY_BYTES: Final = 1024 * 1024
"""A profile picture may be part of the user, as a data URL."""
HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the auth server said; the body and the cookies are credentials, so they never show."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    set_cookies: tuple[str, ...] = field(repr=False)

    def json(self) -> object:
        """Return the parsed body; raise AuthUnavailable when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise AuthUnavailable(
                f"auth server answered {self.status} with {len(self.body)} bytes that are not JSON"
            ) from None


class BetterAuth:
    """The auth server's HTTP interface, shared by all threads of a worker.

    `auth_url` is read as Better Auth reads its own: a path in it is the whole base path, and
    without one it is /api/auth. `origin` is the address's own origin. Both methods raise
    AuthUnavailable when no whole answer comes: refused, broken off, too long, or later than the
    time-out; also at once, without a call, when the server was silent lately (`Line` below).
    """

    def __init__(
        self,
        auth_url: str,
        *,
        calls_at_once: int = CALLS_AT_ONCE,
        posts_at_once: int = POSTS_AT_ONCE,
    ) -> None:
        base = auth_url.rstrip("/")
        self.origin = origin_of(base)
        self._base = base if urlsplit(base).path else base + DEFAULT_PATH
        self._line = Line(calls_at_once)
        # A line of their own: slow sign-ins must not keep us from asking who is signed in.
        self._posts = Line(posts_at_once)
        self._session = bounded_session(connections=calls_at_once)

    def get(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Fetch a path within 4 s; repeated once when a kept connection turns out to be closed."""
        began = time.monotonic()
        with self._line.call():
            try:
                return self._send("GET", path, headers, GET_SECONDS, self._session)
            except _Stale as exc:
                if time.monotonic() - began > CONNECT_SECONDS:
                    raise
                logger.debug("asking the auth server again: %s", exc)
                return self._send("GET", path, headers, GET_SECONDS, self._session)

    def post(self, path: str, words: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Send words as JSON, once, within 11 s.

        The connection is new each time: a kept one may be closed just then, and nobody could
        tell whether the words had arrived.
        """
        with self._posts.call(), bounded_session(connections=1) as session:
            body = json.dumps(words).encode()
            headers = {**headers, "Content-Type": "application/json"}
            return self._send("POST", path, headers, POST_SECONDS, session, body)

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        seconds: float,
        session: requests.Session,
        body: bytes | None = None,
    ) -> Answer:
        try:
            response = session.request(
                method,
                f"{self._base}/{path}",
                headers={**HEADERS, **headers},
                data=body,
                timeout=(CONNECT_SECONDS, seconds),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return _read(response)
        except (requests.RequestException, HTTPError, OSError) as exc:
            # Its idle connections may lead to a machine that is gone: the next call opens one.
            session.close()
            kind = _Stale if _is_stale(exc) else AuthUnavailable
            raise kind(f"no answer from the auth server: {type(exc).__name__}") from exc


class _Stale(AuthUnavailable):
    """The connection was closed before an answer came, as an idle one may be at any moment."""


class Line:
    """Bounds how many threads wait for a server, and how many while it says nothing.

    At most `calls_at_once` are under way; one more waits up to `patience` seconds for its turn.
    A slow failure that no answer to anybody contradicts makes the line silent: then one call every
    `pause` seconds may try, the others are refused at once, and the first answer ends it. So a
    frozen server costs a few threads, and a returned one is noticed within `pause`. What fails
    fast, such as a refused connection or a 500, holds nobody and changes nothing.
    """

    def __init__(
        self,
        calls_at_once: int,
        *,
        patience: float = 1.0,
        pause: float = 1.0,
        slow: float = 0.5,
    ) -> None:
        self._turns = threading.BoundedSemaphore(calls_at_once)
        self._patience = patience
        self._pause = pause
        self._slow = slow
        self._lock = threading.Lock()
        self._silent = False
        self._last_answer = 0.0
        self._last_try = 0.0

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Hold one turn; raise AuthUnavailable instead of waiting longer than `patience`."""
        if not self._turns.acquire(timeout=self._patience):
            raise AuthUnavailable("every call to the auth server is taken")
        try:
            began = self._admit()
            try:
                yield
            except AuthUnavailable:
                self._note_failure(began)
                raise
            self._note_answer()
        finally:
            self._turns.release()

    def _admit(self) -> float:
        with self._lock:
            now = time.monotonic()
            if self._silent and now - self._last_try < self._pause:
                raise AuthUnavailable("the auth server was silent a moment ago")
            self._last_try = now
            return now

    def _note_answer(self) -> None:
        with self._lock:
            if self._silent:
                logger.info("the auth server answers again")
            self._silent = False
            self._last_answer = time.monotonic()

    def _note_failure(self, began: float) -> None:
        with self._lock:
            took = time.monotonic() - began
            # If others were answered meanwhile, it is this one request that is odd.
            if took < self._slow or self._last_answer > began or self._silent:
                return
            logger.warning("the auth server is silent: a call failed after %.1f s", took)
            self._silent = True


def one_address(address: str | None) -> dict[str, str]:
    """Return the X-Forwarded-For header by which Better Auth's rate limiter knows a visitor."""
    try:
        return {"X-Forwarded-For": str(ipaddress.ip_address(address or ""))}
    except ValueError:
        return {}


def _read(response: requests.Response) -> Answer:
    body = response.raw.read(BODY_BYTES + 1, decode_content=True)
    if len(body) > BODY_BYTES:
        raise AuthUnavailable(f"the auth server's answer is longer than {BODY_BYTES} bytes")
    # `response.headers` folds several Set-Cookie headers into one that no browser can read.
    cookies = tuple(response.raw.headers.getlist("set-cookie"))
    return Answer(response.status_code, response.headers, body, cookies)


def _is_stale(exc: Exception) -> bool:
    cause = exc.args[0] if exc.args else None
    return isinstance(cause, ProtocolError | ClosedPoolError)
