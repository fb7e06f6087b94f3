"""`./run` starts again, soon, and after whatever happened to the one before."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.dev.runs import Run
from tests.fix_figures import Figures


@pytest.mark.measured
def test_a_second_start_sets_nothing_up_again(begin: Callable[..., Run], figures: Figures) -> None:
    first, first_seconds = timed(begin)
    made = made_once(first)
    first.end()

    second, second_seconds = timed(begin)

    assert made_once(second) == made
    assert "install" not in second.said()
    measured = {"first start, s": first_seconds, "second start, s": second_seconds}
    figures.tell("R1", "A start after the first one finds everything set up", measured)


def timed(begin: Callable[..., Run]) -> tuple[Run, float]:
    """Return a run that has started, and the seconds that it took."""
    began = time.monotonic()
    return begin().started(), round(time.monotonic() - began, 1)


def made_once(run: Run) -> tuple[int, bytes]:
    """Return what a second set-up would change: the file of the database's version, the secret."""
    version = run.data_dir / "postgres" / "data" / "PG_VERSION"
    return version.stat().st_ino, (run.data_dir / "secret").read_bytes()


def test_it_starts_again_after_everything_was_killed(begin: Callable[..., Run]) -> None:
    run = begin().started()
    # The supervisor first, or it would go on starting parts again.
    run.process.kill()
    for process in run.processes():
        # Some end by themselves meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    run.process.wait()

    again = begin(port=run.port).started()

    assert again.answers()
    assert again.auth_answers()


def test_it_starts_again_while_parts_of_a_killed_run_still_hold_the_port(
    begin: Callable[..., Run],
) -> None:
    run = begin().started()
    # A stopped master cannot obey, so its workers go on holding the port.
    os.kill(run.group("gunicorn"), signal.SIGSTOP)
    run.process.kill()
    run.process.wait()

    again = begin(port=run.port).started()

    assert again.answers()
