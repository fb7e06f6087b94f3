"""H2 and E2: everything is killed while clients write; afterwards what they were told is true.

Eight people write through two workers, each from several devices, in several threads. Meanwhile a
nemesis kills workers, gunicorn and PostgreSQL, and breaks the network between them. When all of it
is whole again, tests/faults/history.py compares what is stored with what each client was told.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from dev.local_postgres import LocalPostgres
from tests.faults.history import ANSWERS, PEOPLE, Found, History, Told, answer_to, check
from tests.faults.nemesis import Nemesis
from tests.faults.processes import free_of_faults, whole_again
from tests.faults.writers import HONEST, Conversation, Device
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply, last_message, pieces_of
from tests.fix_proxy import Proxy
from tests.fix_server import Client, Server
from tests.fix_turns import KEEP, eventually

SEED: Final = 20261123
CLIENTS: Final = 8
RESTLESS: Final = 2
"""How many of the clients do not send a message again of which they know nothing."""
STUCK_SECONDS: Final = 300
"""How long a part of the messages may take before the run is given up."""


@dataclass(frozen=True)
class Size:
    """How much is written, from how many devices and in how many threads of each client.

    The messages are parted by so many `bursts` of faults, with a `gap` of seconds between faults
    and a `rest` after each burst: while faults keep coming, turns of dead workers are not settled.
    What does not happen in a moment lasts for `longest` seconds at most.
    """

    messages: int
    devices: int
    threads: int
    bursts: int
    burst: int
    gap: float
    rest: float
    longest: float


SMALL: Final = Size(150, devices=1, threads=3, bursts=2, burst=5, gap=0.3, rest=0, longest=1)
FULL: Final = Size(10_000, devices=4, threads=3, bursts=24, burst=3, gap=3, rest=12, longest=5)


class BriefModel(ModelServer):
    """Answers each message with its own few words."""

    def next_reply(self, body: dict[str, Any]) -> Reply:
        if not body.get("stream"):
            return Reply(pieces=["A title"])
        return Reply(pieces=pieces_of(answer_to(last_message(body))), pause=0.005)


@dataclass(frozen=True)
class Stage:
    """A server in two workers, with a PostgreSQL of its own behind a proxy, and who uses it."""

    server: Server
    proxy: Proxy
    postgres: LocalPostgres
    people: list[Person]

    def everything_over_http(self) -> list[Found]:
        """Return all that each person finds, page by page."""
        found: list[Found] = []
        for person in self.people:
            client = self.server.client(person)
            for thread in _pages(client, "threads.list", limit=50):
                items = _pages(client, "items.list", thread_id=thread["id"], order="asc", limit=50)
                found += [
                    _found(person.id, thread["id"], item)
                    for item in items
                    if item["type"] in {PEOPLE, ANSWERS}
                ]
        return found

    def everything_stored(self) -> list[Found]:
        """Return all that is in the database, whoever it belongs to."""
        with psycopg.connect(self.postgres.dsn) as conn:
            rows = conn.execute(
                "SELECT user_id, thread_id, document, outcome FROM chatkit_thread_item"
                " WHERE kind = ANY(%s) ORDER BY user_id, thread_id, position",
                [[PEOPLE, ANSWERS]],
            ).fetchall()
        return [
            _found(user_id, thread_id, {**document, "outcome": outcome})
            for user_id, thread_id, document, outcome in rows
        ]

    def heal(self) -> None:
        """Have everything whole again, and each turn at its end."""
        whole_again(self.server)
        free_of_faults(self.server, self.proxy)
        eventually(lambda: self._running() == 0, 90)

    def _running(self) -> int:
        with psycopg.connect(self.postgres.dsn) as conn:
            row = conn.execute("SELECT count(*) FROM chatkit_turn WHERE state = 'running'")
            [number] = row.fetchone() or [0]
        return int(number)


def _pages(client: Client, kind: str, **params: Any) -> Iterator[dict[str, Any]]:
    more = True
    while more:
        body = json.dumps({"type": kind, "params": params}).encode()
        page = client.send(body, **KEEP).json()
        yield from page["data"]
        more, params["after"] = page["has_more"], page.get("after")


def _found(user_id: str, thread_id: str, item: dict[str, Any]) -> Found:
    text = "".join(part["text"] for part in item["content"])
    return Found(user_id, thread_id, item["type"], text, item.get("outcome"))


@pytest.fixture
def stage(auth: AuthServer, own_postgres: LocalPostgres, tmp_path: Path) -> Iterator[Stage]:
    proxy, model = Proxy(own_postgres.dsn), BriefModel()
    settings = {
        "DATABASE_URL": proxy.dsn,
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
        # This is about what is kept, and not about how much of it a model is shown.
        "HISTORY_TOKENS": "100",
        "REQUESTS_PER_MINUTE": "0",
        "TURNS_PER_MINUTE": "0",
    }
    server = Server(settings, tmp_path / "gunicorn.log", workers=2)
    server.start()
    people = [auth.sign_up(f"Client {number}") for number in range(CLIENTS)]
    yield Stage(server, proxy, own_postgres, people)
    server.kill()
    model.close()
    proxy.close()


def devices_of(stage: Stage, history: History, size: Size) -> list[Device]:
    return [
        Device(
            stage.server.client(person),
            person.id,
            history,
            [Conversation(f"c{who}d{device}t{thread}") for thread in range(size.threads)],
            retries=who >= RESTLESS,
            rng=random.Random(f"{SEED} {who} {device}"),  # noqa: S311 - it chooses moments.
        )
        for who, person in enumerate(stage.people)
        for device in range(size.devices)
    ]


def rage(nemesis: Nemesis, size: Size, history: History, rng: random.Random) -> None:
    """Let faults happen, each kind in its turn, in bursts that part the messages evenly."""
    kinds: list[str] = []
    for number in range(size.bursts):
        due = size.messages * (number + 1) // (size.bursts + 1)
        eventually(partial(_has, history, due), STUCK_SECONDS)
        for _ in range(size.burst):
            kinds = kinds or nemesis.kinds
            nemesis.strike(kinds.pop())
            time.sleep(rng.uniform(0.1, size.gap))
        time.sleep(size.rest)
    eventually(partial(_has, history, size.messages), STUCK_SECONDS)


def _has(history: History, messages: int) -> bool:
    return history.acknowledged >= messages


@dataclass(frozen=True)
class Written:
    """What came of a run: what clients noted, what was done to them, and how long it took."""

    history: History
    nemesis: Nemesis
    answers: Counter[str]
    seconds: float


def write(stage: Stage, size: Size) -> Written:
    """Have the clients write that many messages, and return when all of it is whole again."""
    rng = random.Random(SEED)  # noqa: S311 - it chooses moments, not secrets.
    history = History()
    nemesis = Nemesis(stage.server, stage.proxy, stage.postgres, rng, longest=size.longest)
    devices = devices_of(stage, history, size)
    began, over = time.monotonic(), threading.Event()
    with ThreadPoolExecutor(len(devices)) as pool:
        jobs = [pool.submit(device.write, over.is_set) for device in devices]
        try:
            rage(nemesis, size, history, rng)
        finally:
            over.set()
        for job in jobs:
            job.result()
    seconds = time.monotonic() - began
    stage.heal()
    answers = sum((device.answers for device in devices), Counter[str]())
    return Written(history, nemesis, answers, seconds)


def prove(stage: Stage, size: Size, figures: Figures) -> None:
    """Write, break, heal, compare; and tell what was counted."""
    written = write(stage, size)
    stored, shown = stage.everything_stored(), stage.everything_over_http()
    findings = check(written.history.sent, stored)
    dishonest = {
        what: number
        for what, number in written.answers.items()
        if what[0].isdigit() and what.split(" ")[1] not in HONEST
    }
    print(json.dumps({**written.answers, **findings.counted}, indent=2))  # noqa: T201

    assert findings.problems == {}
    assert _by_thread(shown) == _by_thread(stored)
    assert dishonest == {}
    assert written.history.acknowledged >= size.messages
    assert sum(written.nemesis.struck.values()) == size.bursts * size.burst
    unclear = [sent for sent in written.history.sent if sent.told is Told.UNCLEAR]
    assert unclear, "nothing was in doubt: the faults missed all messages"
    figures.tell(
        "H2 S7 S8 E2",
        "Whatever is killed while people write, what they were told is kept is kept, once and in "
        "its order, and each answer is whole or says that it is not",
        {
            "messages acknowledged": written.history.acknowledged,
            **findings.figures(),
            **dict(sorted(findings.counted.items())),
            **dict(sorted(written.nemesis.struck.items())),
            "seconds of writing": round(written.seconds),
        },
    )


def _by_thread(found: list[Found]) -> dict[tuple[str, str], list[Found]]:
    threads: dict[tuple[str, str], list[Found]] = {}
    for item in found:
        threads.setdefault((item.user_id, item.thread_id), []).append(item)
    return threads


def test_what_150_messages_were_told_is_true_though_everything_is_killed(
    stage: Stage, figures: Figures
) -> None:
    prove(stage, SMALL, figures)


@pytest.mark.soak
def test_what_10_000_messages_were_told_is_true_though_everything_is_killed(
    stage: Stage, figures: Figures
) -> None:
    prove(stage, FULL, figures)
