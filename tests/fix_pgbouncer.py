"""A real PgBouncer in transaction mode, in front of the tests' PostgreSQL.

With `--through-pgbouncer` every database that a test gets is reached through it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from dev.local_postgres import LocalPostgres
from dev.processes import wait_until
from tests.ports import kept_port

# Few connections, each time another one: what a session keeps is then met by somebody else.
SETTINGS: Final = """\
[databases]
* = host={host} port={port} auth_user={user}

[pgbouncer]
pool_mode = transaction
default_pool_size = {pool_size}
server_round_robin = 1
server_login_retry = 1
max_client_conn = 500
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
admin_users = {user}
logfile = {folder}/log
"""

PASSED_ON: Final = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the word that puts PgBouncer between the tests and PostgreSQL."""
    parser.addoption(
        "--through-pgbouncer", action="store_true", help="reach PostgreSQL through PgBouncer"
    )


class PgBouncer:
    """One PgBouncer for all databases of a server; each has `pool_size` connections at most."""

    def __init__(self, server: LocalPostgres, folder: Path, *, pool_size: int) -> None:
        self._server, self._folder, self.pool_size = server, folder, pool_size
        self._port = kept_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """How to reach the server's own database through it."""
        return self.to(self._server.dsn)

    def to(self, dsn: str) -> str:
        """Return how to reach a database of the server through it, as the same role."""
        port = str(self._port)
        return make_conninfo(
            dsn, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        account = self._server.account
        account.give_folder(self._folder)
        config = self._folder / "pgbouncer.ini"
        config.write_text(self._settings())
        # Others are looked up in PostgreSQL, in this one's name.
        users = self._folder / "users"
        users.write_text(f'"{self._server.user}" ""\n')
        for path in (config, users):
            account.give(path)
        self._process = subprocess.Popen(
            [*account.prefix, _program(), "--quiet", config],
            cwd="/",
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
        )
        if not wait_until(self._answers, seconds=20):
            self.stop()
            raise RuntimeError(f"PgBouncer did not start:\n{(self._folder / 'log').read_text()}")

    def transactions(self) -> int:
        """Return how many transactions it has passed on so far."""
        console = make_conninfo(self.dsn, dbname="pgbouncer")
        with psycopg.connect(console, autocommit=True, row_factory=dict_row) as conn:
            return sum(int(row["total_xact_count"]) for row in conn.execute("SHOW STATS"))

    def stop(self) -> None:
        """Stop it at once; again does nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(10)

    def _settings(self) -> str:
        to = conninfo_to_dict(self._server.dsn)
        return SETTINGS.format(
            host=to["host"],
            port=to["port"],
            user=to["user"],
            pool_size=self.pool_size,
            listen_port=self._port,
            folder=self._folder,
        )

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"PgBouncer ended with status {self._process.returncode}")
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="session")
def pgbouncer(request: pytest.FixtureRequest, postgres: LocalPostgres) -> Iterator[PgBouncer]:
    """A PgBouncer for all tests of a process: many connections share a few for each database."""
    pooler = PgBouncer(postgres, postgres.root / "pgbouncer", pool_size=5)
    pooler.start()
    yield pooler
    request.config.stash[PASSED_ON] = pooler.transactions()
    pooler.stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how much went through it."""
    if PASSED_ON in config.stash:
        terminalreporter.write_line(f"PgBouncer passed on {config.stash[PASSED_ON]} transactions")


def _program() -> str:
    """Return the program; fail with what installs it."""
    # Debian keeps it where only root's PATH looks.
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.fail("these tests need PgBouncer: sudo apt install pgbouncer", pytrace=False)
    return found
