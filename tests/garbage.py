"""Looking for garbage only in what tests make.

What is imported and collected stays until the end of the run: some million objects, among which
Python looks for garbage again and again while they grow, and then with every large look after that.
That was more than half of what each process did before its first test.
"""

from __future__ import annotations

import atexit
import gc

import pytest

gc.disable()
# Python says at its end what of this was never closed, if it cannot collect it.
atexit.register(gc.unfreeze)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> object:
    """Look from here on, without what is there; also if collecting has failed."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
