"""A disk that really gets full: a small file system in memory, with one database on it.

PostgreSQL keeps the files of that database there and its log of changes (WAL) elsewhere, so it
goes on, and says of its own accord that it could not extend a file.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import errors, sql

from dev.local_postgres import LocalPostgres
from tests.fix_postgres import Databases
from tests.folders import open_folder

SIZE: Final = "96m"
PIECE: Final = bytes(4096)
STRANGER: Final = "the one who leaves no place"
# Somebody else's rows, in each table into which people's requests insert. No index and no worker
# looks at their kinds and states.
ROWS: Final = (
    """INSERT INTO chatkit_thread (user_id, id, document)
       VALUES (%(user_id)s, %(id)s, to_json(%(words)s::text))""",
    """INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)
       VALUES (%(user_id)s, '0', %(number)s, %(id)s, 'task', to_json(%(words)s::text))""",
    """INSERT INTO chatkit_turn (user_id, thread_id, id, state, worker, lease_until)
       VALUES (%(user_id)s, '0', %(id)s, 'done', %(words)s, now())""",
    """INSERT INTO chatkit_turn_event (user_id, turn_id, seq, events)
       VALUES (%(user_id)s, '0', %(number)s, %(words)s)""",
    """INSERT INTO chatkit_limit (user_id, kind, ends_at, taken, most)
       VALUES (%(user_id)s, %(words)s, now() + interval '1 day', 1, 1)""",
)
LONG_MESSAGES: Final = """
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)
    SELECT %s, '0', n, n::text, 'task',
           to_json((SELECT string_agg(md5(n || '.' || m), ' ')
                      FROM generate_series(1, CASE n %% 2 WHEN 0 THEN 20 ELSE 900 END) AS m))
      FROM generate_series(1, 200) AS n
"""
LENGTHS: Final = (1500, 300, 30)


class SmallDisk:
    """The file system in `folder`, and the database of `dsn` on it."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self.dsn = dsn
        self._filler = folder / "filler"
        with psycopg.connect(dsn) as conn:
            conn.execute(
                "INSERT INTO chatkit_thread (user_id, id, document) VALUES (%s, '0', '{}')",
                [STRANGER],
            )
            conn.execute(
                "INSERT INTO chatkit_turn (user_id, thread_id, id, state, worker, lease_until)"
                " VALUES (%s, '0', '0', 'done', '', now())",
                [STRANGER],
            )

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Leave no space on the disk until the block ends; pages have the room that they had."""
        with self._filler.open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(PIECE)
        try:
            yield
        finally:
            self._filler.unlink()

    @contextlib.contextmanager
    def full_but_for_tables(self) -> Iterator[None]:
        """Leave no space, and room in the table of messages and its long values, not in indexes."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            conn.execute(LONG_MESSAGES, [STRANGER])
            conn.execute("DELETE FROM chatkit_thread_item WHERE user_id = %s", [STRANGER])
            # Index entries stay, and so their pages stay full.
            conn.execute("VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) chatkit_thread_item")
        with self.full():
            yield

    @contextlib.contextmanager
    def full_to_the_last_page(self) -> Iterator[None]:
        """Leave no space, and as good as no room in the pages of tables either."""
        with self.full():
            self._use_up_the_pages()
            yield

    def could_not_grow(self, log: str) -> set[str]:
        """Return the tables and indexes of which the server's log says that they could not."""
        files = re.findall(r'could not extend file "pg_tblspc/(\d+)/[^"]*?/(\d+)[^"/]*"', log)
        with psycopg.connect(self.dsn) as conn:
            rows = [
                conn.execute("SELECT pg_filenode_relation(%s, %s)::regclass::text", pair).fetchone()
                for pair in set(files)
            ]
        return {str(row[0]) for row in rows if row is not None}

    def _use_up_the_pages(self) -> None:
        """Insert rows until each table would have to grow, long ones first."""
        with psycopg.connect(self.dsn, autocommit=True) as conn:
            number = 0
            for statement in ROWS:
                for length in LENGTHS:
                    with contextlib.suppress(errors.DiskFull):
                        while True:
                            number += 1
                            row = {"user_id": STRANGER, "id": f"{number:08}", "number": number}
                            conn.execute(statement, {**row, "words": f"{number:0{length}}"})


@contextlib.contextmanager
def small_disk(postgres: LocalPostgres, databases: Databases, template: str) -> Iterator[SmallDisk]:
    """Mount a small disk with a copy of that database on it; nothing of it is left behind."""
    name = "small_disk"
    with open_folder("disk") as folder, contextlib.ExitStack() as undo:
        _mount(folder)
        # Lazily: whoever still holds a file of it must not keep it in the way.
        undo.callback(lambda: subprocess.run(["umount", "--lazy", folder], check=True))
        space = folder / "space"
        postgres.account.give_folder(space)
        words = sql.SQL("CREATE TABLESPACE {} LOCATION {}")
        databases.run(words.format(sql.Identifier(name), sql.Literal(str(space))))
        undo.callback(databases.run, sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))
        undo.callback(databases.drop, name)
        yield SmallDisk(folder, databases.create(name, template=template, tablespace=name))


def _mount(folder: Path) -> None:
    """Mount the file system, in memory; who may not do that is told how to."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            "a disk that gets full has to be mounted, which takes root: "
            f"sudo ./run soak tests/faults/test_full_disk.py ({done.stderr.strip()})",
            pytrace=False,
        )
