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


class _Ended(Exception):
    """We were told to end."""


def main(folder: Path) -> None:
    """Keep the server in that folder running until we are told to end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_ended)
    server = LocalPostgres(folder)
    try:
        server.start()
        print("ready", flush=True)
        _look_after(server)
    except _Ended:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        server.stop()


def _look_after(server: LocalPostgres) -> None:
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        if server.postmaster() is None:
            print("PostgreSQL is gone, starting it again", flush=True)
            with contextlib.suppress(PostgresFailed):
                server.start()


def _raise_ended(_number: int, _frame: object) -> None:
    raise _Ended


if __name__ == "__main__":
    main(Path(sys.argv[1]))
