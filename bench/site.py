"""The whole app for a measurement: PostgreSQL, Better Auth and gunicorn, each real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import requests
from psycopg import sql
from psycopg.conninfo import make_conninfo

from chat.migrate import migrate
from dev.auth_server import LocalAuth, free_port
from dev.local_postgres import LocalPostgres
from dev.parts import Part
from dev.settings import ROOT

POSTGRES: Final = {
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "max_wal_size": "8GB",
    "max_connections": "100",
    "fsync": "off",
}
"""As a server of this size has them; what is measured only reads."""


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in: the id that their rows have, and their browser's session."""

    id: str
    cookie: str


@dataclass
class Site:
    """One app on one database."""

    url: str
    dsn: str

    def get(self, path: str, person: Person, **headers: str) -> requests.Response:
        """Load a page as that person; raise what is no 200."""
        headers = {"Cookie": person.cookie, **headers}
        answer = requests.get(self.url + path, headers=headers, allow_redirects=False, timeout=60)
        answer.raise_for_status()
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return answer


@dataclass
class Stage:
    """The parts that the sites of one measurement share."""

    folder: Path
    postgres: LocalPostgres
    auth: LocalAuth
    stack: ExitStack

    def database(self, name: str) -> tuple[str, bool]:
        """Return the dsn of the migrated database of that name, and whether it is new."""
        is_new = create_database(self.postgres.dsn, name)
        dsn = make_conninfo(self.postgres.dsn, dbname=name)
        migrate(dsn)
        return dsn, is_new

    def person(self, name: str) -> Person:
        """Return somebody of that name, signed in, with the same id in the same folder."""
        words = {"email": f"{name}@example.com", "password": "a-long-password"}
        answer = self._ask_auth("sign-in/email", words)
        if answer.status_code == 401:
            answer = self._ask_auth("sign-up/email", {"name": name, **words})
        answer.raise_for_status()
        cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
        return Person(answer.json()["user"]["id"], cookie)

    def _ask_auth(self, what: str, words: dict[str, str]) -> requests.Response:
        path = f"{self.auth.url}/api/auth/{what}"
        return requests.post(path, json=words, headers={"Origin": self.auth.url}, timeout=30)

    def serve(self, dsn: str, *, workers: int = 1, **settings: str) -> Site:
        """Start the app on a database, with further settings by name."""
        port = free_port()
        log = self.folder / f"gunicorn-{port}.log"
        url = f"http://127.0.0.1:{port}"
        environ = {
            "DATABASE_URL": dsn,
            "BETTER_AUTH_URL": self.auth.url,
            "PUBLIC_URL": url,
            "PATH": "/usr/bin:/bin",
            **settings,
        }
        gunicorn = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
        words = [sys.executable, "-m", "dev.tied", *gunicorn, "wsgi:app"]

        def spawn() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                return subprocess.Popen(
                    words,
                    cwd=ROOT,
                    env=environ,
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )

        part = Part("gunicorn", spawn, lambda: _alive(url), log, "dev.tied gunicorn", grace=5)
        part.start()
        self.stack.callback(part.stop)
        return Site(url, dsn)


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Have a PostgreSQL and a Better Auth server as long as the block runs."""
    with ExitStack() as stack:
        postgres = LocalPostgres(folder / "postgres", settings=POSTGRES, timeout=300)
        postgres.start()
        stack.callback(postgres.stop)
        create_database(postgres.dsn, "auth")
        auth = LocalAuth(folder / "auth", dsn=make_conninfo(postgres.dsn, dbname="auth"))
        auth.start()
        stack.callback(auth.stop)
        yield Stage(folder, postgres, auth, stack)


def create_database(dsn: str, name: str) -> bool:
    """Create a database on that server; return False if it is there already."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        try:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return False
    return True


def _alive(url: str) -> bool:
    try:
        return requests.get(f"{url}/livez", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def size_of(dsn: str) -> dict[str, Any]:
    """Return what a database holds, counted, and its size in megabytes."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM chatkit_thread),"
            "       (SELECT count(*) FROM chatkit_thread_item),"
            "       pg_database_size(current_database()) / 1000000"
        ).fetchone()
    threads, messages, megabytes = row or (0, 0, 0)
    return {"threads": threads, "messages": messages, "megabytes": int(megabytes)}
