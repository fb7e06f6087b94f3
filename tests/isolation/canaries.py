"""Words that belong to one person, and how they are found where they must not be."""

from __future__ import annotations

import re
from typing import Final

# Nothing else in the project has such a word, so whichever is found was planted by a test.
CANARY: Final = re.compile(r"zqcanary[0-9]+owned[0-9]+qz")


def canary(number: int, owner: int) -> str:
    """Return the word of a person: `number` tells cases apart, `owner` the people in one."""
    return f"zqcanary{number}owned{owner}qz"


def foreign_in(text: str, own: str) -> set[str]:
    """Return the canaries in a text that are not this person's, in whatever case."""
    return set(CANARY.findall(text.lower())) - {own}
