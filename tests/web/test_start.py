"""R2: a server with wrong settings says all that is wrong, at once, and does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parent.parent.parent
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"]
FLASK = [sys.executable, "-m", "flask", "--app", "app", "run", "--port", "0"]


def start(command: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command, env=keep | environ, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("command", [GUNICORN, FLASK], ids=["gunicorn", "flask"])
def test_without_settings_nothing_starts_and_both_are_named(command: list[str]) -> None:
    result = start(command)

    assert result.returncode != 0
    assert "DATABASE_URL is not set" in result.stderr
    assert "BETTER_AUTH_URL is not set" in result.stderr


def test_all_wrong_settings_are_named_once_and_without_their_secrets() -> None:
    result = start(
        GUNICORN,
        DATABASE_URL="postgresql://me:hunter2@",
        BETTER_AUTH_URL="ftp://auth",
        TRUSTED_PROXIES="many",
        OPENAI_API_KEY="sk-with space",
        ASSISTANT="nonsense",
    )

    assert result.returncode != 0
    for name in (
        "DATABASE_URL",
        "BETTER_AUTH_URL",
        "TRUSTED_PROXIES",
        "OPENAI_API_KEY",
        "ASSISTANT",
    ):
        assert result.stderr.count(f"{name} ") == 1, result.stderr
    assert "hunter2" not in result.stderr
    assert "sk-with" not in result.stderr
    assert "Traceback" not in result.stderr


def test_an_assistant_that_cannot_be_imported_stops_the_start(dsn: str) -> None:
    result = start(
        GUNICORN, DATABASE_URL=dsn, BETTER_AUTH_URL="http://localhost:1", ASSISTANT="no.such:thing"
    )

    assert result.returncode != 0
    assert "ASSISTANT: module no.such cannot be imported" in result.stderr


def test_a_database_newer_than_the_code_stops_the_start(dsn: str) -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO chatkit_migration (number, name, sha256)"
            " VALUES (9999, '9999_from_the_future.sql', 'x')"
        )

    result = start(GUNICORN, DATABASE_URL=dsn, BETTER_AUTH_URL="http://localhost:1")

    assert result.returncode != 0
    assert "deploy the newer version" in result.stderr
