"""However `./run` ends, it leaves no process behind, and starts again, soon.

A start takes seconds of both cores, so the tests hand the started `./run` on: whatever one of
them leaves running is what the next one ends, in its own way.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev import processes
from tests.dev.runs import Run
from tests.fix_figures import Figures
from tests.ports import kept_port


class Place:
    """A folder and a port where `./run` starts again and again, one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = kept_port()
        self._run: Run | None = None

    def begin(self) -> Run:
        """Start it, and do not wait; the one before has ended, or is ended."""
        self.end()
        self._run = Run(self.folder, port=self._port)
        return self._run

    def running(self) -> Run:
        """Return the one that the test before left running, or a new one."""
        if self._run and self._run.process.poll() is None and self._run.answers():
            return self._run
        return self.begin().started()

    def end(self) -> None:
        """End what runs and see that nothing of it is left."""
        run, self._run = self._run, None
        if run:
            run.end()


@pytest.fixture(scope="module")
def place(home: Path) -> Iterator[Place]:
    """Where the tests of this module start `./run`; nothing has been set up there yet."""
    place = Place(home / "var")
    yield place
    place.end()


@pytest.mark.measured
def test_a_second_start_sets_nothing_up_again(place: Place, figures: Figures) -> None:
    assert not place.folder.exists()
    first, first_seconds = timed(place)
    made = made_once(first)
    first.end()

    second, second_seconds = timed(place)

    assert made_once(second) == made
    assert "install" not in second.said()
    measured = {"first start, s": first_seconds, "second start, s": second_seconds}
    figures.tell("R1", "A start after the first one finds everything set up", measured)


def test_it_starts_again_after_everything_was_killed(place: Place) -> None:
    run = place.running()
    # The supervisor first, or it would go on starting parts again.
    run.process.kill()
    for process in run.processes():
        # Some end by themselves meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    run.process.wait()

    again = place.begin().started()

    assert again.answers()
    assert again.auth_answers()


def test_it_starts_again_while_parts_of_a_killed_run_still_hold_the_port(place: Place) -> None:
    run = place.running()
    # A stopped master cannot obey, so its workers go on holding the port.
    os.kill(run.group("gunicorn"), signal.SIGSTOP)
    run.process.kill()
    run.process.wait()

    again = place.begin().started()

    assert again.answers()


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
    place: Place, number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    run = place.running()
    assert len(run.processes()) > 3

    send(run.process.pid, number)
    run.process.wait(60)

    assert run.processes() == []


def test_a_signal_in_the_middle_of_the_start_leaves_no_process_behind(place: Place) -> None:
    run = place.begin()
    assert processes.wait_until(lambda: "Better Auth" in run.said(), seconds=60)

    run.process.send_signal(signal.SIGTERM)
    run.process.wait(60)

    # One that was being started at that very moment ends when it finds its pipe closed.
    assert processes.wait_until(lambda: not run.processes(), seconds=60), run.processes()


def test_the_parts_of_a_killed_run_end_by_themselves(place: Place) -> None:
    run = place.running()

    run.process.kill()
    run.process.wait()

    assert processes.wait_until(lambda: not run.processes(), seconds=60), run.processes()


def timed(place: Place) -> tuple[Run, float]:
    """Return a run that has started, and the seconds that it took."""
    began = time.monotonic()
    return place.begin().started(), round(time.monotonic() - began, 1)


def made_once(run: Run) -> tuple[int, bytes]:
    """Return what a second set-up would change: the file of the database's version, the secret."""
    version = run.data_dir / "postgres" / "data" / "PG_VERSION"
    return version.stat().st_ino, (run.data_dir / "secret").read_bytes()
