"""What a page costs when there is much of everything: `python -m bench.history [share]`.

A million threads and ten million messages of ten thousand people, beside a hundredth of it, asked
in turns over HTTP: only the ratio counts. `share` (1 by default) makes both smaller. The full size
takes about twenty minutes to make and 20 GB of disk in TMPDIR, which are given back.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
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
    """Make the data, ask, and write the result."""
    full = Size().scaled(float(words[0]) if words else 1.0)
    sizes = {"small": full.scaled(SMALL), "full": full}
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as here:
        busiest, patient, usual = (here.sign_up(name) for name in ("busiest", "patient", "usual"))
        people = People(busiest.id, patient.id, usual.id)
        sites, asked = {}, {}
        for name, size in sizes.items():
            sys.stderr.write(f"making {name}: {size}\n")
            dsn = here.database(name)
            fill(dsn, size, people)
            sites[name] = here.serve(dsn)
            asked[name] = scenes(sites[name], busiest, patient, usual)
        result = {
            **describe(here.postgres.dsn),
            "rounds": ROUNDS,
            "data": {name: size_of(site.dsn) for name, site in sites.items()},
            "sizes": {name: asdict(size) for name, size in sizes.items()},
            "milliseconds": measure(sites, asked),
        }
    if not words:
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0


def _percentiles(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
