"""What checkpoints cost the process that streams: `python -m bench.checkpoints`.

A hundred turns stream fifty deltas a second each, once with checkpoints and once without, in
turns, because a machine is not as fast in one minute as in the next: only the ratio counts.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    InferenceOptions,
    ThreadItemAddedEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    UserMessageTextContent,
)

from bench.machine import describe
from chat.context import RequestContext
from chat.db import Database
from chat.migrate import migrate
from chat.neon_store import new_id
from chat.running_turn import Turn, new_turn_id
from chat.stream import EventLoop
from chat.tables.turns import NewTurn
from chat.turn_keeper import TICK_SECONDS, TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns
from dev.local_postgres import LocalPostgres

TURNS: Final = 100
DELTAS_A_SECOND: Final = 50
WARM_SECONDS: Final = 2.0
SECONDS: Final = 8.0
ROUNDS: Final = 4
RESULT: Final = Path(__file__).parent / "results" / "checkpoints.json"


class NoCheckpoints(TurnKeeper):
    """Stores turns at their end only, to be compared with."""

    async def _checkpoint(self, turns: list[Turn]) -> None:  # noqa: ARG002 - as it is called.
        return


@dataclass
class Stream:
    """What the hundred turns did: whether they may go on, and how late each delta was."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    late: list[float] = field(default_factory=list)

    async def write(self, item: AssistantMessageItem) -> AsyncIterator[ThreadStreamEvent]:
        """Write deltas at their times; one that is late does not wait."""
        yield ThreadItemAddedEvent(item=item)
        due = time.perf_counter()
        while not self.over.is_set():
            due += 1 / DELTAS_A_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.late.append(time.perf_counter() - due)
            delta = AssistantMessageContentPartTextDelta(content_index=0, delta=" a word")
            yield ThreadItemUpdatedEvent(item_id=item.id, update=delta)


async def begin(turns: Turns) -> Stream:
    """Begin all turns, each of another person."""
    stream = Stream()
    for number in range(TURNS):
        thread_id = new_id("thread")
        now = datetime.now()
        await turns.start(
            NewTurn(new_turn_id(), thread_id, turns.keeper.worker_id),
            RequestContext(user_id=f"user_{number}"),
            stream.write(
                AssistantMessageItem(
                    id=new_id("message"),
                    thread_id=thread_id,
                    created_at=now,
                    content=[AssistantMessageContent(text="")],
                )
            ),
            new_thread=ThreadMetadata(id=thread_id, created_at=now),
            message=UserMessageItem(
                id=new_id("message"),
                thread_id=thread_id,
                created_at=now,
                content=[UserMessageTextContent(text="Go on")],
                inference_options=InferenceOptions(),
            ),
            keep=True,
        )
    return stream


def measure(dsn: str, kind: type[TurnKeeper]) -> dict[str, float]:
    """Stream for SECONDS and return what that took of this process."""
    database, loop = Database(dsn), EventLoop()
    store = TurnStore(database)
    turns = Turns(store, kind(store, store), loop)
    stream = loop.run(begin(turns))
    time.sleep(WARM_SECONDS)
    before, cpu, began = len(stream.late), time.process_time(), time.perf_counter()
    time.sleep(SECONDS)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    late = stream.late[before:]
    loop.call(stream.over.set)
    turns.drain(20)
    loop.stop()
    database.close()
    return {
        "deltas_a_second": round(len(late) / took),
        "cpu_percent": round(100 * cpu / took, 1),
        "cpu_us_a_delta": round(1e6 * cpu / len(late), 1),
        "late_ms_median": round(1e3 * statistics.median(late), 2),
        "late_ms_p99": round(1e3 * statistics.quantiles(late, n=100)[98], 2),
    }


def run(dsn: str) -> dict[str, Any]:
    """Measure both in turns, and return the medians and their ratios."""
    runs: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    for _ in range(ROUNDS):
        runs["without"].append(measure(dsn, NoCheckpoints))
        runs["with"].append(measure(dsn, TurnKeeper))
    medians = {
        name: {key: statistics.median(each[key] for each in some) for key in some[0]}
        for name, some in runs.items()
    }
    ratios = {
        key: round(medians["with"][key] / medians["without"][key], 3)
        for key in ("deltas_a_second", "cpu_us_a_delta")
    }
    return {
        "scenario": f"{TURNS} turns, {DELTAS_A_SECOND} deltas a second each",
        "tick_seconds": TICK_SECONDS,
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "median": medians,
        "with_to_without": ratios,
    }


def main() -> None:
    """Measure on a PostgreSQL of our own, and write the result down."""
    with tempfile.TemporaryDirectory(prefix="threadkeeper-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = LocalPostgres(folder)
        server.start()
        try:
            migrate(server.dsn)
            result = {**describe(server.dsn), **run(server.dsn)}
        finally:
            server.stop()
    text = json.dumps(result, indent=2)
    RESULT.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
