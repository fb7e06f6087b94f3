"""gunicorn in a process that begins with its packages imported, which takes two seconds else.

Python's own fork server does it: one process for each process of the run imports what is not ours,
once, and each gunicorn is a copy of it that then loads the app, as any gunicorn does. Nothing of
ours is in that process, and nothing of the tests.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PACKAGES: Final = [
    "agents",
    "chatkit.agents",
    "chatkit.server",
    "flask",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "openai",
    "psycopg_pool",
    "requests",
]
"""What takes longest of all that the app imports: measured with `python -X importtime -c "import
app"`; 2.4 s here, and 0.2 s for all that is left."""
AT_ITS_START: Final = ("LD_", "PYTHON")
"""How variables begin that a process reads when it starts: with those, none can be copied."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(PACKAGES)


class Gunicorn:
    """A running gunicorn; what it can do are the things of the same names of `Popen`."""

    def __init__(
        self, words: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self._process = _context.Process(
            target=_serve, args=(list(words), dict(environ), str(folder), str(log)), daemon=True
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return how it ended; raise subprocess.TimeoutExpired."""
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired("gunicorn", timeout or 0.0)
        return code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()


def can_be_warm(environ: Mapping[str, str]) -> bool:
    """Return whether a copy of a running process can stand for one with these variables."""
    return not any(name.startswith(AT_ITS_START) for name in environ)


def _serve(words: list[str], environ: dict[str, str], folder: str, log: str) -> None:
    """Become what `python -m gunicorn` with these words is, in a session of its own."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["gunicorn", *words]
    runpy.run_module("gunicorn", run_name="__main__")
