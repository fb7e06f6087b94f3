"""What each person asks and what they have to be answered: nobody else's words fit."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

MARK: Final = re.compile(r"person-\d{4}")
"""Everything that is said, named or stored carries its owner's mark."""

FIRST_PIECES: Final = 6
"""Before the model waits until everybody is there."""
LAST_PIECES: Final = 20
"""At least; up to a dozen more, so that not all answers end in the same moment."""


def mark_of(number: int) -> str:
    return f"person-{number:04d}"


def question(mark: str) -> str:
    """Return something to ask that nobody has asked before."""
    return f"{mark} asks {secrets.token_hex(8)}"


def pieces_for(asked: str) -> list[str]:
    """Return the deltas of the one right answer; each depends on the question and its place."""
    mark = marks_in(asked).pop()
    further = hashlib.sha256(asked.encode()).digest()[0] % 12
    count = FIRST_PIECES + LAST_PIECES + further
    words = [hashlib.sha256(f"{asked} {at}".encode()).hexdigest()[:12] for at in range(count - 1)]
    return [f"For {mark}:", *(f" {at}-{word}" for at, word in enumerate(words))]


def marks_in(text: str) -> set[str]:
    return set(MARK.findall(text))
