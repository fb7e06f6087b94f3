"""What a test measured: told at its end, and kept for the table of docs/reliability.md.

A test that proves a promise asks for `figures` and tells the promise in a sentence, the rows of
the product that it belongs to, and what it counted. `./run soak` keeps what is told, as JSON in
`docs/figures/`, and writes the table anew from all that is there; `./run test` only shows it.
Marked `soak`, a test runs at full size in `./run soak` alone; marked `measured`, it is as long as
it gets and runs in both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.machine import describe_machine
from tests.reliability import FIGURES, write_table


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the word by which `./run soak` keeps figures."""
    parser.addoption("--keep-figures", action="store_true", help="write docs/figures/*.json")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table, once, in the process that started the others."""
    if session.config.option.keep_figures and not hasattr(session.config, "workerinput"):
        write_table()


class Figures:
    """Takes what one test counted."""

    def __init__(self, test: str, *, kept: bool) -> None:
        self._test = test
        self._kept = kept
        self._told: dict[str, Any] = {}
        if kept:
            self._path().unlink(missing_ok=True)  # A test that fails leaves no figures at all.

    def room(self, seconds: float) -> float:
        """Return what a busy machine may add to a bound: `seconds`, or 0.0 where figures are kept.

        A machine that keeps figures has nothing else to do, so there the bound holds as it is.
        """
        return 0.0 if self._kept else seconds

    def tell(self, rows: str, promise: str, measured: Mapping[str, Any]) -> None:
        """Keep what was measured; `rows` are ids of the product's rows, as "E2" or "H2 S6".

        Call it after the assertions: what is told has held. The names of `measured` are read by
        people, with their unit: {"failed requests": 0, "slowest answer, s": 0.21}.
        """
        assert not self._told, "one test tells one promise"
        self._told = {
            "test": self._test,
            "rows": rows,
            "promise": promise,
            "measured": dict(measured),
        }

    def lines(self) -> str:
        """Return what was told, as JSON for people and programs; empty if nothing was."""
        return json.dumps(self._told, indent=2, ensure_ascii=False) if self._told else ""

    def keep(self) -> None:
        """Store what was told, and on what machine and commit; nothing where none are kept."""
        if self._kept and self._told:
            FIGURES.mkdir(parents=True, exist_ok=True)
            whole = {**self._told, "machine": describe_machine()}
            self._path().write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")

    def _path(self) -> Path:
        """Return the file of this test alone: web-test_limits-…, as there are others so called."""
        file, _, name = self._test.removeprefix("tests/").partition("::")
        return FIGURES / f"{_plain(file.removesuffix('.py'))}-{_plain(name)}.json"


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> Iterator[Figures]:
    """What this test tells about the promise that it proves."""
    figures = Figures(request.node.nodeid, kept=request.config.option.keep_figures)
    yield figures
    with capsys.disabled():
        print(f"\n{figures.lines()}")  # noqa: T201
    figures.keep()


def _plain(name: str) -> str:
    """Return a test's name, or its place, as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter == "_" else "-" for letter in name)
