"""The embedded PostgreSQL, also when something is killed at a bad moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dev import processes
from dev.local_postgres import LocalPostgres
from dev.postgres_binaries import PostgresMissing
from tests.folders import open_folder

ROOT = Path(__file__).resolve().parents[2]
USER_PROGRAM = """
import sys
from dev.local_postgres import LocalPostgres
LocalPostgres(sys.argv[1]).start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A folder that every account can enter, for the tests of this module."""
    with open_folder("pg") as folder:
        yield folder


@pytest.fixture(scope="module")
def shared_server(shared: Path) -> Iterator[LocalPostgres]:
    """The server that the tests share, because initdb and each start take their time."""
    server = LocalPostgres(shared / "server")
    yield server
    server.start()
    server.stop()


@pytest.fixture
def server(shared_server: LocalPostgres) -> LocalPostgres:
    """The shared server, started if the test before stopped or killed it."""
    shared_server.start()
    return shared_server


@pytest.fixture
def other_user(server: LocalPostgres) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the same server."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER_PROGRAM, str(server.root)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout
    assert user.stdin
    assert user.stdout.readline() == "started\n"
    yield user
    user.stdin.close()
    user.wait()
    user.stdout.close()


def test_a_stopped_server_is_gone_and_keeps_its_data(server: LocalPostgres) -> None:
    note(server, "before the stop")
    before = server.postmaster()
    assert before

    server.stop()

    assert processes.find(before) is None
    server.start()
    assert "before the stop" in notes(server)


def test_a_killed_server_is_started_again_with_what_it_had_acknowledged(
    server: LocalPostgres,
) -> None:
    note(server, "acknowledged")

    kill_server(server)
    server.start()

    assert "acknowledged" in notes(server)


def test_a_busy_backend_of_a_killed_server_is_not_in_the_way(server: LocalPostgres) -> None:
    def compute() -> None:
        with pytest.raises(psycopg.OperationalError), psycopg.connect(server.dsn) as conn:
            conn.execute("SELECT count(*) FROM generate_series(1, 100000000000)")

    busy = threading.Thread(target=compute)
    busy.start()
    assert processes.wait_until(lambda: active_statements(server) == 1, seconds=60)

    kill_server(server)
    server.start()

    busy.join(60)
    assert not busy.is_alive()


def test_the_server_stays_until_its_last_user_leaves(
    server: LocalPostgres, other_user: subprocess.Popen[str]
) -> None:
    server.stop()
    assert server.postmaster()

    assert other_user.stdin
    other_user.stdin.close()
    other_user.wait()

    assert server.postmaster() is None


def test_a_killed_user_does_not_keep_the_server_running(
    server: LocalPostgres, other_user: subprocess.Popen[str]
) -> None:
    other_user.kill()
    other_user.wait()

    server.stop()

    assert server.postmaster() is None


def test_a_pid_that_now_belongs_to_another_program_is_not_taken_for_the_server(
    server: LocalPostgres,
) -> None:
    kill_server(server)
    claim(server, os.getpid())

    assert server.postmaster() is None
    server.start()

    assert notes(server) is not None


def test_a_pid_that_is_a_zombie_is_not_taken_for_the_server(server: LocalPostgres) -> None:
    kill_server(server)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    claim(server, zombie.pid)

    server.start()

    assert notes(server) is not None
    zombie.wait()


@pytest.mark.parametrize("name", ["a space, a comma and a ' quote", "long-" * 30])
def test_the_folder_may_have_any_name(shared: Path, name: str) -> None:
    server = LocalPostgres(shared / name)

    server.start()

    assert notes(server) == []
    server.stop()


def test_an_interrupted_initdb_is_begun_again(shared: Path) -> None:
    server = LocalPostgres(shared / "interrupted")
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("18\n")
    (server.root / "initialising").touch()

    server.start()

    assert notes(server) == []
    server.stop()


def test_the_data_of_another_major_version_is_refused_with_the_version_that_it_needs(
    shared: Path,
) -> None:
    server = LocalPostgres(shared / "ancient")
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(PostgresMissing, match="install PostgreSQL 9, or choose another folder"):
        server.start()


def test_nobody_but_its_owner_can_enter_the_folder_of_the_socket(server: LocalPostgres) -> None:
    folder = Path(str(psycopg.conninfo.conninfo_to_dict(server.dsn)["host"]))

    assert folder.stat().st_mode & 0o777 == 0o700


def note(server: LocalPostgres, text: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        conn.execute("INSERT INTO note VALUES (%(text)s)", {"text": text})


def notes(server: LocalPostgres) -> list[str]:
    with psycopg.connect(server.dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        return [row[0] for row in conn.execute("SELECT text FROM note").fetchall()]


def active_statements(server: LocalPostgres) -> int:
    counting = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %(like)s"
    with psycopg.connect(server.dsn) as conn:
        row = conn.execute(counting, {"like": "%generate_series(1, 1000%"}).fetchone()
    assert row
    return int(row[0])


def kill_server(server: LocalPostgres) -> None:
    pid = server.postmaster()
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert processes.wait_until(lambda: processes.find(pid) is None, seconds=60)


def claim(server: LocalPostgres, pid: int) -> None:
    file = server.data / "postmaster.pid"
    file.write_text(f"{pid}\n{file.read_text().partition(chr(10))[2]}")
