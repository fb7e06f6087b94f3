"""The whole suite of the store, with one wall and with two: see chat/wall.py."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", params=[False, True], ids=["one_wall", "two_walls"])
def row_level_security(request: pytest.FixtureRequest) -> bool:
    """Whether the test's database has its second wall: both, one after the other."""
    return bool(request.param)
