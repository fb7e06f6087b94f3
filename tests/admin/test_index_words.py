"""`python -m chat.admin index` makes everything findable at once."""

from __future__ import annotations

import pytest

from chat.admin.__main__ import main
from chat.connection import Connection
from chat.search_text import parse
from chat.tables import items, search, search_words, threads
from tests.fix_store import a_message, a_thread


def test_everything_without_words_gets_them_and_is_counted(
    dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    number = search_words.AT_ONCE + 1
    with Connection.connect(dsn, autocommit=True) as conn:
        for who in ("user_alice", "user_bob"):
            threads.save(conn, user_id=who, thread=a_thread("thr_1", "Knots"))
        for _ in range(number):
            items.add(conn, user_id="user_bob", thread_id="thr_1", item=a_message(text="knots"))
        conn.execute("UPDATE chatkit_thread_item SET words = NULL")
        conn.execute("UPDATE chatkit_thread SET title_words = NULL")

        assert main(["index"]) == 0
        assert f"{number + 2} messages and titles can be found that could not" in caplog.text
        assert main(["index"]) == 0
        assert "0 messages and titles can be found that could not" in caplog.text

        words = parse("knots").tsquery("user_bob")
        found = search.messages(conn, user_id="user_bob", query=words, limit=999)
    assert len(found) == number
