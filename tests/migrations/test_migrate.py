"""Migrations: once, in order, by anybody at any moment, and never over an unknown database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from chat.db import Database
from chat.errors import DatabaseOutdated, MigrationError
from chat.migrate import FOLDER, NAME, check_current, migrate, read_files
from tests.fix_proxy import Proxy, proxy

__all__ = ["proxy"]

ROOT = FOLDER.parent


def applied(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        rows = conn.execute("SELECT name FROM chatkit_migration ORDER BY number").fetchall()
    return [row[0] for row in rows]


def owners(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        rows = conn.execute(
            "SELECT conname FROM pg_constraint WHERE conname LIKE '%_owner' ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to be tampered with."""
    return Path(shutil.copytree(FOLDER, tmp_path / "migrations"))


def test_every_file_says_in_its_name_and_first_line_what_it_is_for() -> None:
    for file in read_files(FOLDER):
        assert NAME.fullmatch(file.name)
        assert file.sql.startswith(b"-- "), f"{file.name}: begin with a sentence that says why"


def test_all_files_are_applied_once_and_in_order(empty_dsn: str) -> None:
    names = [file.name for file in read_files(FOLDER)]

    assert migrate(empty_dsn) == len(names)
    assert migrate(empty_dsn) == 0
    assert applied(empty_dsn) == names


def test_eight_workers_at_the_same_moment_apply_each_file_once(empty_dsn: str) -> None:
    a_foreign_user_table(empty_dsn)
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _n: migrate(empty_dsn), range(8)))

    assert sum(counts) == len(read_files(FOLDER))
    assert len(owners(empty_dsn)) == 2


def test_an_edited_file_is_refused_with_what_to_do(empty_dsn: str, folder: Path) -> None:
    migrate(empty_dsn, folder=folder)
    first = sorted(folder.glob("*.sql"))[0]
    first.write_text(first.read_text() + "-- one more line\n")

    with pytest.raises(MigrationError, match=rf"{first.name} is not what was applied.*restore"):
        migrate(empty_dsn, folder=folder)


def test_a_newer_database_is_refused_with_what_to_do(empty_dsn: str, folder: Path) -> None:
    count = len(read_files(folder))
    newer = folder / f"{count + 1:04d}_add_future.sql"
    newer.write_text("-- From a later version.\nSELECT 1;\n")
    migrate(empty_dsn, folder=folder)

    with pytest.raises(MigrationError, match=r"add_future.*deploy the newer version"):
        migrate(empty_dsn)


def test_a_file_that_fails_leaves_nothing_of_itself_behind(empty_dsn: str, folder: Path) -> None:
    count = len(read_files(folder))
    bad = folder / f"{count + 1:04d}_break_half.sql"
    bad.write_text("-- Fails half-way.\nCREATE TABLE half (a int); SELECT 1/0;\n")

    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_dsn, folder=folder)

    assert len(applied(empty_dsn)) == count
    with psycopg.connect(empty_dsn) as conn:
        assert conn.execute("SELECT to_regclass('half')").fetchone() == (None,)


@pytest.mark.parametrize("name", ["0099_gap_here.sql", "1_short.sql", "0001_twice_one.sql"])
def test_misnumbered_and_misnamed_files_are_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("-- Out of order.\nSELECT 1;\n")

    with pytest.raises(MigrationError, match=r"\.sql: (name it like|expected number)"):
        read_files(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="deploy the whole project"):
        read_files(tmp_path)


def test_owners_are_linked_to_better_auths_users_when_their_table_appears(empty_dsn: str) -> None:
    migrate(empty_dsn)
    assert owners(empty_dsn) == []
    with psycopg.connect(empty_dsn) as conn:
        conn.execute('CREATE TABLE "user" (id text PRIMARY KEY)')

    migrate(empty_dsn)
    migrate(empty_dsn)
    assert owners(empty_dsn) == ["chatkit_attachment_owner", "chatkit_thread_owner"]

    migrate(empty_dsn, link_auth_users="off")
    assert owners(empty_dsn) == []


