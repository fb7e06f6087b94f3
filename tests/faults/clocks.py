"""Servers whose clock is wrong, and the time zones in which that shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

SHIFT: Final = Path(__file__).parent / "wrong_clock"


def wrong_clock(file: Path, seconds: int) -> dict[str, str]:
    """Return the environment of a server whose clock is so many seconds ahead.

    `jump` on the same file sets it while the server runs.
    """
    jump(file, seconds)
    return {"PYTHONPATH": str(SHIFT), "WRONG_CLOCK": str(file)}


def jump(file: Path, seconds: int) -> None:
    """Set the clock to so many seconds ahead of the machine's."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(file)


def near_midnight(now: datetime) -> tuple[str, timezone]:
    """Return a zone in which an hour more or an hour less is another day: its name, and itself.

    It is never so near that midnight passes while a test runs.
    """
    hour = 23 if now.minute < 55 else 0
    offset = (hour - now.astimezone(UTC).hour + 12) % 24 - 12
    # The names have the sign of west, as POSIX has it.
    return f"Etc/GMT{-offset:+d}", timezone(timedelta(hours=offset))
