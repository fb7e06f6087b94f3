"""What was exported comes back as it was, once, whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chat.admin.__main__ import main
from chat.admin.import_file import import_all
from chat.connection import Connection
from chat.db import Database
from chat.errors import ImportRefused
from chat.export_format import LONGEST_LINE
from chat.tables import items, thread_lists, thread_marks, threads
from tests.admin.a_history import ODD, exported, keep, keep_history
from tests.fix_postgres import Databases
from tests.fix_store import a_message, a_thread, an_answer

ROOT = Path(__file__).parent.parent.parent
ALICE, BOB = "user_alice", "user_bob"
SEARCHED = """
    SELECT thread_id, position, preview, words::text FROM chatkit_thread_item
     WHERE user_id = %s ORDER BY thread_id, position
"""


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection]:
    with Connection.connect(dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def empty(databases: Databases, migrated: str) -> Iterator[Database]:
    """Another database, in which there is nothing yet."""
    database = Database(databases.create("import_target", template=migrated))
    yield database
    database.close()
    databases.drop("import_target")


def take(database: Database, file: bytes, user_id: str = ALICE) -> str:
    """Import a file; return the counts as an operator reads them."""
    return str(import_all(database, user_id=user_id, stream=io.BytesIO(file)))


def lines_of(database: Database) -> list[str]:
    return exported(database, ALICE).decode().split("\n")


def rows(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with database.connection() as conn:
        return conn.execute(statement, values).fetchall()


def test_an_export_imported_into_an_empty_database_exports_to_the_same_bytes(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep_history(conn, ALICE)
    file = exported(database, ALICE)

    assert take(empty, file) == "9 imported, 0 were there already"

    assert exported(empty, ALICE) == file
    assert len(json.loads(file)["threads"]) == 9


def test_the_file_in_the_documentation_is_one(empty: Database) -> None:
    page = (ROOT / "docs" / "export.md").read_text()
    [shown] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    assert take(empty, shown.encode()) == "1 imported, 0 were there already"

    assert exported(empty, ALICE) == shown.encode()


def test_somebody_else_can_have_the_same_conversations(
    database: Database, conn: Connection
) -> None:
    keep_history(conn, ALICE)
    file = exported(database, ALICE)

    take(database, file, BOB)

    assert exported(database, BOB) == file
    assert exported(database, ALICE) == file


def test_what_the_app_reads_is_what_was_there(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep_history(conn, ALICE)
    take(empty, exported(database, ALICE))

    with empty.connection() as other:
        for row in thread_lists.newest(conn, user_id=ALICE, limit=50, after=None).rows:
            who = {"user_id": ALICE, "thread_id": row.id}
            assert thread_lists.find(other, **who) == thread_lists.find(conn, **who)
            assert threads.load(other, **who) == threads.load(conn, **who)
        odd = items.load(other, user_id=ALICE, thread_id="thr_odd", item_id="o2")
        assert odd == an_answer("o2", ODD)
        assert [row.id for row in thread_lists.pinned(other, user_id=ALICE)] == ["thr_odd"]


def test_search_and_lists_know_the_words_of_what_was_imported(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep_history(conn, ALICE)
    before = rows(database, SEARCHED, ALICE)
    titles = "SELECT id, title_words::text FROM chatkit_thread ORDER BY id"

    take(empty, exported(database, ALICE))

    after = rows(empty, SEARCHED, ALICE)
    assert [row[2:] for row in after] == [row[2:] for row in before]
    assert any(row[3] for row in after)
    assert rows(empty, titles) == rows(database, titles)


def test_a_thread_goes_on_after_its_last_item(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep(conn, ALICE, "thr_1", "Gaps", [a_message(f"m{n}") for n in range(3)])
    items.delete(conn, user_id=ALICE, thread_id="thr_1", item_ids=["m1"])
    take(empty, exported(database, ALICE))

    with empty.connection() as other:
        items.add(other, user_id=ALICE, thread_id="thr_1", item=a_message("m3"))

    positions = rows(empty, "SELECT id, position FROM chatkit_thread_item ORDER BY position")
    assert positions == [("m0", 1), ("m2", 2), ("m3", 3)]


def test_what_is_there_already_is_left_as_it_is(database: Database, conn: Connection) -> None:
    keep(conn, ALICE, "thr_1", "One", [a_message("m1")])
    keep(conn, ALICE, "thr_2", "Two", [a_message("m1")])
    file = exported(database, ALICE)
    threads.rename(conn, user_id=ALICE, thread_id="thr_1", title="Renamed")
    items.add(conn, user_id=ALICE, thread_id="thr_1", item=an_answer("m2"))
    conn.execute("DELETE FROM chatkit_thread WHERE id = 'thr_2'")

    assert take(database, file) == "1 imported, 1 was there already"
    assert take(database, file) == "0 imported, 2 were there already"

    assert threads.load(conn, user_id=ALICE, thread_id="thr_1").title == "Renamed"
    assert b'"m2"' in exported(database, ALICE)


def test_a_thread_that_waits_for_its_deletion_is_not_there_and_not_imported(
    database: Database, conn: Connection
) -> None:
    keep(conn, ALICE, "thr_1", "One", [a_message("m1")])
    file = exported(database, ALICE)
    conn.execute("UPDATE chatkit_thread SET deleted_at = now()")

    assert json.loads(exported(database, ALICE))["threads"] == []
    with pytest.raises(ImportRefused, match=r"line 2: .* import again in 15 seconds"):
        take(database, file)


def test_no_more_threads_are_pinned_than_the_list_shows(
    database: Database, conn: Connection
) -> None:
    keep(conn, BOB, "thr_more", "More", [])
    thread_marks.pin(conn, user_id=BOB, thread_id="thr_more")
    for number in range(thread_lists.MOST_PINNED):
        threads.save(conn, user_id=ALICE, thread=a_thread(f"thr_{number}"))
        thread_marks.pin(conn, user_id=ALICE, thread_id=f"thr_{number}")

    counts = take(database, exported(database, BOB))

    assert counts == "1 imported, 0 were there already; 1 not pinned, as 100 others are"
    assert not thread_lists.find(conn, user_id=ALICE, thread_id="thr_more").pinned


def test_a_document_with_line_ends_in_it_comes_back_too(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep(conn, ALICE, "thr_1", "One", [a_message("m1")])
    conn.execute(
        "UPDATE chatkit_thread_item SET document = replace(document::text, ',', E',\\r\\n  ')::json"
    )
    file = exported(database, ALICE)

    take(empty, file)

    assert exported(empty, ALICE) == file
    assert file.count(b"\n") == 5


Break = Callable[[list[str]], list[str]]


def swap(old: str, new: str, line: int = 2) -> Break:
    """Return a change of one line."""

    def change(lines: list[str]) -> list[str]:
        assert old in lines[line], (old, lines[line])
        return [*lines[:line], lines[line].replace(old, new, 1), *lines[line + 1 :]]

    return change


BROKEN: dict[str, tuple[Break, int]] = {
    "empty": (lambda _: [""], 1),
    "of another program": (lambda _: ['{"conversations":[]}'], 1),
    "an array": (lambda _: ["[]"], 1),
    "binary": (lambda _: ["\x7fELF\x01"], 1),
    "of a later version": (swap('"version":1', '"version":2', line=0), 1),
    "spelled anew": (lambda lines: [json.dumps(json.loads("\n".join(lines)), indent=1)], 1),
    "in one line": (lambda lines: ["".join(lines)], 1),
    "cut in the head": (lambda lines: lines[:1], 1),
    "cut after a thread's head": (lambda lines: lines[:2], 2),
    "cut after an item": (lambda lines: lines[:3], 3),
    "cut within a line": (lambda lines: [*lines[:2], lines[2][:100]], 3),
    "cut before the end": (lambda lines: lines[:-2], 8),
    "longer than it should be": (lambda lines: [*lines[:-1], '{"more":1}'], 10),
    "an empty line": (lambda lines: [*lines[:2], "", *lines[2:]], 3),
    "an item without a thread": (lambda lines: [lines[0], *lines[2:]], 2),
    "no id": (swap('"id":"m1"', '"id":""'), 3),
    "a long id": (swap('"id":"m1"', f'"id":"{"m" * 201}"'), 3),
    "an id of control characters": (swap('"id":"m1"', '"id":"\\u0000"'), 3),
    "an id that leads elsewhere": (swap('"id":"m1"', '"id":"../m1"'), 3),
    "an id that is a folder": (swap('"id":"m1"', '"id":".."'), 3),
    "half a character": (swap('"id":"m1"', '"id":"\\ud800"'), 3),
    "another id in the document": (swap('"id":"m1"', '"id":"m9"'), 3),
    "an id of many messages": (lambda lines: swap_all(lines, '"m1"', '"__fake_id__"'), 3),
    "another kind": (swap('"kind":"user_message"', '"kind":"task"'), 3),
    "no such kind": (swap('"type":"user_message"', '"type":"poem"'), 3),
    "no such thumb": (swap('"feedback":null', '"feedback":"sideways"'), 3),
    "no such outcome": (swap('"outcome":null', '"outcome":"great"'), 3),
    "a field too many": (swap('"outcome":null', '"outcome":null,"user_id":"user_bob"'), 3),
    "no date": (swap('"created_at":"2', '"created_at":"x2'), 3),
    "a number for a date": (lambda lines: date(lines, "1"), 3),
    "a date without a zone": (lambda lines: date(lines, '"2026-03-01T12:00:00"'), 3),
    "the last day there is": (lambda lines: date(lines, '"9999-12-31T23:59:59Z"'), 3),
    "a document that ChatKit cannot load": (swap('"content":[', '"contents":['), 3),
    "half a character in the document": (swap("What is a", "\\ud83d"), 3),
    "no JSON": (swap('"content":[', '"content":[,'), 3),
    "too deep": (swap('"inference_options":{', f'"deep":{"[" * 9999}{"]" * 9999},"x":{{'), 3),
    "no number": (swap('"inference_options":{', '"more":NaN,"inference_options":{'), 3),
    "something beside the document": (swap('"document":{', '"document":{},"more":{'), 3),
    "a title that is no text": (swap('"title":"One"', '"title":1', line=1), 2),
    "a title of a book": (swap('"One"', f'"{"x" * 2001}"', line=1), 2),
    "a title from nobody": (swap('"title_source":"user"', '"title_source":"me"', line=1), 2),
    "no such status": (swap('"status":"active"', '"status":"asleep"', line=1), 2),
    "another status": (swap('"status":"active"', '"status":"locked"', line=1), 2),
    "the same id twice": (lambda lines: [*lines[:3], lines[2], *lines[3:]], 3),
}


def swap_all(lines: list[str], old: str, new: str) -> list[str]:
    return [line.replace(old, new) for line in lines]


def date(lines: list[str], value: str) -> list[str]:
    head, _, rest = lines[2].partition('"created_at":')
    changed = f'{head}"created_at":{value},{rest.partition(",")[2]}'
    return [*lines[:2], changed, *lines[3:]]


@pytest.fixture(scope="module")
def shared(databases: Databases, migrated: str) -> Iterator[Database]:
    """One database for all broken files: each is for somebody else. Alice has two threads."""
    database = Database(databases.create("import_broken", template=migrated))
    with database.connection() as conn:
        keep(conn, ALICE, "thr_1", "One", [a_message("m1"), an_answer("m2")])
        keep(conn, ALICE, "thr_2", "Two", [a_message("m1")])
    yield database
    database.close()
    databases.drop("import_broken")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_by_its_line_and_nothing_of_that_thread_is_stored(
    shared: Database, name: str
) -> None:
    change, line = BROKEN[name]
    file = "\n".join(change(lines_of(shared))).encode()

    with pytest.raises(ImportRefused, match=rf"^line {line}: [a-zA-Z]") as refused:
        take(shared, file, f"user_{name}")

    assert "What is a" not in str(refused.value)
    assert len(str(refused.value)) < 300
    stored = rows(
        shared,
        "SELECT id, (SELECT count(*) FROM chatkit_thread_item"
        "             WHERE user_id = thread.user_id AND thread_id = thread.id)"
        "  FROM chatkit_thread AS thread WHERE user_id = %s ORDER BY id",
        f"user_{name}",
    )
    # The threads whose last line came before the broken one.
    assert stored == [("thr_1", 2), ("thr_2", 1)][: (line >= 5) + (line >= 8)]


def test_bytes_that_are_no_text_are_refused(database: Database, conn: Connection) -> None:
    keep(conn, ALICE, "thr_1", "One", [a_message("m1")])
    file = exported(database, ALICE).replace(b"thread?", b"thr\xffead?")

    with pytest.raises(ImportRefused, match="line 3: this is not UTF-8"):
        take(database, file, BOB)


def test_a_line_without_an_end_is_not_read_to_its_end(empty: Database) -> None:
    class Endless(io.RawIOBase):
        read_so_far = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            self.read_so_far += size
            return b"x" * size

    stream = Endless()

    with pytest.raises(ImportRefused, match="line 1: a line is longer than"):
        import_all(empty, user_id=ALICE, stream=stream)  # type: ignore[arg-type]

    assert stream.read_so_far <= LONGEST_LINE + 1


def test_a_nul_in_a_title_is_stored_as_everywhere(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep(conn, ALICE, "thr_1", "One", [])
    file = exported(database, ALICE).replace(b'"One"', b'"O\\u0000ne"')

    take(empty, file)

    assert rows(empty, "SELECT title FROM chatkit_thread") == [("O\ufffdne",)]


def test_line_ends_of_windows_are_no_fault(
    database: Database, conn: Connection, empty: Database
) -> None:
    keep_history(conn, ALICE)
    file = exported(database, ALICE)

    take(empty, file.replace(b"\n", b"\r\n"))

    assert exported(empty, ALICE) == file


def a_large_file(threads_: int, items_: int, text: str) -> Iterator[bytes]:
    """Yield the lines of an export that is made while it is read."""
    date = "2026-03-01T12:00:00.000000Z"
    yield b'{"format":"threadkeeper","version":1,"threads":[\n'
    for thread in range(threads_):
        document = a_thread(f"thr_{thread}").model_dump_json(exclude={"title"})
        head = f'{{"id":"thr_{thread}","title":null,"title_source":"none","status":"active"'
        dates = f'"created_at":"{date}","last_message_at":"{date}","pinned_at":null'
        yield f'{head},{dates},"archived_at":null,"document":{document},"items":[\n'.encode()
        for item in range(items_):
            said = an_answer(f"m{item}", text).model_dump_json()
            head = f'{{"id":"m{item}","kind":"assistant_message","feedback":null,"outcome":null'
            yield f'{head},"created_at":"{date}","document":{said}}},\n'.encode()
        yield b"]},\n"
    yield b"]}\n"


class Lines(io.RawIOBase):
    """A stream of lines that are not there before they are read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.size = 0

    def readline(self, _size: int | None = -1, /) -> bytes:
        line = next(self._lines, b"")
        self.size += len(line)
        return line


