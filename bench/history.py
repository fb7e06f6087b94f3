"""What a page costs when there is much of everything: `python -m bench.history`.

A million threads and ten million messages of ten thousand people, beside a hundredth of it, asked
in turns over HTTP: only the ratio counts. The data takes about twenty minutes to make and 20 GB of
disk; `--folder` keeps it there for the next time, `--share 0.1` makes a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg

from bench.history_data import LONGEST_THREAD, People, Size, common_word, fill
from bench.machine import describe
from bench.site import Person, Site, size_of, stage
from chat.tables.thread_lists import Place
from chat.web.addresses import cursor_of

SMALL: Final = 0.01
ROUNDS: Final = 200
WARM: Final = 20
WORD_SHARE: Final = 0.006
"""Of all messages: rare enough that the newest two thousand do not fill a page with it."""
RESULT: Final = Path(__file__).parent / "results" / "history.json"
PLACE: Final = """
    SELECT last_message_at, id
      FROM chatkit_thread
     WHERE user_id = %s
  ORDER BY last_message_at DESC, id DESC
    OFFSET (SELECT count(*) * 9 / 10 FROM chatkit_thread WHERE user_id = %s)
     LIMIT 1
"""


def scenes(site: Site, busiest: Person, patient: Person, usual: Person) -> dict[str, Any]:
    """Return what is asked, by its name: a path, and who asks."""
    with psycopg.connect(site.dsn) as conn:
        row = conn.execute(PLACE, [busiest.id, busiest.id]).fetchone()
    if row is None:
        raise RuntimeError("the busiest person has no threads")
    deep = cursor_of(Place(*row))
    word = common_word(WORD_SHARE)
    return {
        "list": ("/history/new", busiest),
        "list of a usual person": ("/history/new", usual),
        "load more, nine tenths down": (f"/history?after={deep}", busiest),
        "newest page of the longest thread": (f"/history/{LONGEST_THREAD}", patient),
        "search for a word": (f"/history/search?q={quote(word)}+", busiest),
        "search for a prefix": (f"/history/search?q={quote(word[:3])}", busiest),
        "search of a usual person": (f"/history/search?q={quote(word[:3])}", usual),
    }


def measure(sites: dict[str, Site], asked: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return p50 and p95 of each scene on each site in milliseconds, and the ratio of the p50s."""
    found: dict[str, Any] = {}
    for scene in asked["small"]:
        took: dict[str, list[float]] = {name: [] for name in sites}
        for round_ in range(WARM + ROUNDS):
            for name, site in sites.items():
                path, person = asked[name][scene]
                began = time.perf_counter()
                site.get(path, person)
                if round_ >= WARM:
                    took[name].append((time.perf_counter() - began) * 1000)
        found[scene] = {name: _percentiles(values) for name, values in took.items()}
        found[scene]["ratio"] = round(found[scene]["full"]["p50"] / found[scene]["small"]["p50"], 2)
        sys.stderr.write(f"{scene:36} {found[scene]}\n")
    return found


def main(words: list[str]) -> int:
    """Make the data if it is not there, ask, and write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.history")
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--folder", type=Path, help="where the data stays for the next time")
    wanted = parser.parse_args(words)
    full = Size().scaled(wanted.share)
    sizes = {"small": full.scaled(SMALL), "full": full}
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        here = stack.enter_context(stage(folder))
        persons = [here.person(name) for name in ("busiest", "patient", "usual")]
        people = People(*(person.id for person in persons))
        sites, asked = {}, {}
        for name, size in sizes.items():
            dsn, is_new = here.database(f"{name}-{wanted.share:g}")
            if is_new:
                sys.stderr.write(f"making {name}: {size}\n")
                fill(dsn, size, people)
            sites[name] = here.serve(dsn)
            asked[name] = scenes(sites[name], *persons)
        result = {
            **describe(here.postgres.dsn),
            "rounds": ROUNDS,
            "data": {name: size_of(site.dsn) for name, site in sites.items()},
            "sizes": {name: asdict(size) for name, size in sizes.items()},
            "milliseconds": measure(sites, asked),
        }
    if wanted.share == 1:
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
