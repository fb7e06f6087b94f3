"""A part of `./run`: a process with a log, started again when it dies, ended with its group."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dev import processes

LARGEST_LOG = 10_000_000
# A part that dies right after its start is given longer and longer pauses, up to this.
LONGEST_PAUSE = 3.0
BAD_NEWS = re.compile(r'\[(ERROR|CRITICAL)\]|"level": ?"(error|critical)"', re.IGNORECASE)


class PartFailed(RuntimeError):
    """A part did not come up; the message ends with the end of its log."""


@dataclass
class Part:
    """One supervised process, the leader of a process group of its own.

    `spawn` starts it, `ready` says whether it answers, `grace` is how many seconds it has to end
    by itself, and `mark` is what every process of its group has in its command line.
    """

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    ready: Callable[[], bool]
    log: Path
    mark: str
    grace: float
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _deaths: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)
    _not_before: float = field(default=0.0, init=False)

    def start(self, *, seconds: float = 60) -> None:
        """Start it and wait until it is ready. Raises PartFailed."""
        self._launch()
        if not processes.wait_until(lambda: self._ended() or self.ready(), seconds=seconds):
            raise PartFailed(f"{self.name} was not ready after {seconds:.0f} s\n{self.log_tail()}")
        if self._ended():
            raise PartFailed(f"{self.name} ended at its start\n{self.log_tail()}")

    def look_after(self, tell: Callable[[str], None]) -> None:
        """Start it again if it has died; to be called a few times a second."""
        if not self._ended() or self.process is None or time.monotonic() < self._not_before:
            return
        tell(f"{self.name} ended ({_how(self.process.returncode)}), starting it again: {self.log}")
        # Workers of a killed gunicorn still hold its port.
        processes.end_group(self.process.pid, grace=0.5)
        lived = time.monotonic() - self._started
        self._deaths = 0 if lived > 10 else self._deaths + 1
        self._launch()
        self._not_before = time.monotonic() + min(self._deaths * 0.5, LONGEST_PAUSE)

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """End it and everything in its group, at once if `hurry` says so. Again does nothing."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.stdin:
            with contextlib.suppress(OSError):
                process.stdin.close()
        process.terminate()
        processes.wait_until(lambda: process.poll() is not None or hurry(), seconds=self.grace)
        if processes.members(process.pid):
            processes.end_group(process.pid, grace=1.0)
        process.wait()

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()[-25:]
        return "\n".join([*lines, f"(all of it: {self.log})"])

    def _launch(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._started = time.monotonic()
        self.process = self.spawn()

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


class BadNews:
    """Shows the lines of a log that tell of an error, as they come in."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._seen = log.stat().st_size if log.exists() else 0

    def show(self, tell: Callable[[str], None]) -> None:
        """Tell every line that has come since the last time and says ERROR."""
        size = self._log.stat().st_size if self._log.exists() else 0
        if size == self._seen:
            return
        with self._log.open("rb") as file:
            # A smaller file is a new one.
            file.seek(self._seen if size > self._seen else 0)
            fresh, _, unfinished = file.read().rpartition(b"\n")
            self._seen = file.tell() - len(unfinished)
        for line in fresh.decode(errors="replace").splitlines():
            if BAD_NEWS.search(line):
                tell(line[:500])


def remember(path: Path, parts: list[Part]) -> None:
    """Write down which process groups are ours, for the next start."""
    groups = [[part.process.pid, part.mark] for part in parts if part.process]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(groups))
    fresh.replace(path)


def end_leftovers(path: Path) -> int:
    """End what an earlier start left behind when it was killed, and return how many that were."""
    try:
        groups = json.loads(path.read_text())
    except (OSError, ValueError):
        return 0
    ended = 0
    for group, mark in groups:
        # The number may belong to another program by now, which has other words in its command.
        if group != os.getpgrp() and any(mark in p.command for p in processes.members(group)):
            processes.end_group(group, grace=5.0)
            ended += 1
    path.unlink()
    return ended


def _how(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"status {status}"
