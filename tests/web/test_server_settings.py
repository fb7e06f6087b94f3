"""gunicorn as it is configured: what it refuses, what it believes, and when it tidies up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import requests

from dev import processes
from tests.fix_server import ROOT, Server
from tests.ports import kept_port

SAYS_WHAT: Final = """
import contextlib, gc, os, sys
main = os.getppid()
loaded = ["agents" in sys.modules, "app" in sys.modules]
threads = len(os.listdir(f"/proc/{main}/task"))

def sockets():
    for fd in os.listdir(f"/proc/{main}/fd"):
        # It may be closed by now.
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{main}/fd/{fd}").startswith("socket:")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    said = (
        f"libraries and app loaded: {loaded}, "
        f"threads and sockets before: {threads}, {sum(sockets())}, "
        f"looks for garbage: {gc.isenabled()}, not in what was loaded: {gc.get_freeze_count() > 0}"
    )
    return [said.encode()]
"""


def test_every_wrong_setting_is_named_before_anything_listens() -> None:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    wrong = {"WEB_CONCURRENCY": "0", "WEB_THREADS": "10", "PORT": "web", "CHAT_MODEL": "a\nb"}

    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app"],
        env={**keep, **wrong},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    for name in ("DATABASE_URL", "BETTER_AUTH_URL", *wrong):
        assert name in done.stderr


def test_a_program_on_this_machine_cannot_change_our_scheme(server: Server) -> None:
    answer = requests.post(
        f"{server.url}/sign-in",
        data={"email": "", "password": ""},
        headers={"Origin": server.url, "X-Forwarded-Proto": "https"},
        timeout=30,
    )

    assert answer.status_code == 400
    assert "fill in every field" in answer.text


def test_a_worker_finds_the_libraries_loaded_and_looks_for_garbage_beside_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "says_what.py").write_text(SAYS_WHAT)
    port = kept_port()
    place = ["--pythonpath", str(tmp_path), "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    given = {"DATABASE_URL": "postgresql://app@localhost/app", "BETTER_AUTH_URL": "http://auth"}
    said: list[str] = []

    def answers() -> bool:
        try:
            said.append(requests.get(f"http://127.0.0.1:{port}", timeout=10).text)
        except requests.ConnectionError:
            return False
        return True

    words = [sys.executable, "-m", "gunicorn", *place, "says_what:app"]
    with subprocess.Popen(words, env={**os.environ, **given}, cwd=ROOT) as gunicorn:
        try:
            assert processes.wait_until(answers, seconds=60)
        finally:
            gunicorn.terminate()

    # A thread or a connection of the first process would not survive the fork: it has its own
    # thread, and the socket that all listen at.
    assert said == [
        "libraries and app loaded: [True, False], threads and sockets before: 1, 1, "
        "looks for garbage: True, not in what was loaded: True"
    ]
