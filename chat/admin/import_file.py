"""`python -m chat.admin import`: puts exported conversations back, for a user.

One thread is one transaction: all of it is stored, or nothing. What a thread with the same id is
there for already is left as it is, so that the command is safe to repeat.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final

import psycopg

from chat.connection import Connection
from chat.db import Database
from chat.errors import ImportRefused
from chat.export_format import LONGEST_ID, Read, ReadItem, ReadThread, read
from chat.tables import imports
from chat.tables.thread_lists import MOST_PINNED

logger = logging.getLogger(__name__)

ITEMS_AT_ONCE: Final = 500
SIZE_AT_ONCE: Final = 1024 * 1024
"""Characters of lines whose items are stored by one statement, and held in memory before that."""
DEADLINE: Final = 60.0
"""Seconds for each statement: nobody waits for it but the operator."""
TELL_SECONDS: Final = 2.0


@dataclass(slots=True)
class Counts:
    """What became of the threads of a file so far."""

    imported: int = 0
    there: int = 0
    unpinned: int = 0

    def __str__(self) -> str:
        """Return the counts as an operator reads them."""
        were = "was" if self.there == 1 else "were"
        words = f"{self.imported} imported, {self.there} {were} there already"
        if self.unpinned:
            words += f"; {self.unpinned} not pinned, as {MOST_PINNED} others are"
        return words


def add(commands: Any) -> None:
    """Add this command to those of the program."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "import",
        help="put exported conversations back",
        description="Stores the conversations of a file that /history/export.json gave for a user. "
        "One that the user has already, by its id, is left as it is.",
    )
    parser.add_argument("--user", required=True, type=_user_id, help="whose they will be: an id")
    parser.add_argument("file", help="the file, or - for standard input")
    parser.set_defaults(run=run)


def run(database: Database, args: argparse.Namespace) -> int:
    """Import the file that the words name; return the exit status."""
    if args.file == "-":
        return _run(database, args.user, sys.stdin.buffer)
    try:
        with Path(args.file).open("rb") as stream:
            return _run(database, args.user, stream)
    except OSError as exc:
        sys.stderr.write(f"{args.file} cannot be read: {exc.strerror}\n")
        return 2


def _run(database: Database, user_id: str, stream: BinaryIO) -> int:
    counts = Counts()
    try:
        import_all(database, user_id=user_id, stream=stream, counts=counts)
    except ImportRefused as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    except OSError as exc:
        sys.stderr.write(f"the file cannot be read any further: {exc.strerror}\n")
        return 1
    finally:
        sys.stderr.write(f"{counts}\n")
    return 0


def import_all(
    database: Database, *, user_id: str, stream: BinaryIO, counts: Counts | None = None
) -> Counts:
    """Store the threads of an export for the user, and return how many; `counts` is kept current.

    Raises ImportRefused at the first line that is wrong. Threads before it are stored then.
    """
    counts = counts or Counts()
    told = time.monotonic()
    lines = read(stream)
    for begun in lines:
        if isinstance(begun, ReadThread):
            _import_thread(database, user_id, begun, lines, counts)
        if time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            logger.info("line %d: %s", begun.line, counts)
    return counts


def _import_thread(
    database: Database, user_id: str, begun: ReadThread, lines: Iterator[Read], counts: Counts
) -> None:
    thread_id = begun.thread.id
    batches = _batches(lines)
    # Read before the transaction begins: most threads are whole by then.
    first = next(batches)
    with database.connection() as conn, conn.patient(DEADLINE), conn.transaction():
        pinned = _store_head(conn, user_id, begun)
        if pinned is not None:
            stored = [_store_items(conn, user_id, batch) for batch in chain([first], batches)]
            imports.finish(conn, user_id=user_id, thread_id=thread_id, last_position=sum(stored))
    if pinned is None:
        counts.there += 1
        # What is not stored is looked at all the same.
        deque(batches, maxlen=0)
        return
    counts.imported += 1
    counts.unpinned += begun.thread.pinned_at is not None and not pinned


def _store_head(conn: Connection, user_id: str, begun: ReadThread) -> bool | None:
    """Store a thread and return whether it is pinned now; None if it is there already."""
    try:
        pinned = imports.thread(conn, user_id=user_id, thread=begun.thread)
    except psycopg.DataError as exc:
        raise ImportRefused(begun.line, "the database cannot store this thread") from exc
    thread_id = begun.thread.id
    if pinned is None and not imports.is_there(conn, user_id=user_id, thread_id=thread_id):
        raise ImportRefused(
            begun.line, "this conversation was deleted a moment ago: import again in 15 seconds"
        )
    return pinned


def _store_items(conn: Connection, user_id: str, batch: list[ReadItem]) -> int:
    """Store items of one thread, and return how many."""
    if not batch:
        return 0
    lines = f"up to line {batch[-1].line}"
    pairs = [(line.item, line.parsed) for line in batch]
    thread_id = batch[0].item.thread_id
    try:
        stored = imports.items(conn, user_id=user_id, thread_id=thread_id, items=pairs)
    except psycopg.DataError as exc:
        raise ImportRefused(
            batch[0].line, f"{lines}, there is something that the database cannot store"
        ) from exc
    if stored < len(batch):
        raise ImportRefused(batch[0].line, f"{lines}, there is an id that the thread has twice")
    return stored


def _batches(lines: Iterator[Read]) -> Iterator[list[ReadItem]]:
    """Yield the items up to the end of their thread, some at a time; at least one, empty list."""
    batch: list[ReadItem] = []
    size = 0
    for line in lines:
        if not isinstance(line, ReadItem):
            break
        batch.append(line)
        size += line.size
        if len(batch) == ITEMS_AT_ONCE or size >= SIZE_AT_ONCE:
            yield batch
            batch, size = [], 0
    yield batch


def _user_id(word: str) -> str:
    if not 0 < len(word) <= LONGEST_ID or not word.isprintable():
        raise argparse.ArgumentTypeError(f"a user's id has 1 to {LONGEST_ID} printable characters")
    return word