def test_a_large_file_needs_little_memory(empty: Database) -> None:
    # One long word: what search makes of it is not the point here.
    lines = Lines(a_large_file(2, 1_000, "x" * 16_000))
    empty.open()

    tracemalloc.start()
    counts = import_all(empty, user_id=ALICE, stream=lines)  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert counts.imported == 2
    assert lines.size > 30_000_000
    assert peak < 12_000_000, peak
    assert rows(empty, "SELECT count(*), max(position) FROM chatkit_thread_item") == [(2000, 1000)]


def test_an_id_that_comes_again_much_later_refuses_the_whole_thread(empty: Database) -> None:
    lines = list(a_large_file(1, 1200, "hm"))
    lines.insert(-2, lines[2])

    with pytest.raises(ImportRefused, match=r"^line \d+: up to line 1203, there is an id"):
        take(empty, b"".join(lines))

    assert rows(empty, "SELECT FROM chatkit_thread") == []


def run_command(
    *words: str, stdin: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "chat.admin", *words]
    return subprocess.run(
        command, env=keep | environ, cwd=ROOT, input=stdin, capture_output=True, timeout=120
    )


def test_the_command_imports_a_file_and_says_what_it_did(
    database: Database, conn: Connection, empty_dsn: str, tmp_path: Path
) -> None:
    keep_history(conn, ALICE)
    file = exported(database, ALICE)
    (tmp_path / "all.json").write_bytes(file)

    words = ("import", "--user", BOB, str(tmp_path / "all.json"))
    first = run_command(*words, DATABASE_URL=empty_dsn)
    again = run_command("import", "--user", BOB, "-", stdin=file, DATABASE_URL=empty_dsn)

    assert (first.returncode, first.stdout) == (0, b""), first.stderr
    assert first.stderr.decode().endswith("\n9 imported, 0 were there already\n")
    assert "applied 0001" in first.stderr.decode()
    assert again.returncode == 0
    assert again.stderr.decode().endswith("\n0 imported, 9 were there already\n")
    target = Database(empty_dsn)
    assert exported(target, BOB) == file
    target.close()


