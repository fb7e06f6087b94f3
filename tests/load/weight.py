"""What a server's workers weigh: memory, descriptors and threads, from Linux's /proc."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Weight:
    """What a process weighs, or the most of several in each respect; `memory` in MiB."""

    memory: int = 0
    descriptors: int = 0
    threads: int = 0

    def most(self, other: Weight) -> Weight:
        return Weight(
            max(self.memory, other.memory),
            max(self.descriptors, other.descriptors),
            max(self.threads, other.threads),
        )


class Scales:
    """Weighs a server's workers again and again.

    `before` and `most` are of the heaviest. `spread` is how many descriptors each worker had when
    all of them together had the most: two of each stream, so it tells how even the streams were.
    """

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self.spread: list[int] = []
        self.before = self.most = self.now()

    async def weigh_on(self) -> None:
        while True:
            self.most = self.most.most(self.now())
            await asyncio.sleep(LOOK_SECONDS)

    def now(self) -> Weight:
        """Return what the heaviest weighs now."""
        weights = [_weight(pid) for pid in self._pids]
        descriptors = [weight.descriptors for weight in weights]
        self.spread = max(self.spread, descriptors, key=sum)
        heaviest = Weight()
        for weight in weights:
            heaviest = heaviest.most(weight)
        return heaviest


def _weight(pid: int) -> Weight:
    status = Path(f"/proc/{pid}/status").read_text()
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Weight(_number("VmRSS", status) // 1024, descriptors, _number("Threads", status))


def _number(name: str, status: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    assert found, name
    return int(found[1])
