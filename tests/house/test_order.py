"""The files that are begun first when tests run side by side are there."""

from __future__ import annotations

from tests.side_by_side import FIRST, TESTS


def test_every_file_that_is_begun_first_is_there() -> None:
    gone = [name for name in FIRST if not (TESTS / name).exists()]

    assert not gone, f"moved or renamed: say so in tests/side_by_side.py: {gone}"
