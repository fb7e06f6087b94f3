"""A disk that is really full: what PostgreSQL does then by itself, in all the ways it has.

What triggers play in test_refusals.py, in small, is here the real thing: tables, their indexes and
their long values (TOAST) cannot grow, and nothing can be sorted in temporary files.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import psycopg
import pytest

from chat.tables.turns import LEASE_SECONDS
from chat.turn_keeper import SWEEP_SECONDS
from dev.local_postgres import LocalPostgres
from tests.faults.asking import Said, ask_at_once, code_of, first_success, slowest, stored_messages
from tests.faults.conftest import Faulty, faulty_server
from tests.faults.refusals import (
    REASON,
    an_answer_waits_until_it_can_be_stored,
    prepared,
    reading,
    running_turns,
    split,
    what_cannot_be_saved_is_told_and_reading_goes_on,
)
from tests.faults.small_disk import SmallDisk, small_disk
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import Reply, pieces_of
from tests.fix_postgres import Databases
from tests.fix_server import Client, text_of, thread_of
from tests.fix_turns import KEEP, begin, eventually, stored_answers

pytestmark = pytest.mark.soak

# Nothing in it comes twice, so it cannot be compressed, and needs pages of its own.
_random = random.Random(6)  # noqa: S311
LONG: Final = " ".join(f"{_random.getrandbits(128):032x}" for _ in range(600))
SMALL: Final = {"message", "first message", "name", "pin", "deletion"}
"""What may find room in a page that is there already, as long as its index has some too."""
COPIES: Final = 70
COPY_THREADS: Final = """
    INSERT INTO chatkit_thread (user_id, id, title, title_source, document, last_position)
    SELECT user_id, id || '_' || n, title, title_source,
           replace(document::text, id, id || '_' || n)::json, 2 * %(copies)s
      FROM chatkit_thread, generate_series(1, %(copies)s) AS n
     WHERE id = %(thread_id)s
"""
COPY_ITEMS: Final = """
    INSERT INTO chatkit_thread_item
           (user_id, thread_id, position, id, kind, document, words, preview)
    SELECT user_id, thread_id || '_' || n, position + 2 * (m - 1), id || '_' || m, kind,
           replace(replace(document::text, thread_id, thread_id || '_' || n),
                   id, id || '_' || m)::json,
           words, preview
      FROM chatkit_thread_item, generate_series(1, %(copies)s) AS n,
           generate_series(1, %(copies)s) AS m
     WHERE thread_id = %(thread_id)s
