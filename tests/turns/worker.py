"""A worker's turns without a web server, and an assistant that goes on when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from chatkit.types import (
    InferenceOptions,
    StreamingReq,
    ThreadAddUserMessageParams,
    ThreadCreateParams,
    ThreadItem,
    ThreadMetadata,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadStreamEvent,
    UserMessageInput,
    UserMessageTextContent,
)

from chat.answers import Answers
from chat.assistant import Assistant
from chat.context import RequestContext
from chat.db import Database
from chat.errors import TurnRunning
from chat.model import ModelSource
from chat.model.plug_in import TurnContext
from chat.neon_store import NeonStore
from chat.running_turn import END, Ready, Turn
from chat.stream import EventLoop
from chat.turn_keeper import TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns

ALICE = RequestContext(user_id="user_alice")


class Writer:
    """An assistant that says a few words, and the last of them when it is told to."""

    def __init__(self) -> None:
        self.words: Sequence[str | ThreadStreamEvent] = ["some ", "words"]
        self.over = asyncio.Event()

    async def answer(
        self, _thread: ThreadMetadata, _items: list[ThreadItem], _turn: TurnContext
    ) -> AsyncIterator[str | ThreadStreamEvent]:
        for word in self.words[:-1]:
            yield word
        await self.over.wait()
        yield self.words[-1]


class Worker:
    """The turns of a process, with a way to the database for leases and one for the rest."""

    def __init__(self, dsn: str, lease_dsn: str) -> None:
        self.loop, self.writer = EventLoop(), Writer()
        self._databases = Database(dsn), Database(lease_dsn, pool_size=1)
        store, leases = TurnStore(self._databases[0]), NeonStore(self._databases[1])
        self.turns = Turns(store, TurnKeeper(leases, store), self.loop)

        async def definition(
            thread: ThreadMetadata, items: list[ThreadItem], turn: TurnContext
        ) -> AsyncIterator[str | ThreadStreamEvent]:
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


def said(text: str) -> UserMessageInput:
    return UserMessageInput(
        content=[UserMessageTextContent(text=text)],
        attachments=[],
        inference_options=InferenceOptions(),
    )


def first(text: str) -> ThreadsCreateReq:
    return ThreadsCreateReq(params=ThreadCreateParams(input=said(text)))


def more(thread_id: str, text: str) -> ThreadsAddUserMessageReq:
    params = ThreadAddUserMessageParams(thread_id=thread_id, input=said(text))
    return ThreadsAddUserMessageReq(params=params)


def began(worker: Worker, request: StreamingReq) -> tuple[Turn, Ready] | None:
    """Begin a turn, unless another one runs in the thread."""
    with contextlib.suppress(TurnRunning):
        return worker.begin(request)
    return None


def believed_dead(database: Database) -> None:
    """Let as much time go by for all leases as they last, and for the workers that hold them."""
    with database.connection() as conn:
        conn.execute("UPDATE chatkit_turn SET lease_until = clock_timestamp() - interval '1 s'")


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


def notes(database: Database) -> int:
    """Count what Alice's thread says to the model alone."""
    with database.connection() as conn:
        row = conn.execute(
            "SELECT count(*) FROM chatkit_thread_item WHERE kind = 'sdk_hidden_context'"
        ).fetchone()
    assert row
    return int(row[0])


def states(database: Database) -> list[str]:
    with database.connection() as conn:
        return [row[0] for row in conn.execute("SELECT state FROM chatkit_turn ORDER BY began_at")]
