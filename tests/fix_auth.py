"""A real Better Auth server for all tests, and people who are signed in at it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import requests

from dev.auth_server import LocalAuth
from tests.auth_copies import a_copy, signer_of, store
from tests.fix_postgres import Databases
from tests.folders import open_folder
from tests.ports import kept_port

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Person:
    """Somebody with an account and a session; `cookie` is a whole Cookie header."""

    id: str
    name: str
    email: str
    cookie: str = field(repr=False)
    bearer: str = field(repr=False)
    password: str = field(default=PASSWORD, repr=False)


class AuthServer(LocalAuth):
    """The local Better Auth server, and the ways in which tests use it."""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting."""
        self.port = self.port or kept_port()
        return super().spawn()

    _original: Person | None = None

    def sign_up(self, name: str, *, email: str = "") -> Person:
        """Make an account with a session; without an email it gets one that is not taken.

        One person really signs up, whom nobody meets. All others are copies of theirs, where we
        can sign as the server does: see tests/auth_copies.py.
        """
        email = email or an_address(name)
        if self._original is None:
            self._original = self._really_sign_up("Original", an_address("Original"))
        signer = signer_of(self._original.cookie, (self.folder / "secret").read_text())
        if signer is None:
            return self._really_sign_up(name, email)
        one = a_copy(name, email)
        store(self._dsn, self._original.id, [one])
        return Person(one.id, name, email, signer.cookie(one.token), signer.bearer(one.token))

    def _really_sign_up(self, name: str, email: str) -> Person:
        words = {"name": name, "email": email, "password": PASSWORD}
        return _person(self.post("sign-up/email", words))

    def sign_in(self, person: Person) -> Person:
        """Give the person one more session, as from another device."""
        words = {"email": person.email, "password": person.password}
        return _person(self.post("sign-in/email", words))

    def sign_out(self, person: Person) -> None:
        """End the session of that person's cookie."""
        self.post("sign-out", {}, cookie=person.cookie)

    def post(self, path: str, words: dict[str, str], *, cookie: str = "") -> requests.Response:
        """Send one request to Better Auth; an answer that is not a success raises."""
        headers = {"Cookie": cookie, "Origin": self.url} if cookie else {}
        url = f"{self.url}/api/auth/{path}"
        answer = requests.post(url, json=words, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer


@pytest.fixture(scope="session")
def auth(databases: Databases) -> Iterator[AuthServer]:
    """One auth server for all tests. A test that stops or freezes one makes its own."""
    with open_folder("auth") as folder:
        server = AuthServer(folder, dsn=databases.create("auth"))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def own_auth(databases: Databases, empty_dsn: str, tmp_path: Path) -> Iterator[AuthServer]:
    """An auth server for this test alone, to be frozen, stopped or started again."""
    server = AuthServer(tmp_path, dsn=empty_dsn)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def alice_session(auth: AuthServer) -> Person:
    """Alice, who owns what the test makes."""
    return auth.sign_up("Alice")


@pytest.fixture
def mallory_session(auth: AuthServer) -> Person:
    """Mallory, who must never see it."""
    return auth.sign_up("Mallory")


def an_address(name: str) -> str:
    """Return an email address that nobody else has."""
    return f"{name.lower().replace(' ', '.')}-{uuid4().hex[:12]}@example.com"


def _person(answer: requests.Response) -> Person:
    user = answer.json()["user"]
    return Person(
        id=user["id"],
        name=user["name"],
        email=user["email"],
        cookie="; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies),
        bearer=answer.headers["set-auth-token"],
    )
