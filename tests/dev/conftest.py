"""`./run`, started for a module of tests or for one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.dev.runs import Run
from tests.folders import open_folder
from tests.ports import kept_port


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A folder that every account can enter, for the tests of this module."""
    with open_folder("run") as folder:
        yield folder


@pytest.fixture(scope="module")
def site(home: Path) -> Iterator[Run]:
    """A started `./run` for the tests that leave it as good as they found it."""
    run = Run(home / "site", port=kept_port()).started()
    yield run
    run.end()


@pytest.fixture
def begin(home: Path) -> Iterator[Callable[..., Run]]:
    """Starts `./run`, by default on a folder that the tests share, and ends it after the test."""
    runs: list[Run] = []

    def begin(name: str = "var", *, port: int | None = None, **settings: str) -> Run:
        runs.append(Run(home / name, port=port or kept_port(), **settings))
        return runs[-1]

    yield begin
    for run in runs:
        run.end()
