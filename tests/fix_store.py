"""The store on a real database, the people who use it, and builders for what they store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageItem,
    InferenceOptions,
    ThreadMetadata,
    UserMessageItem,
    UserMessageTextContent,
)

from chat.connection import Connection
from chat.context import RequestContext
from chat.db import Database
from chat.neon_store import NeonStore
from chat.wall import WalledConnection
from tests.fix_postgres import behind_the_wall

# Naive, as ChatKit stamps it.
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456)
_numbers = count(1)


@pytest.fixture(scope="session")
def row_level_security() -> bool:
    """Whether the test's database has its second wall; in tests/store each test runs in both."""
    return False


@pytest.fixture
def open_database(row_level_security: bool) -> Iterator[Callable[[str], Database]]:
    """Make a Database of a dsn as the app would, with the wall or without."""
    opened: list[Database] = []

    def open_database(dsn: str) -> Database:
        if row_level_security:
            dsn = behind_the_wall(dsn)
        kind = WalledConnection if row_level_security else Connection
        opened.append(Database(dsn, pool_size=5, connection_class=kind))
        return opened[-1]

    yield open_database
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[[str], Database], dsn: str) -> Database:
    return open_database(dsn)


def connected(dsn: str, *, row_level_security: bool) -> Connection:
    """Return one connection as the app would have it, with the wall or without."""
    if row_level_security:
        return WalledConnection.connect(behind_the_wall(dsn), autocommit=True)
    return Connection.connect(dsn, autocommit=True)


@pytest.fixture
def conn(open_database: Callable[[str], Database], dsn: str) -> Iterator[Connection]:
    """A connection of the test's database, as table functions are lent one."""
    with open_database(dsn).connection() as conn:
        yield conn


@pytest.fixture
def by_hand(dsn: str) -> Iterator[Connection]:
    """A connection of whoever owns the tables, whom no wall holds: to look, and to arrange."""
    with Connection.connect(dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def store(database: Database) -> NeonStore:
    return NeonStore(database)


@pytest.fixture
def alice() -> RequestContext:
    """Alice, who owns what the test makes."""
    return RequestContext(user_id="user_alice")


@pytest.fixture
def mallory() -> RequestContext:
    """Mallory, who must never see it."""
    return RequestContext(user_id="user_mallory")


def a_thread(thread_id: str = "thr_1", title: str | None = None, **fields: Any) -> ThreadMetadata:
    return ThreadMetadata(id=thread_id, title=title, created_at=NOON, **fields)


def a_message(
    item_id: str | None = None, text: str = "What is a thread?", thread_id: str = "thr_1"
) -> UserMessageItem:
    return UserMessageItem(
        id=item_id or f"msg_{next(_numbers)}",
        thread_id=thread_id,
        created_at=NOON,
        content=[UserMessageTextContent(text=text)],
        inference_options=InferenceOptions(),
    )


def an_answer(
    item_id: str | None = None, text: str = "A long thin strand.", thread_id: str = "thr_1"
) -> AssistantMessageItem:
    return AssistantMessageItem(
        id=item_id or f"msg_{next(_numbers)}",
        thread_id=thread_id,
        created_at=NOON,
        content=[AssistantMessageContent(text=text)],
    )
