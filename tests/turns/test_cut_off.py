"""A worker that is cut off from the database for long: what becomes of what its turns store.

The seconds of patience and of leases are shortened, so that nobody waits for a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from chatkit.types import (
    InferenceOptions,
    StreamingReq,
    ThreadCreateParams,
    ThreadItem,
    ThreadMetadata,
    ThreadsCreateReq,
    UserMessageInput,
    UserMessageTextContent,
)

from chat import turns as turns_module
from chat.answers import Answers
from chat.assistant import Assistant
from chat.context import RequestContext
from chat.db import Database
from chat.model import ModelSource
from chat.model.plug_in import TurnContext
from chat.neon_store import NeonStore
from chat.running_turn import END, Ready, Turn, TurnStore
from chat.stream import EventLoop
from chat.turn_keeper import TurnKeeper
from chat.turns import Turns
from tests.fix_proxy import Proxy, proxy
from tests.fix_turns import eventually

__all__ = ["proxy"]

ALICE = RequestContext(user_id="user_alice")


class Writer:
    """An assistant that says a few words, and ends when it is told to."""

    def __init__(self) -> None:
        self.words = ["some ", "words"]
        self.over = asyncio.Event()

    async def answer(
        self, _thread: ThreadMetadata, _items: list[ThreadItem], _turn: TurnContext
    ) -> AsyncIterator[str]:
        for word in self.words[:-1]:
            yield word
        await self.over.wait()
        yield self.words[-1]


class Cut:
    """A worker's turns, whose statements go through a proxy each: the leases', and all others."""

    def __init__(self, dsn: str, lease_dsn: str) -> None:
        self.loop, self.writer = EventLoop(), Writer()
        self._databases = Database(dsn), Database(lease_dsn, pool_size=1)
        store, leases = TurnStore(self._databases[0]), NeonStore(self._databases[1])
        self.turns = Turns(store, TurnKeeper(leases, store), self.loop)

        async def definition(
            thread: ThreadMetadata, items: list[ThreadItem], turn: TurnContext
        ) -> AsyncIterator[str]:
            async for word in self.writer.answer(thread, items, turn):
                yield word

        answers = Answers(store, definition, ModelSource("offline"), history_tokens=1000)
        self.assistant = Assistant(store, self.turns, answers)

    def begin(self, request: StreamingReq) -> tuple[Turn, Ready]:
        begun = self.loop.run(self.assistant.begin(request, ALICE, keep=True))
        assert isinstance(begun, tuple)
        return begun

    def close(self) -> None:
        self.loop.stop()
        for database in self._databases:
            database.close()


@pytest.fixture
def cut(proxy: Proxy) -> Iterator[Cut]:
    cut = Cut(proxy.dsn, proxy.dsn)
    yield cut
    cut.close()


def said(text: str) -> UserMessageInput:
    return UserMessageInput(
        content=[UserMessageTextContent(text=text)],
        attachments=[],
        inference_options=InferenceOptions(),
    )


def first(text: str) -> ThreadsCreateReq:
    return ThreadsCreateReq(params=ThreadCreateParams(input=said(text)))


def rest(ready: Ready) -> bytes:
    """Return all that its reader is told, to the end."""
    events = b""
    while (event := ready.get(timeout=30)) != END:
        events += event
    return events


def stored(database: Database) -> list[tuple[str, str | None, str | None]]:
    """Return kind, text and ending of what people see in Alice's thread."""
    with database.connection() as conn:
        return conn.execute(
            "SELECT kind, document->'content'->0->>'text', outcome FROM chatkit_thread_item"
            " WHERE kind <> 'sdk_hidden_context' ORDER BY position"
        ).fetchall()


def states(database: Database) -> list[str]:
    with database.connection() as conn:
        return [row[0] for row in conn.execute("SELECT state FROM chatkit_turn ORDER BY began_at")]


@pytest.mark.parametrize(
    ("by_stopping", "kept"),
    [(False, ("some words", "failed")), (True, ("some ", "stopped"))],
    ids=["by itself", "stopped"],
)
def test_an_answer_that_could_not_be_stored_in_time_is_stored_with_its_end(
    cut: Cut,
    proxy: Proxy,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    by_stopping: bool,
    kept: tuple[str, str],
) -> None:
    monkeypatch.setattr(turns_module, "PATIENCE_SECONDS", 2.0)
    turn, ready = cut.begin(first("Hello"))
    eventually(lambda: turn.fold.written())

    with proxy.away():
        cut.loop.call((lambda: turn.stop("stopped")) if by_stopping else cut.writer.over.set)
        rest(ready)

    eventually(lambda: states(database) != ["running"])
    assert stored(database) == [("user_message", "Hello", None), ("assistant_message", *kept)]
