"""A real PostgreSQL for each process of the run, and a fresh, migrated database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dev.local_postgres import LocalPostgres
from tests.folders import open_folder

# A crash of the machine loses a test's database, and nobody minds.
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "64MB",
}
_numbers = count(1)


class Databases:
    """Databases on one server: made from a template or empty, and dropped.

    `pooled` is how to reach the server through a pooler, where that is what is tried.
    """

    def __init__(self, server: LocalPostgres, *, pooled: str | None = None) -> None:
        self._pooled = pooled
        self._dsn = pooled or server.dsn
        self._admin = psycopg.connect(server.dsn, autocommit=True)

    def dsn(self, name: str) -> str:
        """Return how to reach the database of that name."""
        return make_conninfo(self._dsn, dbname=name)

    def create(
        self, name: str, *, template: str = "template1", tablespace: str = "pg_default"
    ) -> str:
        """Make a database and return its dsn; nobody may be connected to the template."""
        # Copying files needs a checkpoint before and after, and is still the quicker way here.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY = {} TABLESPACE = {}").format(
            *map(sql.Identifier, (name, template, "file_copy", tablespace))
        )
        if self._pooled:
            self._end_connections(template)
        self._admin.execute(statement)
        return self.dsn(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._admin.execute(statement.format(sql.Identifier(name)))

    def run(self, statement: LiteralString | sql.Composed) -> None:
        """Run what belongs to the server rather than to one database: roles, tablespaces."""
        self._admin.execute(statement)

    def _end_connections(self, name: str) -> None:
        """End what a pooler keeps open after its clients have left."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )

    def close(self) -> None:
        """Give the connection back."""
        self._admin.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[LocalPostgres]:
    """One server for all tests of a process; PG_BINDIR chooses another version of PostgreSQL."""
    with open_folder("postgres") as folder:
        server = LocalPostgres(folder, settings=CARELESS)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, postgres: LocalPostgres) -> Iterator[Databases]:
    """The way to further databases on that server."""
    pooled = None
    if request.config.option.through_pgbouncer:
        pooled = request.getfixturevalue("pgbouncer").dsn
    databases = Databases(postgres, pooled=pooled)
    databases.run("CREATE ROLE plain LOGIN")
    yield databases
    databases.close()


PLAIN = "plain"
"""A role that owns nothing and bypasses nothing, as the app's is behind row level security."""


def behind_the_wall(dsn: str) -> str:
    """Have row level security in this database, and return its dsn for the plain role."""
    from chat.migrate import migrate

    migrate(dsn, row_level_security=True)
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain")
    return make_conninfo(dsn, user=PLAIN)


@pytest.fixture(scope="session")
def migrated(databases: Databases) -> str:
    """The name of a database with our tables, to copy from."""
    from chat.migrate import migrate

    migrate(databases.create("migrated"))
    return "migrated"


@pytest.fixture
def empty_dsn(databases: Databases) -> Iterator[str]:
    """A fresh database without any table."""
    name = f"test_{next(_numbers)}"
    yield databases.create(name)
    databases.drop(name)


@pytest.fixture
def dsn(databases: Databases, migrated: str) -> Iterator[str]:
    """A fresh database with our tables, for this test alone."""
    name = f"test_{next(_numbers)}"
    yield databases.create(name, template=migrated)
    databases.drop(name)