def test_the_command_says_in_one_line_what_is_wrong_with_a_file(dsn: str) -> None:
    result = run_command("import", "--user", BOB, "-", stdin=b"{}", DATABASE_URL=dsn)

    assert result.returncode == 1
    assert result.stderr.decode().splitlines()[-2:] == [
        "line 1: this is not an export of Threadkeeper, or another program has spelled it anew",
        "0 imported, 0 were there already",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the following arguments are required"),
        (("import",), "--user"),
        (("import", "--user", ALICE), "file"),
        (("import", "--user", "", "x"), "1 to 200 printable characters"),
        (("import", "--user", "a\nb", "x"), "1 to 200 printable characters"),
        (("dance",), "invalid choice"),
        (("import", "--user", ALICE, "no-such-file.json"), "No such file"),
        (("import", "--user", ALICE, "tests"), "Is a directory"),
    ],
)
def test_a_command_that_makes_no_sense_is_told_so(
    words: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.chdir(ROOT)

    try:
        status: object = main(words)
    except SystemExit as exc:
        status = exc.code

    assert status == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "Connection refused"),
    ],
)
def test_without_its_database_the_command_says_why(environ: dict[str, str], said: str) -> None:
    file = b"".join(a_large_file(1, 1, "hm"))

    result = run_command("import", "--user", ALICE, "-", stdin=file, **environ)

    assert result.returncode == 1
    assert said in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_a_user_whom_the_auth_server_does_not_know_is_told_apart(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as conn:
        conn.execute('CREATE TABLE "user" (id text PRIMARY KEY)')
    file = b"".join(a_large_file(1, 1, "hm"))

    result = run_command("import", "--user", ALICE, "-", stdin=file, DATABASE_URL=empty_dsn)

    assert result.returncode == 1
    assert "no user of that id" in result.stderr.decode()
