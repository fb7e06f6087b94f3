"""Gives a Python process another time of day than the machine's; Python reads it at its start.

How many seconds it is ahead stands in the file that WRONG_CLOCK names, and is looked up each time.
Time that goes by is measured rightly, as on a machine whose clock is set. libfaketime would do
the same below Python, but makes Python's sleep() fail.
"""

from __future__ import annotations

import ctypes
import gc
import os
import time
from datetime import date, datetime, tzinfo
from pathlib import Path

_file = Path(os.environ["WRONG_CLOCK"])
_time, _time_ns = time.time, time.time_ns


def _ahead() -> int:
    return int(_file.read_text())


def _now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return cls.fromtimestamp(time.time(), tz)


def _today(cls: type[date]) -> date:
    return cls.fromtimestamp(time.time())


def _put(cls: type, **methods: object) -> None:
    # The types of datetime are written in C, and lend nobody their dictionary to write into.
    gc.get_referents(cls.__dict__)[0].update(methods)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))


time.time = lambda: _time() + _ahead()
time.time_ns = lambda: _time_ns() + _ahead() * 1_000_000_000
_put(datetime, now=classmethod(_now), today=classmethod(_today))
_put(date, today=classmethod(_today))
