"""`./run` as a person uses it: one command, one URL, and nothing left behind."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from dev import processes
from dev.auth_server import free_port
from dev.local_postgres import LocalPostgres

ROOT = Path(__file__).resolve().parents[2]
OURS = ("DATABASE_URL", "BETTER_AUTH_URL", "PUBLIC_URL", "OPENAI_", "ASSISTANT", "CHAT_MODEL", "PG")


class Run:
    """One `./run` on a folder and a port; `url` is what it printed."""

    def __init__(self, data_dir: Path, *, port: int, **settings: str) -> None:
        self.data_dir, self.port = data_dir, port
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
        # Loading the app is what a start waits for, and one worker loads it once.
        ours = {"PORT": str(port), "DATA_DIR": str(data_dir), "WEB_CONCURRENCY": "1"}
        self.errors = data_dir.parent / f"{data_dir.name}.stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [ROOT / "run"],
                env={**inherited, **ours, **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )

    def started(self) -> Run:
        """Wait for the URL."""
        assert self.process.stdout
        assert self.process.stdout.readline() == f"http://localhost:{self.port}\n", self.said()
        return self

    def said(self) -> str:
        return self.errors.read_text()

    def group(self, mark: str) -> int:
        """The process group, which is also its leader's pid, of the part with that mark."""
        groups = json.loads((self.data_dir / "parts.json").read_text())
        return next(int(group) for group, its_mark in groups if mark in its_mark)

    def answers(self) -> bool:
        return http_status(self.port, "/livez") == 200

    def auth_answers(self) -> bool:
        port = int((self.data_dir / "auth-port").read_text())
        return http_status(port, "/api/auth/ok") == 200

    def database(self) -> LocalPostgres:
        return LocalPostgres(self.data_dir / "postgres")

    def processes(self) -> list[processes.Process]:
        """Every process that belongs to this run, however it came to be."""
        return [process for process in processes.everything() if belongs(process, self.data_dir)]

    def end(self) -> None:
        """Send SIGINT to it alone if it still runs, and see that nothing of it is left."""
        assert self.process.stdout
        self.process.stdout.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            assert self.processes() == []


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that every account can enter, for the tests of this module."""
    folder = Path(tempfile.mkdtemp(prefix="threadkeeper-run-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Run]:
    """A started `./run` for the tests that leave it as good as they found it."""
    run = Run(home / "site", port=free_port()).started()
    yield run
    run.end()


@pytest.fixture
def begin(home: Path) -> Iterator[Callable[..., Run]]:
    """Starts `./run`, by default on a folder that the tests share, and ends it after the test."""
    runs: list[Run] = []

    def begin(name: str = "var", *, port: int | None = None, **settings: str) -> Run:
        runs.append(Run(home / name, port=port or free_port(), **settings))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()


def test_it_prints_a_url_where_the_chat_answers(site: Run) -> None:
    assert site.answers()
    assert site.auth_answers()


def test_a_second_start_takes_less_than_ten_seconds(begin: Callable[..., Run]) -> None:
    begin().started().end()

    began = time.monotonic()
    begin().started()

    assert time.monotonic() - began < 10


def test_a_killed_postgresql_is_back_within_five_seconds(site: Run) -> None:
    killed = site.database().postmaster()
    assert killed
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        return site.database().postmaster() not in {None, killed} and reachable(site.database().dsn)

    assert processes.wait_until(back, seconds=5), site.said()


def test_a_killed_auth_server_is_back_within_five_seconds(site: Run) -> None:
    killed = site.group("server.mjs")
    os.kill(killed, signal.SIGKILL)

    assert processes.wait_until(
        lambda: site.group("server.mjs") != killed and site.auth_answers(), seconds=5
    ), site.said()


def test_a_killed_gunicorn_is_started_again_within_five_seconds(site: Run) -> None:
    killed = site.group("gunicorn")
    os.kill(killed, signal.SIGKILL)

    assert processes.wait_until(lambda: site.group("gunicorn") != killed, seconds=5), site.said()
    assert processes.wait_until(site.answers, seconds=30), site.said()
    assert not processes.members(killed)


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.killpg),
        (signal.SIGTERM, os.kill),
        (signal.SIGHUP, os.killpg),
    ],
    ids=["SIGINT to the group", "SIGTERM alone", "SIGHUP to the group"],
)
def test_a_signal_leaves_no_process_behind(
    begin: Callable[..., Run],
    number: signal.Signals,
    send: Callable[[int, int], None],
) -> None:
    run = begin().started()
    assert len(run.processes()) > 3

    send(run.process.pid, number)
    run.process.wait(30)

    assert run.processes() == []


def test_a_signal_in_the_middle_of_the_start_leaves_no_process_behind(
    begin: Callable[..., Run],
) -> None:
    run = begin()
    assert processes.wait_until(lambda: "Better Auth" in run.said(), seconds=20)

    run.process.send_signal(signal.SIGTERM)
    run.process.wait(30)

    assert run.processes() == []


def test_the_parts_of_a_killed_run_end_by_themselves(begin: Callable[..., Run]) -> None:
    run = begin().started()

    run.process.kill()
    run.process.wait()

    assert processes.wait_until(lambda: not run.processes(), seconds=15), run.processes()


def test_it_starts_again_after_everything_was_killed(begin: Callable[..., Run]) -> None:
    run = begin().started()
    # The supervisor first, or it would go on starting parts again.
    run.process.kill()
    for process in run.processes():
        # Some end by themselves meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    run.process.wait()

    again = begin(port=run.port).started()

    assert again.answers()
    assert again.auth_answers()


def test_it_starts_again_while_parts_of_a_killed_run_still_hold_the_port(
    begin: Callable[..., Run],
) -> None:
    run = begin().started()
    # A stopped master cannot obey, so its workers go on holding the port.
    os.kill(run.group("gunicorn"), signal.SIGSTOP)
    run.process.kill()
    run.process.wait()

    again = begin(port=run.port).started()

    assert again.answers()


def test_two_runs_side_by_side_do_not_meet(site: Run, begin: Callable[..., Run]) -> None:
    other = begin().started()

    assert site.answers()
    assert other.answers()
    assert site.group("server.mjs") != other.group("server.mjs")
    assert site.database().dsn != other.database().dsn


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_one_signs_up_under_either_name_of_this_machine(site: Run, host: str) -> None:
    form = urlencode({"name": "A", "email": f"a@{host}.example", "password": "correct-horse"})
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    here = f"{host}:{site.port}"
    headers = {
        "Host": here,
        "Origin": f"http://{here}",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    connection.request("POST", "/sign-up", form, headers)
    answer = connection.getresponse()
    connection.close()

    assert (answer.status, answer.headers["Location"]) == (303, "/history")


def test_a_second_run_on_the_same_folder_is_refused(site: Run, begin: Callable[..., Run]) -> None:
    second = begin(site.data_dir.name)

    assert second.process.wait(30) == 1
    assert "another ./run already uses" in second.said()
    assert site.answers()


def test_every_wrong_setting_is_named_and_nothing_starts(begin: Callable[..., Run]) -> None:
    run = begin(
        "wrong", port=70000, BETTER_AUTH_URL="ftp://auth", PUBLIC_URL="nowhere", ASSISTANT="1"
    )

    assert run.process.wait(30) == 1
    for name in ("PORT", "BETTER_AUTH_URL", "PUBLIC_URL", "ASSISTANT"):
        assert name in run.said()
    assert not (run.data_dir / "postgres").exists()
    assert run.processes() == []


def test_a_taken_port_is_named_and_nothing_starts(begin: Callable[..., Run]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = begin("refused", port=port)

        assert run.process.wait(30) == 1

    assert f"PORT {port} is taken" in run.said()
    assert not (run.data_dir / "postgres").exists()


def test_a_database_of_ones_own_gets_our_tables_and_none_of_better_auth(
    begin: Callable[..., Run], empty_dsn: str
) -> None:
    run = begin("own-database", DATABASE_URL=empty_dsn).started()

    theirs = tables(empty_dsn)
    assert "chatkit_thread" in theirs
    assert not {"user", "session", "account"} & theirs
    assert "session" in tables(run.database().dsn)


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    done = subprocess.run([ROOT / "run", "fly"], capture_output=True, text=True)

    assert done.returncode == 2
    assert "there is no command 'fly'" in done.stderr
    assert "./run test" in done.stderr


def http_status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def reachable(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def tables(dsn: str) -> set[str]:
    listing = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(dsn) as conn:
        return {row[0] for row in conn.execute(listing).fetchall()}


def belongs(process: processes.Process, data_dir: Path) -> bool:
    if str(data_dir) in process.command or data_dir in (process.folder or Path()).parents:
        return True
    try:
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    # PostgreSQL writes over its own environment, so this finds only the others.
    return f"DATA_DIR={data_dir}\0".encode() in environ
