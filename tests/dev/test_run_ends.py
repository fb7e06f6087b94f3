"""However `./run` ends, it leaves no process behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from dev import processes
from tests.dev.runs import Run


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGINT, os.killpg),
        (signal.SIGTERM, os.kill),
        (signal.SIGHUP, os.killpg),
    ],
    ids=["SIGINT to the group", "SIGTERM alone", "SIGHUP to the group"],
)
def test_a_signal_leaves_no_process_behind(
    begin: Callable[..., Run],
    number: signal.Signals,
    send: Callable[[int, int], None],
) -> None:
    run = begin().started()
    assert len(run.processes()) > 3

    send(run.process.pid, number)
    run.process.wait(60)

    assert run.processes() == []


def test_a_signal_in_the_middle_of_the_start_leaves_no_process_behind(
    begin: Callable[..., Run],
) -> None:
    run = begin()
    assert processes.wait_until(lambda: "Better Auth" in run.said(), seconds=60)

    run.process.send_signal(signal.SIGTERM)
    run.process.wait(60)

    # One that was being started at that very moment ends when it finds its pipe closed.
    assert processes.wait_until(lambda: not run.processes(), seconds=60), run.processes()


def test_the_parts_of_a_killed_run_end_by_themselves(begin: Callable[..., Run]) -> None:
    run = begin().started()

    run.process.kill()
    run.process.wait()

    assert processes.wait_until(lambda: not run.processes(), seconds=60), run.processes()
