"""Folders for the servers of tests, which every account can enter, in memory where that is lent.

A database is some 300 files, and a run makes and drops more than a thousand databases. On a disk
that took 16 to 213 ms for each of them, and in memory 12 ms.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dev import processes

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is made there has names of its own
"""A file system in memory, on Linux; a container often has only 64 MB of it."""
ENOUGH: Final = 4 * 2**30
"""A whole run had 0.3 GB there at most: twelve times that, as it is the memory of all."""
MARK: Final = "threadkeeper-"


@contextlib.contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """Yield a new folder whose path has the name in it; it goes with everything in it."""
    place = _memory()
    prefix = f"{MARK}{os.getpid()}-{name}-"
    # Not in pytest's own folder: that one is closed to the account that PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place)).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory() -> Path | None:
    if sys.platform != "linux" or not os.access(MEMORY, os.W_OK):
        return None
    _remove_leftovers()
    return MEMORY if shutil.disk_usage(MEMORY).free >= ENOUGH else None


def _remove_leftovers() -> None:
    """Remove the folders of runs that were killed: nothing else would give their memory back."""
    for folder in MEMORY.glob(f"{MARK}[0-9]*-*"):
        pid = int(folder.name.removeprefix(MARK).partition("-")[0])
        if processes.find(pid) is None:
            shutil.rmtree(folder, ignore_errors=True)
