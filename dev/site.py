"""The parts of one site: which ones it needs, in which order, and looking after them."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from dev import parts
from dev.auth_server import LocalAuth, free_port
from dev.local_postgres import LocalPostgres
from dev.parts import BadNews, Part
from dev.settings import ROOT, RunSettings

PAUSE = 0.25


class MigrationsFailed(RuntimeError):
    """`python -m chat.migrate` failed; the message holds what it said."""


def tell(line: str) -> None:
    """Say what is going on; the URL alone goes to standard output."""
    print(line, file=sys.stderr, flush=True)


class Site:
    """The parts of one site, in the order in which they start."""

    def __init__(self, run: RunSettings) -> None:
        self._run = run
        self._groups = run.data_dir / "parts.json"
        self._parts: list[Part] = []
        self._environ = dict(run.environ)
        self._news = BadNews(run.data_dir / "gunicorn.log")

    def serve(self, *, hurry: Callable[[], bool]) -> None:
        """Start every part, print the URL, and look after them until an exception ends it.

        Every part is ended then; `hurry` is asked meanwhile whether the patience is over.
        """
        try:
            self._start_all()
            tell(f"Ctrl-C stops it; the logs are in {self._run.data_dir}")
            print(self._run.url, flush=True)
            try:
                self._look_after()
            finally:
                tell("stopping; a second Ctrl-C does not wait for running answers")
        finally:
            self._stop_all(hurry)

    def _start_all(self) -> None:
        run = self._run
        dsn = ""
        if run.database_url is None or run.auth_url is None:
            dsn = self._start_postgres()
        if run.auth_url is None:
            self._start_auth(dsn)
        self._environ.setdefault("DATABASE_URL", dsn)
        self._migrate()
        self._start_gunicorn()

    def _start_postgres(self) -> str:
        tell("starting the embedded PostgreSQL")
        folder = self._run.data_dir / "postgres"
        server = LocalPostgres(folder)
        log = self._run.data_dir / "postgres.log"
        words = [sys.executable, "-m", "dev.postgres_part", str(folder)]
        self._start(
            Part(
                name="PostgreSQL",
                spawn=lambda: _spawn(words, log=log, environ=dict(os.environ)),
                ready=lambda: server.postmaster() is not None and _reachable(server.dsn),
                log=log,
                mark="dev.postgres_part",
                grace=35,
            )
        )
        return server.dsn

    def _start_auth(self, dsn: str) -> None:
        tell("starting the local Better Auth server")
        run = self._run
        auth = LocalAuth(
            run.data_dir, dsn=dsn, port=_auth_port(run), trusted_origins=run.origins, tell=tell
        )
        part = Part(
            name="Better Auth",
            spawn=auth.spawn,
            ready=auth.answers,
            log=auth.log,
            mark="server.mjs",
            grace=3,
        )
        self._start(part)
        self._environ["BETTER_AUTH_URL"] = auth.url

    def _migrate(self) -> None:
        tell("applying the migrations")
        words = [sys.executable, "-m", "chat.migrate"]
        log = self._run.data_dir / "migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(
                words, cwd=ROOT, env=self._environ, stdout=output, stderr=subprocess.STDOUT
            )
        if done.returncode:
            raise MigrationsFailed(
                f"the migrations failed\n{log.read_text(errors='replace').strip()}"
            )

    def _start_gunicorn(self) -> None:
        tell("starting gunicorn")
        log = self._run.data_dir / "gunicorn.log"
        gunicorn = ("gunicorn", "--config", "gunicorn.conf.py", "wsgi:app")
        words = [sys.executable, "-m", "dev.tied", *gunicorn]
        part = Part(
            name="gunicorn",
            spawn=lambda: _spawn(words, log=log, environ=self._environ),
            ready=lambda: _alive(self._run.environ["HOST"], self._run.port),
            log=log,
            mark="dev.tied gunicorn",
            # Running answers have 15 s to come to their end.
            grace=20,
        )
        self._start(part)

    def _start(self, part: Part) -> None:
        # Known before it runs, so that a signal in the middle of its start ends it too.
        self._parts.append(part)
        part.start()
        parts.remember(self._groups, self._parts)

    def _look_after(self) -> None:
        while True:
            for part in self._parts:
                before = part.process
                part.look_after(tell)
                if part.process is not before:
                    parts.remember(self._groups, self._parts)
            self._news.show(tell)
            time.sleep(PAUSE)

    def _stop_all(self, hurry: Callable[[], bool]) -> None:
        for part in reversed(self._parts):
            part.stop(hurry=hurry)
        self._groups.unlink(missing_ok=True)


def _auth_port(run: RunSettings) -> int:
    """Return the port of earlier starts if it is free, else a new one."""
    path = run.data_dir / "auth-port"
    with contextlib.suppress(OSError, ValueError, OverflowError):
        known = int(path.read_text())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", known))
        return known
    port = free_port()
    path.write_text(str(port))
    return port


def _spawn(words: list[str], *, log: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _reachable(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _alive(host: str, port: int) -> bool:
    # Who listens everywhere is asked here.
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(here, port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
