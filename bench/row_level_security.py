"""What the second wall costs: `python -m bench.row_level_security`.

The same table functions for the same people on the same data, once as the owner of the tables
without the wall and once behind it, in turns: only the ratio counts.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from bench.machine import describe
from chat.connection import Connection
from chat.migrate import migrate
from chat.search_text import owner_of, parse
from chat.tables import item_pages, search, thread_lists, threads, turn_logs
from chat.wall import WalledConnection, check_wall
from dev.local_postgres import LocalPostgres

PEOPLE, THREADS, ITEMS = 50, 100, 20_000
"""The first of the people says ITEMS things in one thread, everybody a hundredth of it."""
ROUNDS: Final = 5
CALLS: Final = 30
RESULT: Final = Path(__file__).parent / "results" / "row_level_security.json"

GRANT: Final = """
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain
"""
FILL_THREADS: Final = """
    INSERT INTO chatkit_thread (user_id, id, title, document, last_position, last_message_at)
    SELECT %(user_id)s, 'thr_' || n, 'Title',
           json_build_object('id', 'thr_' || n, 'created_at', '2026-01-01T00:00:00'), 10000000,
           now() - make_interval(mins => n)
      FROM generate_series(1, %(threads)s) AS n
"""
FILL_ITEMS: Final = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document, preview,
                                     words, created_at)
    SELECT %(user_id)s, 'thr_1', n, 'msg_' || n, 'assistant_message',
           json_build_object('type', 'assistant_message', 'id', 'msg_' || n, 'thread_id', 'thr_1',
               'created_at', '2026-01-01T00:00:00', 'content', json_build_array(json_build_object(
                   'type', 'output_text', 'text', repeat('some words ', 20),
                   'annotations', '[]'::json))),
           'some words', array_to_tsvector(ARRAY[%(owner)s || 'some',
               %(owner)s || CASE WHEN n = 1 THEN 'rare' ELSE 'other' END]),
           timestamptz '2026-01-01' + make_interval(secs => n)
      FROM generate_series(1, %(items)s) AS n
"""


def fill(dsn: str) -> None:
    """Store what everybody said."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        for number in range(PEOPLE):
            user_id = f"user_{number}"
            params = {
                "user_id": user_id,
                "owner": owner_of(user_id),
                "threads": THREADS,
                "items": ITEMS // (100 if number else 1),
            }
            conn.execute(FILL_THREADS, params)
            conn.execute(FILL_ITEMS, params)
        conn.execute("VACUUM (ANALYZE)")


def calls() -> dict[str, Callable[[Connection], object]]:
    """Return what is measured: one table function each, as pages and streams call them."""
    me, busy = "user_7", "user_0"

    def rare(who: str) -> Callable[[Connection], object]:
        words = parse("rare ").tsquery(who)
        return lambda conn: search.messages(conn, user_id=who, query=words, limit=21)

    return {
        "load a thread": lambda conn: threads.load(conn, user_id=me, thread_id="thr_1"),
        "rename a thread": lambda conn: threads.rename(
            conn, user_id=me, thread_id="thr_9", title="Another"
        ),
        "list of 21 threads": lambda conn: thread_lists.newest(
            conn, user_id=me, limit=20, after=None
        ),
        "page of 50 messages": lambda conn: item_pages.page_desc(
            conn, user_id=busy, thread_id="thr_1", limit=50, after=None
        ),
        "look for turns' checkpoints": lambda conn: turn_logs.events_after(
            conn, user_id=me, turn_id="turn_1", seq=0
        ),
        "rare word among 200 messages": rare(me),
        "rare word among 20000": rare(busy),
    }


def measure(conn: Connection, call: Callable[[Connection], object]) -> float:
    """Return the microseconds of one call, the mean of CALLS."""
    began = time.perf_counter()
    for _ in range(CALLS):
        call(conn)
    return 1e6 * (time.perf_counter() - began) / CALLS


def run(dsn: str, plain: str) -> dict[str, Any]:
    """Measure both in turns, and return medians and the median of the rounds' ratios."""
    found = {}
    with (
        Connection.connect(dsn, autocommit=True) as without,
        WalledConnection.connect(plain, autocommit=True) as walled,
    ):
        for name, call in calls().items():
            for conn in (without, walled):
                call(conn)
            pairs = [(measure(without, call), measure(walled, call)) for _ in range(ROUNDS)]
            found[name] = {
                "us_off": round(statistics.median(off for off, _ in pairs), 1),
                "us_on": round(statistics.median(on for _, on in pairs), 1),
                "on_to_off": round(statistics.median(on / off for off, on in pairs), 2),
            }
    return found


def main() -> None:
    """Measure on a PostgreSQL of our own, and write the result down."""
    with tempfile.TemporaryDirectory(prefix="threadkeeper-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = LocalPostgres(folder, settings={"fsync": "off"})
        server.start()
        try:
            migrate(server.dsn, row_level_security=True)
            fill(server.dsn)
            with psycopg.connect(server.dsn, autocommit=True) as conn:
                conn.execute("CREATE ROLE plain LOGIN")
                conn.execute(GRANT)
            plain = make_conninfo(server.dsn, user="plain")
            check_wall(plain, wanted=True)
            result = {
                **describe(server.dsn),
                "scenario": f"{PEOPLE} people, {THREADS} threads each, {ITEMS} messages of one",
                "rounds": ROUNDS,
                "calls": run(server.dsn, plain),
            }
        finally:
            server.stop()
    text = json.dumps(result, indent=2)
    RESULT.write_text(text + "\n")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
