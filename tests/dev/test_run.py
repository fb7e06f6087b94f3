"""`./run` as a person uses it: one command, one URL, and what it starts, mends or refuses."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from dev import processes
from tests.dev.runs import ROOT, Run, reachable
from tests.fix_postgres import Databases
from tests.ports import kept_port


@pytest.fixture(scope="module")
def own_dsn(databases: Databases) -> Iterator[str]:
    """A database of one's own, empty before `neighbour` starts."""
    yield databases.create("own_database")
    databases.drop("own_database")


@pytest.fixture(scope="module")
def neighbour(home: Path, own_dsn: str) -> Iterator[Run]:
    """A second `./run`, beside `site`, which keeps conversations in a database of one's own."""
    run = Run(home / "neighbour", port=kept_port(), DATABASE_URL=own_dsn).started()
    yield run
    run.end()


def test_it_prints_a_url_where_the_chat_answers(site: Run) -> None:
    assert site.answers()
    assert site.auth_answers()


def test_a_killed_postgresql_is_back_within_five_seconds(site: Run) -> None:
    killed = site.database().postmaster()
    assert killed
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        return site.database().postmaster() not in {None, killed} and reachable(site.database().dsn)

    assert processes.wait_until(back, seconds=60), site.said()


def test_a_killed_auth_server_is_back_within_five_seconds(site: Run) -> None:
    killed = site.group("server.mjs")
    os.kill(killed, signal.SIGKILL)

    assert processes.wait_until(
        lambda: site.group("server.mjs") != killed and site.auth_answers(), seconds=5
    ), site.said()


def test_a_killed_gunicorn_is_started_again_within_five_seconds(site: Run) -> None:
    killed = site.group("gunicorn")
    os.kill(killed, signal.SIGKILL)

    assert processes.wait_until(lambda: site.group("gunicorn") != killed, seconds=60), site.said()
    assert processes.wait_until(site.answers, seconds=30), site.said()
    assert not processes.members(killed)


def test_two_runs_side_by_side_do_not_meet(site: Run, neighbour: Run) -> None:
    assert site.answers()
    assert neighbour.answers()
    assert site.group("server.mjs") != neighbour.group("server.mjs")
    assert site.database().dsn != neighbour.database().dsn


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

    assert second.process.wait(60) == 1
    assert "another ./run already uses" in second.said()
    assert site.answers()


def test_every_wrong_setting_is_named_and_nothing_starts(begin: Callable[..., Run]) -> None:
    run = begin(
        "wrong", port=70000, BETTER_AUTH_URL="ftp://auth", PUBLIC_URL="nowhere", ASSISTANT="1"
    )

    assert run.process.wait(60) == 1
    for name in ("PORT", "BETTER_AUTH_URL", "PUBLIC_URL", "ASSISTANT"):
        assert name in run.said()
    assert not (run.data_dir / "postgres").exists()
    assert run.processes() == []


def test_a_taken_port_is_named_and_nothing_starts(begin: Callable[..., Run]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = begin("refused", port=port)

        assert run.process.wait(60) == 1

    assert f"PORT {port} is taken" in run.said()
    assert not (run.data_dir / "postgres").exists()


def test_a_database_of_ones_own_gets_our_tables_and_none_of_better_auth(
    neighbour: Run, own_dsn: str
) -> None:
    theirs = tables(own_dsn)
    assert "chatkit_thread" in theirs
    assert not {"user", "session", "account"} & theirs
    assert "session" in tables(neighbour.database().dsn)


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    done = subprocess.run([ROOT / "run", "fly"], capture_output=True, text=True)

    assert done.returncode == 2
    assert "there is no command 'fly'" in done.stderr
    assert "./run test" in done.stderr


def tables(dsn: str) -> set[str]:
    listing = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(dsn) as conn:
        return {row[0] for row in conn.execute(listing).fetchall()}
