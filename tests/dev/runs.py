"""`./run` as tests start it, and what they look at: its processes, ports and databases."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from pathlib import Path

import psycopg

from dev import processes
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


def belongs(process: processes.Process, data_dir: Path) -> bool:
    if str(data_dir) in process.command or data_dir in (process.folder or Path()).parents:
        return True
    try:
        environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    # PostgreSQL writes over its own environment, so this finds only the others.
    return f"DATA_DIR={data_dir}\0".encode() in environ
