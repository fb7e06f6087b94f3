"""gunicorn as it is configured: every wrong setting is named, and no proxy is believed unasked."""

from __future__ import annotations

import os
import subprocess
import sys

import requests

from tests.fix_server import ROOT, Server


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
