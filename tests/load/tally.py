"""What is counted while a crowd is at work, and what is told of it."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of what went wrong or was refused, and seconds of what went well.

    `foreign` are answers with a word of somebody else, `lost` are those that are not whole, or
    not stored as they were streamed, `mixed` are whole ones with other words than expected,
    `refused` were politely told to come back, `failed` is all else. Counters say what it was.
    """

    whole: int = 0
    foreign: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    mixed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    streaming: int = 0
    """How many turns have shown their first words and not their last."""
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def wrong(self) -> dict[str, int]:
        """Return what must never be, at any load."""
        failed = {f"failed: {what}": count for what, count in self.failed.items()}
        failed |= {f"lost: {what}": count for what, count in self.lost.items()}
        return {
            name: count
            for name, count in ({"foreign": self.foreign, "mixed": self.mixed} | failed).items()
            if count
        }

    def took(self, what: str, seconds: float) -> None:
        self.seconds.setdefault(what, []).append(seconds)

    def count(self, what: str) -> int:
        return len(self.seconds.get(what, []))

    def middle(self, what: str) -> float:
        return round(statistics.median(self.seconds[what]), 3)

    def slowest_of_a_hundred(self, what: str) -> float:
        """Return the seconds that 99 of 100 of them stayed below."""
        times = sorted(self.seconds[what])
        return round(times[int(0.99 * (len(times) - 1))], 3)
