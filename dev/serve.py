"""Start everything, keep it running, and leave nothing behind: what `./run` becomes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType

from chat.errors import ConfigError
from dev import parts, settings
from dev.node import NodeFailed
from dev.parts import PartFailed
from dev.settings import RunSettings
from dev.site import MigrationsFailed, Site, tell

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asks us to end; not an Exception, so that nobody takes it for a failure."""


class CannotStart(RuntimeError):
    """Something outside of us is in the way; the message says what to do."""


class Signals:
    """The first signal ends the work by an exception; later ones only ask to be quick."""

    def __init__(self) -> None:
        self._count = 0

    def listen(self) -> None:
        """Take over the signals that end a program."""
        for number in SIGNALS:
            # nohup ignores SIGHUP and means it; a shell ignores SIGINT behind its "&" and does not.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._receive)

    def hurry(self) -> bool:
        """Return whether a second signal has come."""
        return self._count > 1

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1:
            raise Stopped


def main() -> int:
    """Serve until a signal comes; return the exit status."""
    signals = Signals()
    signals.listen()
    try:
        run = settings.read(os.environ)
        with _alone(run):
            Site(run).serve(hurry=signals.hurry)
    except (ConfigError, CannotStart, MigrationsFailed, PartFailed, NodeFailed) as exc:
        tell(f"./run: {exc}")
        return 1
    except Stopped:
        tell("stopped")
    return 0


@contextlib.contextmanager
def _alone(run: RunSettings) -> Iterator[None]:
    """Make sure that nobody else serves this folder or listens on this port."""
    with (run.data_dir / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"another ./run already uses {run.data_dir}: stop it, or set DATA_DIR and PORT"
            ) from None
        if parts.end_leftovers(run.data_dir / "parts.json"):
            tell("ended what an earlier start had left behind")
        _check_port(run.port)
        yield


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As gunicorn does: a port that was in use a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as exc:
            if exc.errno == errno.EACCES:
                remedy = "is only for root: set one above 1023"
            else:
                remedy = "is taken by another program: end that, or set another PORT"
            raise CannotStart(f"PORT {port} {remedy}") from None


if __name__ == "__main__":
    sys.exit(main())
