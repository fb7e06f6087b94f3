"""The app gives words to what was stored before there was search, while it is used."""

from __future__ import annotations

import time

import psycopg

from tests.fix_auth import Person
from tests.fix_server import StartServer, thread_of


def without_words(conn: psycopg.Connection) -> int:
    row = conn.execute(
        "SELECT (SELECT count(*) FROM chatkit_thread_item WHERE words IS NULL AND kind LIKE"
        " '%message') + (SELECT count(*) FROM chatkit_thread WHERE title_words IS NULL)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_worker_that_starts_fills_in_the_words_of_old_messages(
    start_server: StartServer, alice_session: Person
) -> None:
    old = start_server()
    thread_of(old.client(alice_session).say("Which knots are there?"))
    old.stop()
    with psycopg.connect(old.dsn, autocommit=True) as conn:
        conn.execute("UPDATE chatkit_thread_item SET words = NULL")
        conn.execute("UPDATE chatkit_thread SET title_words = NULL")
        assert without_words(conn) == 3

        new = start_server()
        deadline = time.monotonic() + 60
        while without_words(conn) and time.monotonic() < deadline:
            time.sleep(0.1)

        assert without_words(conn) == 0
    found = new.client(alice_session).get("/history/search?q=knots")
    assert "<mark>knots</mark>" in found.text
