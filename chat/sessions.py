"""Better Auth: a request's credentials in, a User out."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cachetools import TLRUCache

from chat.better_auth import CALLS_AT_ONCE, Answer, BetterAuth, one_address
from chat.context import User
from chat.errors import AnotherPerson, AuthUnavailable, NotSignedIn, SessionEnded

GET_SESSION: Final = "get-session?disableCookieCache=true&disableRefresh=true"
CREDENTIAL_CHARACTERS: Final = 16 * 1024
CACHED_USERS: Final = 10_000
JOIN_SECONDS: Final = 6.0
"""Longer than the longest call that somebody else may be making for the same credential."""
ASK_AGAIN_SECONDS: Final = 5.0
"""Between two questions for whoever reads a stream; most are answered from what is remembered."""
ASKERS: Final = 8
"""Threads that ask for readers: 100 calls a second, as 1000 streams need, while one takes 80 ms.
An auth server that is slower than that is asked less often, and an end is noticed later."""

SESSION_COOKIE_ENDING: Final = "session_token"
# What Better Auth signs ends in a dot and a base64 SHA-256: so a renamed cookie is found as well.
SIGNED_VALUE: Final = re.compile(r"[^.]+\.(?:[A-Za-z0-9+/]|%2[BF]){43}(?:=|%3D)")
UNSENDABLE: Final = re.compile(r"[^\x20-\x7e\x80-\xff]")
UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
BEARER: Final = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows of a session: a whole Cookie header, or a bearer token, or nothing."""

    cookie: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Return whether there is anything that the auth server could be asked about."""
        return bool(self.cookie or self.bearer)

    @property
    def key(self) -> bytes:
        """The SHA-256 of the whole credential and its kind."""
        words = f"cookie {self.cookie}" if self.cookie else f"bearer {self.bearer}"
        return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()

    def headers(self) -> dict[str, str]:
        """Return the one header that carries the credential, as it came."""
        if self.cookie:
            return {"Cookie": self.cookie}
        return {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}


def credentials_of(*, cookie: str | None, authorization: str | None) -> Credentials:
    """Return the credential of a request with these Cookie and Authorization headers.

    The Cookie header stays as it came, because its other cookies may belong to the session. A
    bearer token counts only without a session cookie: Better Auth would believe it first, and a
    wrong one beside a good cookie would sign the visitor out. What is longer than 16 KB or holds
    control characters cannot be a session and is left out.
    """
    cookie = (cookie or "").strip(" ")
    if _sendable(cookie) and _has_session(cookie):
        return Credentials(cookie=cookie)
    match = BEARER.fullmatch(authorization or "")
    if match and _sendable(match[1]):
        return Credentials(bearer=match[1])
    return Credentials()


class Sessions:
    """Who is signed in, asked of Better Auth and remembered for a few seconds.

    One object serves all threads of a worker. An answer is remembered for at most `cache_seconds`
    and never past the session's own end, so that is also how long a session that was revoked
    elsewhere still works. `auth` is the way to the same server for signing in and out.
    """

    def __init__(
        self, auth_url: str, *, cache_seconds: float = 10.0, calls_at_once: int = CALLS_AT_ONCE
    ) -> None:
        self.auth = BetterAuth(auth_url, calls_at_once=calls_at_once)
        self._cache_seconds = cache_seconds
        self._lock = threading.Lock()
        self._known: TLRUCache[bytes, _Known] = TLRUCache(
            CACHED_USERS, ttu=lambda _key, known, _now: known.until, timer=time.monotonic
        )
        self._asking: dict[bytes, Future[User]] = {}
        # Its threads start with its first work, so after the fork.
        self._askers = ThreadPoolExecutor(ASKERS, thread_name_prefix="sessions")

    def user(self, credentials: Credentials, *, address: str | None = None) -> User:
        """Return the user whose session this is, asking Better Auth at most once at a time.

        Raises NotSignedIn when there is no such session, without a call when there is no
        credential; raises AuthUnavailable when Better Auth gave no clear answer, within 6 s.
        `address` is the visitor's, for Better Auth's rate limiter.
        """
        if not credentials:
            raise NotSignedIn("no session cookie and no bearer token")
        key = credentials.key
        with self._lock:
            known = self._known.get(key)
            if known:
                return known.user
            asking = self._asking.get(key)
            if not asking:
                mine = self._asking[key] = Future()
        if asking:
            return _join(asking)
        return self._ask(key, credentials, address, mine)

    def watch(
        self, credentials: Credentials, user_id: str, *, address: str | None = None
    ) -> SessionWatch:
        """Return what tells a stream whether its reader is still signed in as that user."""
        return SessionWatch(
            user_id, lambda: self._askers.submit(self.user, credentials, address=address)
        )

    def forget(self, credentials: Credentials) -> None:
        """Forget what is remembered of a credential, also what is being asked right now."""
        with self._lock:
            self._known.pop(credentials.key, None)
            self._asking.pop(credentials.key, None)

    def _ask(
        self, key: bytes, credentials: Credentials, address: str | None, mine: Future[User]
    ) -> User:
        began = time.monotonic()
        try:
            headers = {**credentials.headers(), **one_address(address)}
            user, seconds = _session_in(self.auth.get(GET_SESSION, headers))
        except BaseException as exc:
            self._finish(key, mine, None)
            mine.set_exception(exc)
            raise
        # From the moment of asking: the answer may have been old when it arrived.
        until = began + min(seconds, self._cache_seconds)
        self._finish(key, mine, _Known(user, until))
        mine.set_result(user)
        return user

    def _finish(self, key: bytes, mine: Future[User], known: _Known | None) -> None:
        with self._lock:
            # Forgotten meanwhile, by a sign-out: then this answer may be older than that.
            if self._asking.get(key) is not mine:
                return
            del self._asking[key]
            if known:
                self._known[key] = known


class SessionWatch:
    """Whether somebody who reads a stream is still signed in. For the thread that reads."""

    def __init__(self, user_id: str, ask: Callable[[], Future[User]]) -> None:
        self._user_id = user_id
        self._ask = ask
        self._asked: Future[User] | None = None
        self._next = time.monotonic() + ASK_AGAIN_SECONDS

    def check(self) -> None:
        """Raise SessionEnded or AnotherPerson once it is known; never wait for the auth server.

        It is asked beside the reading, every ASK_AGAIN_SECONDS and through what is remembered: so
        an end is known after 15 s, unless the auth server is too slow for all who read, while one
        call in 10 s is made for a person. One that gives no clear answer ends nothing.
        """
        if self._asked is None:
            if time.monotonic() >= self._next:
                # At the end of the process nobody is asked any more.
                with contextlib.suppress(RuntimeError):
                    self._asked = self._ask()
        elif self._asked.done():
            answer, self._asked = self._asked, None
            self._next = time.monotonic() + ASK_AGAIN_SECONDS
            self._hear(answer)

    def _hear(self, answer: Future[User]) -> None:
        try:
            user = answer.result()
        except AuthUnavailable:
            return
        except NotSignedIn as exc:
            raise SessionEnded("the session ended while an answer was being read") from exc
        if user.id != self._user_id:
            raise AnotherPerson("the session of an answer's reader is somebody else's now")


@dataclass(frozen=True, slots=True)
class _Known:
    """A user, and the monotonic second until which we may believe it."""

    user: User
    until: float


def _join(asking: Future[User]) -> User:
    try:
        return asking.result(timeout=JOIN_SECONDS)
    except TimeoutError:
        raise AuthUnavailable(f"the same question was unanswered for {JOIN_SECONDS} s") from None


def _session_in(answer: Answer) -> tuple[User, float]:
    """Return the user, and for how many seconds the session goes on."""
    if answer.status != 200:
        raise AuthUnavailable(f"auth server answered {answer.status} to get-session")
    body = answer.json()
    if body is None:
        raise NotSignedIn("the auth server knows no such session")
    match body:
        case {"session": dict(session), "user": {"id": str(user_id)} as user} if user_id:
            found = User(user_id, _line(user.get("name")), _line(user.get("email")))
            return found, _seconds_left(session.get("expiresAt"))
    raise AuthUnavailable("auth server answered get-session with something else than a session")


def _seconds_left(expires_at: object) -> float:
    """Return 0, which means not to remember it, when the end cannot be read."""
    try:
        end = datetime.fromisoformat(str(expires_at))
        return max(0.0, end.timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _line(value: object) -> str:
    """Return people's words about themselves as one line that can be shown and stored."""
    return UNSHOWABLE.sub("", value) if isinstance(value, str) else ""


def _sendable(words: str) -> bool:
    return len(words) <= CREDENTIAL_CHARACTERS and not UNSENDABLE.search(words)


def _has_session(cookie: str) -> bool:
    for pair in cookie.split(";"):
        name, _, value = pair.strip().partition("=")
        if value and (name.endswith(SESSION_COOKIE_ENDING) or SIGNED_VALUE.fullmatch(value)):
            return True
    return False
