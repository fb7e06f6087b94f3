"""The store on a real database, the people who use it, and builders for what they store."""

from __future__ import annotations

from collections.abc import Iterator
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

from chat.context import RequestContext
from chat.db import Database
from chat.neon_store import NeonStore

# Naive, as ChatKit stamps it.
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456)
_numbers = count(1)


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    database = Database(dsn, pool_size=5)
    yield database
    database.close()


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