def test_owners_are_not_linked_to_ids_of_another_type(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as conn:
        conn.execute('CREATE TABLE "user" (id uuid PRIMARY KEY)')

    migrate(empty_dsn)

    assert owners(empty_dsn) == []


def test_threads_of_people_who_are_gone_do_not_keep_the_others_from_being_linked(
    empty_dsn: str,
) -> None:
    migrate(empty_dsn)
    with psycopg.connect(empty_dsn) as conn:
        conn.execute(
            "INSERT INTO chatkit_thread (user_id, id, document) VALUES ('gone', 'thr_1', '{}')"
        )
        conn.execute('CREATE TABLE "user" (id text PRIMARY KEY)')

    migrate(empty_dsn)

    assert len(owners(empty_dsn)) == 2


def a_foreign_user_table(dsn: str, id_column: str = "id text PRIMARY KEY") -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(f'CREATE TABLE "user" ({id_column})')


def test_a_link_that_is_to_be_left_is_neither_made_nor_removed(empty_dsn: str) -> None:
    a_foreign_user_table(empty_dsn)
    migrate(empty_dsn, link_auth_users="leave")
    assert owners(empty_dsn) == []

    migrate(empty_dsn)
    migrate(empty_dsn, link_auth_users="leave")
    assert len(owners(empty_dsn)) == 2


def test_a_table_of_users_that_nobody_can_refer_to_is_left_alone(
    empty_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    a_foreign_user_table(empty_dsn, "id text")

    migrate(empty_dsn)

    assert owners(empty_dsn) == []
    assert "not unique" in caplog.text


def test_a_role_that_does_not_own_the_tables_goes_on_without_the_link(
    empty_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(empty_dsn)
    a_foreign_user_table(empty_dsn)
    role = f"guest_{os.getpid()}"
    with psycopg.connect(empty_dsn, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {role} LOGIN")
        conn.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        try:
            assert migrate(make_conninfo(empty_dsn, user=role)) == 0
        finally:
            conn.execute(f"DROP OWNED BY {role}")
            conn.execute(f"DROP ROLE {role}")

    assert owners(empty_dsn) == []
    assert "run python -m chat.migrate as the owner of the tables" in caplog.text


def test_a_long_transaction_elsewhere_keeps_nobody_waiting(
    empty_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    migrate(empty_dsn)
    a_foreign_user_table(empty_dsn)
    with psycopg.connect(empty_dsn) as other:
        other.execute('INSERT INTO "user" VALUES (1)')
        began = time.monotonic()
        migrate(empty_dsn)

    assert time.monotonic() - began < 6
    assert "a table was locked" in caplog.text
    assert owners(empty_dsn) == []


def test_a_server_that_freezes_holds_a_migration_for_seconds(proxy: Proxy) -> None:
    migrate(proxy.dsn)
    proxy.freeze()
    began = time.monotonic()

    with pytest.raises(psycopg.OperationalError):
        migrate(proxy.dsn)

    assert time.monotonic() - began < 12


def test_a_database_that_lacks_a_migration_is_outdated_and_a_newer_one_is_not(
    empty_dsn: str,
) -> None:
    migrate(empty_dsn)
    database = Database(empty_dsn)
    database.run(check_current)
    with psycopg.connect(empty_dsn) as conn:
        conn.execute("INSERT INTO chatkit_migration VALUES (9999, '9999_from_later.sql', '')")
    database.run(check_current)

    with psycopg.connect(empty_dsn) as conn:
        conn.execute("DELETE FROM chatkit_migration WHERE number > 1")
    with pytest.raises(DatabaseOutdated, match="migration 1 was applied last"):
        database.run(check_current)
    with psycopg.connect(empty_dsn) as conn:
        conn.execute("DROP TABLE chatkit_migration")
    with pytest.raises(DatabaseOutdated):
        database.run(check_current)
    database.close()


def run_command(**environ: str) -> subprocess.CompletedProcess[str]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "chat.migrate"]
    return subprocess.run(
        command, env=keep | environ, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_the_command_applies_everything_and_says_so(empty_dsn: str) -> None:
    result = run_command(DATABASE_URL=empty_dsn)

    assert result.returncode == 0, result.stderr
    assert "up to date" in result.stderr
    assert applied(empty_dsn)


def test_the_command_without_a_database_says_what_to_set() -> None:
    result = run_command()

    assert result.returncode == 1
    assert "DATABASE_URL is not set" in result.stderr
    assert "BETTER_AUTH_URL" not in result.stderr


def test_the_command_names_a_database_that_is_down_in_one_line() -> None:
    result = run_command(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "Connection refused" in result.stderr