"""


@pytest.fixture
def disk(postgres: LocalPostgres, databases: Databases, migrated: str) -> Iterator[SmallDisk]:
    with small_disk(postgres, databases, migrated) as disk:
        yield disk


@pytest.fixture
def faulty(disk: SmallDisk, auth: AuthServer, tmp_path: Path) -> Iterator[Faulty]:
    with faulty_server(disk.dsn, auth, tmp_path) as faulty:
        yield faulty
    log = (tmp_path / "gunicorn.log").read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 2000 :]


@contextlib.contextmanager
def full(disk: SmallDisk, _faulty: Faulty) -> Iterator[None]:
    with disk.full_to_the_last_page():
        yield


def test_what_does_not_fit_on_the_disk_is_told_and_reading_goes_on(
    faulty: Faulty, alice: Client, alice_session: Person, disk: SmallDisk, figures: Figures
) -> None:
    writing = prepared(faulty, alice, alice_session, long=LONG.replace(" ", ""))

    told = what_cannot_be_saved_is_told_and_reading_goes_on(
        faulty, writing, figures, partial(full, disk), may_be_taken=SMALL
    )

    figures.tell(
        "E2 I1",
        "A disk that is really full: reading goes on, what has no room is refused and says so, what"
        " has some is stored, and writing goes on soon after there is space.",
        told,
    )


def test_an_answer_waits_for_space(
    faulty: Faulty, alice: Client, disk: SmallDisk, figures: Figures
) -> None:
    fault = partial(full, disk)
    ended = an_answer_waits_until_it_can_be_stored(
        faulty, alice, fault, text=LONG, pause=0.01, seconds=30
    )

    figures.tell(
        "E2 I1",
        "An answer that is being written when the disk gets full, really full, and stays so for"
        " half a minute, is written to its end and is stored once there is space.",
        {
            "words": len(LONG.split()),
            "words stored": len(LONG.split()),
            "its end came after there was space, s": round(ended, 2),
        },
    )


def test_no_worker_that_lives_loses_its_turn_because_only_small_things_can_be_stored(
    faulty: Faulty, alice: Client, disk: SmallDisk, figures: Figures
) -> None:
    thread_id = thread_of(alice.say("first"))
    faulty.model.script(Reply(pieces=[LONG], pause=2))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    next(iter(stream))

    with disk.full():
        stream.read(deltas=1)
        # Long enough for another worker to believe that this one is dead, and to look twice.
        time.sleep(LEASE_SECONDS + 2 * SWEEP_SECONDS + 5)
    back = time.monotonic()
    events = stream.rest()
    ended = time.monotonic() - back

    errors = [event for event in events if event["type"] == "error"]
    assert not errors
    assert text_of(events) == LONG
    assert stored_answers(alice, thread_id)[1] == LONG
    figures.tell(
        "E2 I1",
        "While a disk is full but for some room in its pages, a turn whose answer has none stays"
        " with its worker, and is stored once there is space.",
        {
            "seconds without space": LEASE_SECONDS + 2 * SWEEP_SECONDS + 5,
            "turns lost": len(errors),
            "its end came after there was space, s": round(ended, 2),
        },
    )


def test_an_answer_that_finds_no_space_for_long_says_so_and_its_thread_goes_on(
    faulty: Faulty, alice: Client, alice_session: Person, disk: SmallDisk, figures: Figures
) -> None:
    thread_id = thread_of(alice.say("before"))
    faulty.model.script(Reply(pieces=pieces_of(LONG), pause=0.01))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read(deltas=40)
    eventually(lambda: checkpoints(disk.dsn) > 2)

    with full(disk, faulty):
        began = time.monotonic()
        events = stream.rest()
        told_after = time.monotonic() - began
        read = ask_at_once(1, reading(alice, thread_id))
    back = time.monotonic()
    first_success("message", lambda: begin(alice, "after", thread_id).answer)
    again = time.monotonic() - back
    eventually(lambda: running_turns(disk.dsn) == 0)

    # The last thing that is said is why: nobody is told after it that the work goes on.
    assert events[-1]["type"] == "error", events[-1]
    assert REASON in events[-1]["message"]
    failed = [(one.kind, one.status) for one in read if one.status not in {200, 204}]
    assert not failed
    stored = stored_messages(disk.dsn, alice_session.id)
    assert stored == ["before", "long, please", "after"]
    kept = stored_answers(alice, thread_id)[1]
    assert kept
    assert LONG.startswith(kept)
    figures.tell(
        "E2 I1",
        "An answer that finds no space on a full disk for a minute ends and says why; what of it"
        " was stored before is kept, and its thread goes on once there is space.",
        {
            "told after, s": round(told_after, 1),
            "characters kept from before": len(kept),
            "failed reads meanwhile": len(failed),
            "messages lost or doubled": len({"before", "long, please", "after"} ^ {*stored}),
            "its thread took a message after there was space, s": round(again, 2),
        },
    )


def test_reading_a_lot_needs_no_space(
    faulty: Faulty, alice: Client, alice_session: Person, disk: SmallDisk, figures: Figures
) -> None:
    thread_id = thread_of(alice.say(f"before {LONG[:700]}"))
    messages = have_many_like_it(disk.dsn, thread_id)

    with full(disk, faulty):
        read = ask_at_once(2, reading(alice, thread_id))

    failed = [(one.kind, one.status) for one in read if one.status not in {200, 204}]
    assert not failed
    export = next(one.answer for one in read if one.kind == "export")
    assert export.text.count("before") >= messages
    figures.tell(
        "E2",
        "On a full disk, where nothing can be put into temporary files either, all of a long"
        " history can be read, searched and taken along.",
        {
            "threads": COPIES,
            "messages": messages,
            "reads": len(read),
            "failed reads": len(failed),
            "slowest answer, s": slowest(read),
        },
    )


def test_a_message_whose_words_have_no_room_in_the_index_is_refused_whole(
    faulty: Faulty,
    alice: Client,
    alice_session: Person,
    disk: SmallDisk,
    postgres: LocalPostgres,
    figures: Figures,
) -> None:
    said = Said()
    thread_id = thread_of(alice.say("before"))
    logged = len(postgres.log.read_bytes())

    with disk.full_but_for_tables():
        asks = {"long message": lambda: said.send(alice, thread_id, f" {LONG}")}
        tried = [*ask_at_once(1, asks), *ask_at_once(1, asks)]
        stored = stored_messages(disk.dsn, alice_session.id)
        grown = disk.could_not_grow(postgres.log.read_bytes()[logged:].decode())
    for kind, ask in asks.items():
        first_success(kind, ask)

    taken, refused = split(tried)
    assert not taken
    assert stored == ["before"]
    assert grown == {"chatkit_thread_item_words"}
    wrong = said.wrong(stored_messages(disk.dsn, alice_session.id)[1:])
    assert not any(wrong.values()), wrong
    figures.tell(
        "E2 I1",
        "A message that has room on a full disk, while its words have none in the index of the"
        " search, is refused and leaves nothing behind.",
        {
            "messages refused, all with 503 and the reason": len(refused),
            "of them stored": len(stored) - 1,
            "messages lost or doubled after it": sum(map(len, wrong.values())),
        },
    )


def test_what_cannot_be_read_without_temporary_files_is_not_called_readable(
    faulty: Faulty, alice: Client, disk: SmallDisk, figures: Figures
) -> None:
    thread_id = thread_of(alice.say(f"before {LONG[:700]}"))
    have_many_like_it(disk.dsn, thread_id)
    with psycopg.connect(disk.dsn, autocommit=True) as conn:
        conn.execute("ALTER DATABASE small_disk SET work_mem = '64kB'")
    faulty.proxy.cut()

    with full(disk, faulty):
        read = ask_at_once(1, reading(alice, thread_id))
    again = ask_at_once(1, reading(alice, thread_id))

    refused = [one for one in read if one.status not in {200, 204}]
    assert refused
    assert {(one.status, code_of(one.answer)) for one in refused} <= {
        (503, "database_unavailable"),
        (503, "page"),
    }
    assert not [one.kind for one in refused if REASON in one.answer.text]
    failed = [(one.kind, one.status) for one in again if one.status not in {200, 204}]
    assert not failed
    figures.tell(
        "E2",
        "Where so little memory is set that reading needs temporary files, a full disk is told as"
        " a database that cannot be reached, and not as one that can be read.",
        {
            "reads": len(read),
            "refused, all with 503 and the reason": len(refused),
            "failed reads after there was space": len(failed),
        },
    )


def have_many_like_it(dsn: str, thread_id: str) -> int:
    """Copy the thread COPIES times, and its items as often into each; return how many those are."""
    with psycopg.connect(dsn) as conn:
        conn.execute(COPY_THREADS, {"thread_id": thread_id, "copies": COPIES})
        return conn.execute(COPY_ITEMS, {"thread_id": thread_id, "copies": COPIES}).rowcount


def checkpoints(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SELECT count(*) FROM chatkit_turn_event").fetchone()
    assert row is not None
    return int(row[0])
