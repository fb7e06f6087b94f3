"""Brings a database to the schema in migrations/: `python -m chat.migrate`.

Each file is applied once, in its number's order, in a transaction of its own under an advisory
lock, so that several workers may start at the same moment. The lock belongs to the transaction:
one that belongs to the session would get lost behind a transaction pooler.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import errors

from chat.config import LinkAuthUsers, Settings
from chat.connection import STATEMENT_DEADLINE, Connection, DeadlineExceeded
from chat.errors import ConfigError, DatabaseOutdated, MigrationError
from chat.owner_link import LINK_SECONDS, link_owners
from chat.wall import raise_wall

logger = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent.parent / "migrations"
NAME: Final = re.compile(r"(\d{4})_[a-z]+(?:_[a-z0-9]+)+\.sql")
LOCK: Final = 7_311_902_650
"""The advisory lock's number: any other would do, as long as nothing else uses it."""
FILE_SECONDS: Final = 600.0
"""For each statement while a file is applied: an index on a large table, or another worker's."""

CREATE_LIST: Final = """
    -- chat.migrate.create_list
    CREATE TABLE IF NOT EXISTS chatkit_migration (
        number     integer     NOT NULL PRIMARY KEY,
        name       text        NOT NULL,
        sha256     text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )
"""

LIST_EXISTS: Final = """
    -- chat.migrate.list_exists
    SELECT to_regclass('chatkit_migration') IS NOT NULL
"""

APPLIED: Final = """
    -- chat.migrate.applied
      SELECT number, name, sha256
        FROM chatkit_migration
    ORDER BY number
"""

TAKE_LOCK: Final = """
    -- chat.migrate.lock
    SELECT pg_advisory_xact_lock(%(lock)s)
"""

RECORD: Final = """
    -- chat.migrate.record
    INSERT INTO chatkit_migration (number, name, sha256)
    VALUES (%(number)s, %(name)s, %(sha256)s)
"""

NEWEST: Final = """
    -- chat.migrate.newest
    SELECT max(number)
      FROM chatkit_migration
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, and the SHA-256 of its bytes."""

    number: int
    name: str
    sql: bytes

    @property
    def sha256(self) -> str:
        """The checksum that shows whether the file was edited after it was applied."""
        return hashlib.sha256(self.sql).hexdigest()


class Patience(Connection):
    """A connection whose statements each have `seconds`: few to look, many to change."""

    seconds = STATEMENT_DEADLINE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does, `seconds` at most; raise DeadlineExceeded."""
        try:
            return super().wait(gen, interval, self.seconds if timeout is None else timeout)
        except DeadlineExceeded:
            raise DeadlineExceeded(f"no answer within {self.seconds} s") from None


def migrate(
    dsn: str,
    *,
    link_auth_users: LinkAuthUsers = "on",
    row_level_security: bool = False,
    folder: Path = FOLDER,
) -> int:
    """Apply what is missing and return how many files that was; safe to repeat, and at once.

    Then looks whether threads can be tied to Better Auth's users, and whether row level security
    is to be enabled: see `link_owners` and `raise_wall`. Raises
    MigrationError, with what to do about it, for a file that was edited, renamed or misnamed and
    for a database that is newer than the files, psycopg.Error for everything else, also for a
    server that says nothing for STATEMENT_DEADLINE, or for FILE_SECONDS while a file is applied.
    """
    files = read_files(folder)
    with Patience.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    ) as conn:
        applied = _check(files, _applied(conn))
        count = 0
        for file in files[applied:]:
            conn.seconds = FILE_SECONDS
            count += _apply(conn, files, file)
        conn.seconds = LINK_SECONDS
        link_owners(conn, wanted=link_auth_users)
        raise_wall(conn, wanted=row_level_security)
    return count


def check_current(conn: Connection) -> None:
    """Raise DatabaseOutdated when the database lacks a migration that this version has.

    One that has more is no reason: it is what a running worker meets while a newer version is
    being deployed.
    """
    try:
        row = conn.execute(NEWEST).fetchone()
    except errors.UndefinedTable:
        row = None
    newest = (row and row[0]) or 0
    if newest < _newest_file():
        raise DatabaseOutdated(f"migration {newest} was applied last, not {_newest_file()}")


@cache
def _newest_file() -> int:
    return read_files(FOLDER)[-1].number


def read_files(folder: Path) -> list[Migration]:
    """Return the folder's migrations, 1 to n without a gap; raise MigrationError otherwise."""
    files = []
    for path in sorted(folder.glob("*.sql")):
        match = NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name}: name it like 0001_create_threads.sql")
        files.append(Migration(int(match[1]), path.name, path.read_bytes()))
    for expected, file in enumerate(files, start=1):
        if file.number != expected:
            raise MigrationError(f"{file.name}: expected number {expected:04d} here")
    if not files:
        raise MigrationError(f"no migrations in {folder.name}/: deploy the whole project")
    return files


def _applied(conn: Connection) -> list[tuple[int, str, str]]:
    row = conn.execute(LIST_EXISTS).fetchone()
    if row is None or not row[0]:
        return []
    return [(int(str(n)), str(name), str(sha)) for n, name, sha in conn.execute(APPLIED)]


def _check(files: list[Migration], applied: list[tuple[int, str, str]]) -> int:
    """Return how many files were applied; raise MigrationError when they are not these files."""
    if len(applied) > len(files):
        raise MigrationError(
            f"the database has migration {applied[-1][1]}, which this version does not know: "
            "deploy the newer version again, or restore the database from before it"
        )
    for file, (number, name, sha256) in zip(files, applied, strict=False):
        if (file.number, file.name, file.sha256) != (number, name, sha256):
            raise MigrationError(
                f"{file.name} is not what was applied as {name}: restore that file, "
                "and make the change in a new migration"
            )
    return len(applied)


def _apply(conn: Connection, files: list[Migration], file: Migration) -> int:
    """Apply one file unless another worker did so meanwhile; return 1 or 0."""
    with conn.transaction():
        conn.execute(TAKE_LOCK, {"lock": LOCK})
        conn.execute(CREATE_LIST)
        if _check(files, _applied(conn)) >= file.number:
            return 0
        conn.execute(file.sql)
        conn.execute(RECORD, {"number": file.number, "name": file.name, "sha256": file.sha256})
    logger.info("applied %s", file.name)
    return 1


def main() -> int:
    """Migrate the database that DATABASE_URL names; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Only the database matters here: a migration must not wait for the other settings.
    environ = {"BETTER_AUTH_URL": "http://localhost", **os.environ}
    try:
        settings = Settings.from_env(environ)
        count = migrate(
            settings.database_url,
            link_auth_users=settings.link_auth_users,
            row_level_security=settings.row_level_security,
        )
    except (ConfigError, MigrationError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except psycopg.Error as exc:
        sys.stderr.write(f"the database refused: {exc}\n")
        return 1
    logger.info("applied %d migrations; the database is up to date", count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
