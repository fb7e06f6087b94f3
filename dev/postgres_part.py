"""The embedded PostgreSQL as a process: `python -m dev.postgres_part FOLDER`.

It looks after the server, starts it again when it dies, and gives it up when told to end or when
its stdin closes, which the kernel does even when whoever started it was killed.
"""

from __future__ import annotations

import contextlib
import select
import signal
import sys
from pathlib import Path

from dev.local_postgres import LocalPostgres, PostgresFailed

PAUSE = 0.3


def main(folder: Path) -> None:
    """Keep the server in that folder running until we are told to end."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Only noted: a start that an exception cuts short could leave a server behind.
        signal.signal(number, lambda number, _frame: told.append(number))
    server = LocalPostgres(folder)
    try:
        server.start()
        print("ready", flush=True)
        while not told and not select.select([sys.stdin], [], [], PAUSE)[0]:
            _look_after(server)
    finally:
        server.stop()


def _look_after(server: LocalPostgres) -> None:
    if server.postmaster() is None:
        print("PostgreSQL is gone, starting it again", flush=True)
        with contextlib.suppress(PostgresFailed):
            server.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
