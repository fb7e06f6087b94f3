"""`./run` starts again, soon, and after whatever happened to the one before."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.dev.runs import Run


@pytest.mark.alone
def test_a_second_start_takes_less_than_ten_seconds(begin: Callable[..., Run]) -> None:
    begin().started().end()

    began = time.monotonic()
    begin().started()

    assert time.monotonic() - began < 10


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
