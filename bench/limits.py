"""What limits for each person cost: `python -m bench.limits`.

Requests go over HTTP to two servers on one database, with the limit and without; turns are begun
in this process, likewise. Both take turns, one by one, and only their ratio counts. Apart from
that: what counting alone takes, of somebody within a portion, at all of the limit, and over it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import requests
from chatkit.types import (
    InferenceOptions,
    ThreadMetadata,
    UserMessageItem,
    UserMessageTextContent,
)

from bench.machine import describe
from bench.site import Person, Site, Stage, stage
from chat.db import Database
from chat.errors import RateLimited
from chat.limits import DAY, MINUTE, RequestLimit
from chat.neon_store import new_id
from chat.running_turn import new_turn_id
from chat.tables import limits, turns
from chat.tables.limits import Limit
from chat.tables.turns import NewTurn

WARM: Final = 50
MEASURED: Final = 1000
COUNTED: Final = 600
PLENTY: Final = "1000000"
RESULT: Final = Path(__file__).parent / "results" / "limits.json"
_people = count(1)


def compare(one: Callable[[], object], other: Callable[[], object]) -> dict[str, float]:
    """Do both again and again, one after the other; return the medians and their ratio."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(WARM + MEASURED):
        # Whoever is second finds everything warm, so they change places.
        for which in (0, 1) if turn % 2 else (1, 0):
            began = time.perf_counter()
            (one, other)[which]()
            times[which].append(1e3 * (time.perf_counter() - began))
    without, limited = (statistics.median(times[which][WARM:]) for which in (0, 1))
    return {
        "without_ms": round(without, 3),
        "with_ms": round(limited, 3),
        "with_to_without": round(limited / without, 3),
    }


def getting(site: Site, person: Person, path: str) -> Callable[[], object]:
    """Return a way to load a page again and again on one connection."""
    session = requests.Session()
    session.headers["Cookie"] = person.cookie

    def load() -> None:
        session.get(site.url + path, timeout=30).raise_for_status()

    return load


def beginning(database: Database, chosen: list[Limit]) -> Callable[[], object]:
    """Return a way to begin one turn of one more person."""

    def begin() -> None:
        thread_id, now = new_id("thread"), datetime.now()
        message = UserMessageItem(
            id=new_id("message"),
            thread_id=thread_id,
            created_at=now,
            content=[UserMessageTextContent(text="Go on")],
            inference_options=InferenceOptions(),
        )
        database.run(
            turns.begin,
            # Each begins five: more would be too many at once.
            user_id=f"user_{len(chosen)}_{next(_people) // 5}",
            turn=NewTurn(new_turn_id(), thread_id, "bench"),
            thread=ThreadMetadata(id=thread_id, created_at=now),
            message=message,
            most=10,
            limits=chosen,
        )

    return begin


def counting(database: Database) -> dict[str, float]:
    """Return what counting alone takes of a request, in microseconds."""
    limit = RequestLimit(database, Limit(limits.REQUESTS, COUNTED, MINUTE))
    within = [_us_each(limit, f"within_{number}", 30) for number in range(200)]
    whole = [_us_each(limit, f"whole_{number}", COUNTED) for number in range(40)]
    over = [_us_each(limit, "whole_39", COUNTED) for _ in range(40)]
    return {
        "us_within_the_first_portion": round(statistics.median(within), 2),
        "us_at_all_of_the_limit": round(statistics.median(whole), 2),
        "us_refused": round(statistics.median(over), 2),
    }


def _us_each(limit: RequestLimit, user_id: str, number: int) -> float:
    began = time.perf_counter()
    for _ in range(number):
        try:
            limit.count(user_id)
        except RateLimited:
            continue
    return 1e6 * (time.perf_counter() - began) / number


def run(on: Stage) -> dict[str, Any]:
    """Measure all of it on one database."""
    dsn, _ = on.database("limits")
    person = on.person("alice")
    free = on.serve(dsn, REQUESTS_PER_MINUTE="0", TURNS_PER_MINUTE="0")
    bound = on.serve(dsn, REQUESTS_PER_MINUTE=PLENTY, TURNS_PER_MINUTE=PLENTY)
    database = Database(dsn)
    minute = Limit(limits.TURNS, 60, MINUTE)
    day = Limit(limits.TURNS_OF_A_DAY, 1000, DAY)
    result = {
        **describe(dsn),
        "each": MEASURED,
        **{
            f"GET {path}": compare(getting(free, person, path), getting(bound, person, path))
            for path in ("/chatkit/session", "/history")
        },
        "begin a turn": compare(beginning(database, []), beginning(database, [minute])),
        "begin a turn, also counted for the day": compare(
            beginning(database, []), beginning(database, [minute, day])
        ),
        "counting a request": counting(database),
    }
    database.close()
    return result


def main() -> None:
    """Measure on parts of our own, and write the result down."""
    with tempfile.TemporaryDirectory(prefix="threadkeeper-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with stage(folder) as on:
            result = run(on)
    text = json.dumps(result, indent=2)
    RESULT.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
