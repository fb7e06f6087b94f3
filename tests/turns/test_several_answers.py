"""Turns that write several messages, as assistants with tools do, and end between two of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatkit.types import ProgressUpdateEvent

from chat.db import Database
from chat.running_turn import Reason
from tests.fix_turns import eventually
from tests.turns.worker import Worker, first, rest, states, stored


@pytest.fixture
def worker(dsn: str) -> Iterator[Worker]:
    worker = Worker(dsn, dsn)
    yield worker
    worker.close()


@pytest.mark.parametrize(("reason", "told"), [("stopped", b"notice"), ("interrupted", b"error")])
def test_what_ends_between_two_messages_of_an_answer_is_not_called_whole(
    worker: Worker, database: Database, reason: Reason, told: bytes
) -> None:
    worker.writer.words = ["Let me look.", ProgressUpdateEvent(text="Looking"), "Here it is."]
    turn, ready = worker.begin(first("Where is it?"))
    eventually(lambda: len(turn.fold.done) == 2)

    worker.loop.call(lambda: turn.stop(reason))
    events = rest(ready)

    assert states(database) == [reason]
    assert b'"type":"' + told in events
    assert stored(database) == [
        ("user_message", "Where is it?", None),
        ("assistant_message", "Let me look.", reason),
    ]
