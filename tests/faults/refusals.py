"""What people meet while a database takes nothing new, whatever keeps it from that."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from tests.faults.asking import (
    Ask,
    Asked,
    Said,
    ask_at_once,
    code_of,
    first_success,
    slowest,
    stored_messages,
)
from tests.faults.conftest import Faulty
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_model import Reply, pieces_of
from tests.fix_server import Client, text_of, thread_of
from tests.fix_turns import KEEP, LONG, begin, eventually, stored_answers

Fault = Callable[[Faulty], contextlib.AbstractContextManager[None]]

REASON: Final = "Nothing new can be saved"
EFFECTS: Final = """
    SELECT id, title = 'New', pinned_at IS NOT NULL, deleted_at IS NOT NULL
      FROM chatkit_thread
     WHERE user_id = %s
"""


def reading(client: Client, thread_id: str) -> dict[str, Ask]:
    """Return the ways to read, by name."""
    items = f'{{"type":"items.list","params":{{"thread_id":"{thread_id}"}}}}'.encode()
    return {
        "page": lambda: client.get("/history"),
        "conversation": lambda: client.get(f"/history/{thread_id}"),
        "list": lambda: client.ask("threads.list"),
        "list with a cursor": lambda: client.ask("threads.list", limit=1),
        "messages": lambda: client.send(items, **KEEP),
        "search": lambda: client.get("/history/search?q=before"),
        "export": lambda: client.get("/history/export.md"),
        "join": lambda: client.get(f"/chatkit/turns/{thread_id}"),
        "/readyz": lambda: client.get("/readyz"),
        "/livez": lambda: client.get("/livez"),
    }


@dataclass(frozen=True)
class Writing:
    """The ways to write, by name, and what became of them; each thread has its own."""

    client: Client
    person: Person
    said: Said
    spoken: str
    marked: str
    deleted: str
    long: str = ""
    """What makes a message so long that no free place in a page has room for it."""

    def kinds(self) -> dict[str, Ask]:
        client, send = self.client, self.said.send
        marked, deleted = self.marked, self.deleted
        kinds = {
            "message": lambda: send(client, self.spoken),
            "first message": lambda: send(client, None),
            "name": lambda: client.ask("threads.update", thread_id=marked, title="New"),
            "pin": lambda: client.post(f"/history/{marked}/pin", {}),
            "deletion": lambda: client.post(f"/history/{deleted}/delete", {"undo": "yes"}),
        }
        if self.long:
            kinds["long message"] = lambda: send(client, None, self.long)
        return kinds

    def done(self, dsn: str) -> set[str]:
        """Return which kinds have left something behind, as it is stored."""
        with psycopg.connect(dsn) as conn:
            rows: list[Any] = conn.execute(EFFECTS, [self.person.id]).fetchall()
        threads = {row[0]: row[1:] for row in rows}
        named, pinned, _ = threads[self.marked]
        seen = {"name": named, "pin": pinned, "deletion": threads[self.deleted][2]}
        return {kind for kind, is_there in seen.items() if is_there}


def prepared(faulty: Faulty, alice: Client, person: Person, *, long: str = "") -> Writing:
    """Have threads with messages, in one of which an answer was not read yet."""
    said = Said()
    spoken, marked, deleted = (thread_of(alice.say(f"before {number}")) for number in range(3))
    # Nobody reads its end, so the thread is unread: to read it would be to write that down.
    faulty.model.script(Reply(pieces=["unread"], pause=0.2))
    stream = begin(alice, "and then", spoken, **KEEP)
    next(iter(stream))
    stream.leave()
    eventually(lambda: stored_answers(alice, spoken)[1:] == ["unread"])
    said.acknowledged += ["before 0", "before 1", "before 2", "and then"]
    return Writing(alice, person, said, spoken, marked, deleted, long)


def what_cannot_be_saved_is_told_and_reading_goes_on(
    faulty: Faulty,
    writing: Writing,
    figures: Figures,
    fault: Fault,
    *,
    may_be_taken: Collection[str] = (),
) -> dict[str, float]:
    """Read and write in every kind during the fault and after it; return what came of it.

    All writes are refused but those that may be taken, by their kinds. What is taken has to be
    stored, what is refused must not be.
    """
    alice, dsn = writing.client, faulty.dsn
    with fault(faulty):
        # More than a worker lets through before it has to count them in the database.
        read = [*ask_at_once(1, reading(alice, writing.spoken)), *many(alice)]
        tried = ask_at_once(2, writing.kinds())
        done = writing.done(dsn)
        stored = stored_messages(dsn, writing.person.id)
    back = time.monotonic()
    for kind, ask in writing.kinds().items():
        first_success(kind, ask)
    again = time.monotonic() - back

    failed = [(one.kind, one.status) for one in read if one.status not in {200, 204}]
    assert not failed
    taken, refused = split(tried)
    assert {one.kind for one in taken} <= {*may_be_taken}
    assert {one.kind for one in taken} & {"name", "pin", "deletion"} == done
    assert writing.said.refused_but_stored(stored) == []
    assert again < 0.4 * len(writing.kinds()) + figures.room(15)
    wrong = writing.said.wrong(stored_messages(dsn, writing.person.id))
    assert not any(wrong.values()), wrong
    eventually(lambda: running_turns(dsn) == 0)
    return {
        "reads": len(read),
        "failed reads": len(failed),
        "writes refused, all with 503 and the reason": len(refused),
        "writes taken, all of them stored": len(taken),
        "slowest answer, s": slowest([*read, *refused]),
        "kinds of writes": len(writing.kinds()),
        "all of them done after it, one after the other, s": round(again, 2),
        "messages lost or doubled": sum(map(len, wrong.values())),
    }


def split(tried: list[Asked]) -> tuple[list[Asked], list[Asked]]:
    """Return what was taken and what was refused, for the reason that there is and no other."""
    taken = [one for one in tried if one.status < 400]
    refused = [one for one in tried if one.status >= 400]
    told = {(one.status, code_of(one.answer)) for one in refused}
    assert told <= {(503, "database_read_only"), (503, "page")}
    assert all(REASON in one.answer.text for one in refused)
    assert all(int(one.answer.headers["Retry-After"]) > 0 for one in refused)
    return taken, refused


def running_turns(dsn: str) -> int:
    """Return how many turns are running, as it is stored."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SELECT count(*) FROM chatkit_turn WHERE state = 'running'").fetchone()
    assert row is not None
    return int(row[0])


def many(client: Client) -> list[Asked]:
    return [
        one
        for _ in range(10)
        for one in ask_at_once(10, {"many": lambda: client.ask("threads.list")})
    ]


def an_answer_waits_until_it_can_be_stored(
    faulty: Faulty,
    alice: Client,
    fault: Fault,
    *,
    text: str = LONG,
    pause: float = 0.03,
    seconds: float = 0.0,
) -> float:
    """Write an answer to its end during a fault of at least `seconds`, and find it stored after.

    Returns how long the end of the stream took after the fault.
    """
    thread_id = thread_of(alice.say("first"))
    faulty.model.script(Reply(pieces=pieces_of(text), pause=pause))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    with fault(faulty):
        until = time.monotonic() + seconds
        # It is written to its end meanwhile; what is missing is to store it.
        while not stream.read(deltas=1).endswith(text[-4:]):
            pass
        time.sleep(max(0.0, until - time.monotonic()))
    back = time.monotonic()
    events = stream.rest()
    ended = time.monotonic() - back

    assert not [event for event in events if event["type"] == "error"]
    assert text_of(events) == text
    assert stored_answers(alice, thread_id)[1] == text
    return ended
