"""Asks a server for `/livez` until it is told to stop, in a process that has nothing else to do.

Prints how long each answer took, in seconds, as a JSON list; one that did not come ends it.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final, Self

PAUSE: Final = 0.02
ROOT: Final = Path(__file__).parent.parent.parent


class Pulse:
    """Measures while the block runs; `seconds` has the answers afterwards, shortest first."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seconds: list[float] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.attacks.livez", str(self._port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_ended: object) -> None:
        told = self._process.communicate(b"\n", timeout=60)[0]
        assert self._process.returncode == 0, "an answer did not come"
        self.seconds = sorted(json.loads(told))

    def percentile(self, share: float) -> float:
        """Return the time within which this share of the answers came."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))]


def measure(port: int, stop: threading.Event) -> list[float]:
    """Return how long each answer took, over a connection of its own as load balancers use."""
    took = []
    while not stop.wait(PAUSE):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            sys.exit(f"/livez answered {answer.status}")
    return took


def listen(stop: threading.Event) -> None:
    """Wait for a line, or for the end of them."""
    sys.stdin.readline()
    stop.set()


def main() -> None:
    """Measure until something is written to us, or the one who would write is gone."""
    stop = threading.Event()
    threading.Thread(target=listen, args=[stop], daemon=True).start()
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]), stop)))


if __name__ == "__main__":
    main()
