"""Look at the processes of this machine, through /proc or, where there is none, through ps."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A living process; `group` is its process group, `command` its words joined by spaces."""

    pid: int
    group: int
    command: str

    @property
    def folder(self) -> Path | None:
        """The working directory, or None where it cannot be read (only Linux tells it)."""
        try:
            return (PROC / str(self.pid) / "cwd").readlink()
        except OSError:
            return None


def find(pid: int) -> Process | None:
    """Return the living process of that pid; a zombie counts as dead."""
    if _has_proc():
        return _from_proc(pid)
    return next(iter(_from_ps("-p", str(pid))), None)


def everything() -> Iterator[Process]:
    """Yield every living process that this user can see."""
    if not _has_proc():
        yield from _from_ps("-ax")
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (process := _from_proc(int(entry.name))):
            yield process


def members(group: int) -> list[Process]:
    """Return the living processes of a process group."""
    return [process for process in everything() if process.group == group]


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.05) -> bool:
    """Return True as soon as the condition holds, False when it still does not after that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def end_group(group: int, *, grace: float, ask: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process group to end, and kill what is left of it after `grace` seconds."""
    for number, seconds in ((ask, grace), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
            # A stopped process has to go on before it can obey.
            os.killpg(group, signal.SIGCONT)
        if wait_until(lambda: not members(group), seconds=seconds):
            return


def _has_proc() -> bool:
    return (PROC / "self/stat").exists()


def _from_proc(pid: int) -> Process | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text(errors="replace")
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    # The second field is the name in brackets, which may itself hold spaces and brackets.
    state, _parent, group = stat.rpartition(")")[2].split()[:3]
    if state in "ZX":
        return None
    command = words.replace(b"\0", b" ").decode(errors="replace").strip()
    return Process(pid, int(group), command)


def _from_ps(*choice: str) -> list[Process]:
    answer = subprocess.run(
        ["ps", "-o", "pid=,pgid=,stat=,command=", *choice],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = (line.split(None, 3) for line in answer.stdout.splitlines())
    return [
        Process(int(row[0]), int(row[1]), row[3])
        for row in rows
        if len(row) == 4 and not row[2].startswith("Z")
    ]
