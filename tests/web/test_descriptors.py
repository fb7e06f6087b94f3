"""A worker has descriptors for all its streams, and outlives the moment in which it has none."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
import requests

from tests.faults.processes import workers_of
from tests.fix_server import ROOT, Server, StartServer
from tests.fix_turns import eventually

TRY: Final = """
import resource
from chat.stream import allow_descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(allow_descriptors(150), resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "allowed"),
    [(100, 1000, 150), (100, 130, 130), (200, 1000, 200)],
    ids=["raised", "as far as it may be", "never lowered"],
)
def test_the_limit_on_descriptors_is_raised(soft: int, hard: int, allowed: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRY.format(soft=soft, hard=hard)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == f"{allowed} ({allowed}, {hard})"


def test_a_worker_that_has_no_descriptor_left_waits_for_one(start_server: StartServer) -> None:
    server = start_server()
    [worker] = workers_of(server)
    folder = Path(f"/proc/{worker}/fd")
    most = len(list(folder.iterdir())) + 5
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (most, before[1]))

    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("localhost", server.port), timeout=30))
        eventually(lambda: len(list(folder.iterdir())) >= most - 1)

    eventually(lambda: answers(server))
    assert workers_of(server) == [worker]


def answers(server: Server) -> bool:
    """Return whether a request is answered; while the last descriptors are closed it may not be."""
    try:
        return requests.get(f"{server.url}/livez", timeout=30).status_code == 200
    except requests.ConnectionError:
        return False
