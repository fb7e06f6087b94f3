"""Which signals end `./run`, whatever it inherited from the shell that started it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from dev.serve import SIGNALS, Signals


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """Give the signals back to pytest."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_sigint_ends_it_even_when_a_shell_started_it_in_the_background() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    Signals().listen()

    assert callable(signal.getsignal(signal.SIGINT))


def test_sighup_does_not_end_what_nohup_started() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    Signals().listen()

    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
