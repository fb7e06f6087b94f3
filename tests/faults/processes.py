"""The processes of a server under test: which there are, and which of them serves a stream."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.fix_proxy import Proxy
from tests.fix_server import Server
from tests.fix_turns import Stream, eventually


def workers_of(server: Server) -> list[int]:
    """Return the pids of gunicorn's workers, as they are now."""
    assert server.process is not None
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, parent in pairs if int(parent) == server.process.pid]


def worker_serving(server: Server, stream: Stream) -> int:
    """Return the pid of the worker that serves the stream. Needs Linux's /proc."""
    raw: Any = stream.answer.raw
    sock: socket.socket = raw._fp.fp.raw._sock
    here, there = sock.getsockname()[1], sock.getpeername()[1]
    inode = _inode(local=there, remote=here)
    for pid in workers_of(server):
        links = Path(f"/proc/{pid}/fd").iterdir()
        if any(_target(link) == f"socket:[{inode}]" for link in links):
            return pid
    raise AssertionError("no worker serves this stream")


def whole_again(server: Server, workers: int = 2) -> None:
    """Wait until so many workers are there and answer."""
    eventually(lambda: len(workers_of(server)) == workers, 20)
    eventually(lambda: _answers(server, "/livez"), 20)


def free_of_faults(server: Server, proxy: Proxy) -> None:
    """Mend everything, and wait until the server has noticed."""
    proxy.heal()
    # Each worker has a pool of its own, and any of them may be asked.
    for _ in range(6):
        eventually(lambda: _answers(server, "/readyz"), 20)


def _answers(server: Server, path: str) -> bool:
    try:
        return requests.get(server.url + path, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _inode(*, local: int, remote: int) -> str:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            ports = [int(re.sub(r".*:", "", address), 16) for address in fields[1:3]]
            if ports == [local, remote]:
                return fields[9]
    raise AssertionError(f"no connection from port {remote} to port {local}")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
