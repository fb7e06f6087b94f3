"""The promise of issue 3, counted: at random moments people leave, come back and stop, workers die.

Each scene has four turns of four people at the same time. Something happens to each of them, and
something to the server, at moments that the seed chooses. Afterwards what is stored is compared
with what was shown.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg
import pytest
import requests

from tests.faults.processes import free_of_faults, whole_again, worker_serving, workers_of
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply, last_message, pieces_of
from tests.fix_postgres import Databases
from tests.fix_proxy import Proxy
from tests.fix_server import Client, Server
from tests.fix_turns import KEEP, Stream, begin, eventually, join

SEED: Final = 20260301
TURNS_OF_A_SCENE: Final = 4
PERSONAL: Final = ("stay", "leave", "come back", "stop")
SERVERS: Final = ("nothing", "kill -9 a worker", "SIGTERM a worker", "cut the database")
KILL_LOSES_SECONDS: Final = 1.5
"""Half a second between two checkpoints, the time to store one, and a noisy machine."""


def answer_to(text: str) -> str:
    """Return the answer that belongs to a message, and to no other: about 4 s of it."""
    return " ".join(f"{text}-{number}" for number in range(90))


class SlowModel(ModelServer):
    """Answers each message with its own long answer, one word after the other."""

    def next_reply(self, body: dict[str, Any]) -> Reply:
        if not body.get("stream"):
            return Reply(pieces=["A title"])
        return Reply(pieces=pieces_of(answer_to(last_message(body))), pause=0.04)


@dataclass
class Told:
    """One turn: who began it with which words, what happened, and what its readers were shown."""

    text: str
    client: Client
    action: str
    at: float
    """Seconds from its beginning to what the person does."""
    events: str = "nothing"
    """What happened to the server meanwhile."""
    thread_id: str = ""
    stream: Stream | None = None
    killed: float = float("inf")
    shown: list[tuple[float, str]] = field(default_factory=list)
    """The moments at which readers had so much text before them."""
    settled: float = 0.0
    stored: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> None:
        """Send the message, until it is taken, and then do what the person does."""
        stream = self.stream = self._send()
        leaves = self.action in {"leave", "come back"}
        if self._read(stream, until=time.monotonic() + self.at if leaves else float("inf")):
            stream.leave()
        if self.action == "come back":
            self._come_back()

    def stop(self) -> None:
        """Press Stop, if that is what the person does, when its moment has come."""
        if self.action != "stop":
            return
        time.sleep(self.at)
        eventually(self._stop, 60)

    def _stop(self) -> bool:
        if not self.thread_id:
            return False
        try:
            path = f"/chatkit/turns/{self.thread_id}/stop"
            return self.client.post(path, {}).status_code == 200
        except requests.RequestException:
            return False

    def _send(self) -> Stream:
        """Send it again under the same key until the server says that it has it."""
        headers = {**KEEP, "Idempotency-Key": f"key-{self.text}"}
        return _until_taken(lambda: begin(self.client, self.text, **headers))

    def _come_back(self) -> None:
        stream = _until_taken(lambda: join(self.client, self.thread_id))
        if stream.status == 200:
            self._read(stream, until=float("inf"))

    def _read(self, stream: Stream, *, until: float) -> bool:
        """Read until then, and return whether there was more to come; a worker may die."""
        texts: dict[str, str] = {}
        with contextlib.suppress(requests.RequestException):
            for event in stream:
                if event["type"] == "thread.created":
                    self.thread_id = event["thread"]["id"]
                _show(event, texts)
                self.shown.append((time.monotonic(), "".join(texts.values())))
                if time.monotonic() > until and self.thread_id:
                    return True
        return False

    def longest_shown(self) -> str:
        """Return the longest text that somebody saw, without the last moments before a kill."""
        first, last = self.killed - KILL_LOSES_SECONDS, self.killed + 0.5
        texts = [text for when, text in self.shown if not first < when < last]
        return max(texts, key=len, default="")


def _until_taken(ask: Callable[[], Stream]) -> Stream:
    deadline = time.monotonic() + 30
    while True:
        try:
            stream = ask()
            if stream.status in {200, 204}:
                return stream
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline, "nobody takes it"
        time.sleep(0.2)


def _show(event: dict[str, Any], texts: dict[str, str]) -> None:
    """Apply an event as a client does that shows what it is sent."""
    item = event.get("item", {})
    if event["type"] in {"thread.item.added", "thread.item.done"}:
        if item["type"] == "assistant_message":
            texts[item["id"]] = "".join(part["text"] for part in item["content"])
    elif event["type"] == "thread.item.updated" and "delta" in event["update"]:
        texts[event["item_id"]] += event["update"]["delta"]


class Stage:
    """A server in two workers behind a proxy, and a model that answers slowly."""

    def __init__(self, server: Server, proxy: Proxy, dsn: str, people: list[Person]) -> None:
        self.server, self.proxy, self.dsn, self.people = server, proxy, dsn, people

    def play(self, scene: int, rng: random.Random, longest_cut: float) -> list[Told]:
        """Play one scene, and return its turns as soon as nobody reads them any more."""
        whole_again(self.server)
        free_of_faults(self.server, self.proxy)
        happens = SERVERS[scene % len(SERVERS)]
        turns = [self._turn(scene, number, rng) for number in range(TURNS_OF_A_SCENE)]
        with ThreadPoolExecutor(2 * len(turns)) as pool:
            jobs = [pool.submit(turn.run) for turn in turns]
            jobs += [pool.submit(turn.stop) for turn in turns]
            # A kill before there is much to lose would prove nothing.
            time.sleep(rng.uniform(2.2 if "worker" in happens else 0.2, 3.5))
            killed = self._happen(happens, turns, rng, longest_cut)
            for job in jobs:
                job.result(60)
        for turn in turns:
            turn.events, turn.killed = happens, killed
        return turns

    def _turn(self, scene: int, number: int, rng: random.Random) -> Told:
        person = self.people[number]
        action = PERSONAL[(scene // len(SERVERS) + number) % len(PERSONAL)]
        at = rng.uniform(0.3, 2.5)
        return Told(f"s{scene}t{number}", self.server.client(person), action, at)

    def _happen(
        self, what: str, turns: list[Told], rng: random.Random, longest_cut: float
    ) -> float:
        """Let it happen; return the moment of a kill, if it was one."""
        if what == "kill -9 a worker":
            os.kill(self._victim(turns, rng), signal.SIGKILL)
            return time.monotonic()
        if what == "SIGTERM a worker":
            os.kill(self._victim(turns, rng), signal.SIGTERM)
        elif what == "cut the database":
            with self.proxy.away():
                time.sleep(rng.uniform(0.2, longest_cut))
        return float("inf")

    def _victim(self, turns: list[Told], rng: random.Random) -> int:
        """Return a worker that streams to somebody, if there is one."""
        for turn in rng.sample(turns, len(turns)):
            # Who has left, or has all of the answer, has no connection any more.
            with contextlib.suppress(AssertionError, AttributeError, OSError):
                if turn.stream is not None:
                    return worker_serving(self.server, turn.stream)
        return rng.choice(workers_of(self.server))

    def settle(self, turns: list[Told]) -> None:
        """Wait until each turn has its end, and read what is stored of it."""
        for turn in turns:
            eventually(partial(self._is_over, turn), 40)
            turn.settled = self._seconds(turn)
            turn.stored = self._items(turn)

    def _is_over(self, turn: Told) -> bool:
        state = self._one("SELECT state FROM chatkit_turn WHERE thread_id = %s", turn)
        return state not in {None, "running"}

    def _seconds(self, turn: Told) -> float:
        """Return how long after the last thing that was shown all of it was stored."""
        age = self._one(
            "SELECT extract(epoch FROM clock_timestamp() - ended_at)"
            "  FROM chatkit_turn WHERE thread_id = %s",
            turn,
        )
        last = turn.shown[-1][0] if turn.shown else 0.0
        return max(0.0, time.monotonic() - float(age) - last)

    def _items(self, turn: Told) -> list[tuple[str, str]]:
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute(
                "SELECT kind, document::jsonb -> 'content' -> 0 ->> 'text'"
                "  FROM chatkit_thread_item"
                " WHERE thread_id = %s AND kind IN ('user_message', 'assistant_message')"
                " ORDER BY position",
                [turn.thread_id],
            ).fetchall()
        return [(str(kind), str(text)) for kind, text in rows]

    def messages(self) -> Counter[str]:
        """Return how often each message of a person is stored, in all threads."""
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute(
                "SELECT document::jsonb -> 'content' -> 0 ->> 'text'"
                "  FROM chatkit_thread_item WHERE kind = 'user_message'"
            ).fetchall()
        return Counter(str(row[0]) for row in rows)

    def _one(self, statement: str, turn: Told) -> Any:
        with psycopg.connect(self.dsn) as conn:
            row = conn.execute(statement.encode(), [turn.thread_id]).fetchone()
        return row[0] if row else None


@pytest.fixture
def stage(
    databases: Databases,
    migrated: str,
    dsn: str,
    auth: AuthServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    proxy, model = Proxy(dsn), SlowModel()
    settings = {
        "DATABASE_URL": proxy.dsn,
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
    }
    server = Server(settings, tmp_path_factory.mktemp("moments") / "gunicorn.log", workers=2)
    server.start()
    people = [auth.sign_up(f"Person {number}") for number in range(TURNS_OF_A_SCENE)]
    yield Stage(server, proxy, dsn, people)
    server.kill()
    model.close()
    proxy.close()


def lost_characters(turn: Told) -> int:
    """Return how many characters somebody saw that nobody finds any more."""
    found = "".join(text for kind, text in turn.stored if kind == "assistant_message")
    shown = turn.longest_shown()
    pairs = enumerate(zip(shown, found, strict=False))
    same = next((place for place, (one, other) in pairs if one != other), len(found))
    return max(0, len(shown) - same)


def is_right(turn: Told) -> bool:
    """Return whether what is stored is the answer: all of it, unless somebody ended it."""
    answers = [text for kind, text in turn.stored if kind == "assistant_message"]
    whole = answer_to(turn.text)
    ended = turn.action == "stop" or turn.events == "kill -9 a worker"
    if ended:
        return len(answers) <= 1 and all(whole.startswith(answer) for answer in answers)
    return answers == [whole]


def counted(turns: list[Told], messages: Counter[str]) -> dict[str, int]:
    """Return the numbers that have to be zero."""
    return {
        "user messages lost": sum(messages[turn.text] == 0 for turn in turns),
        "user messages stored twice": sum(messages[turn.text] > 1 for turn in turns),
        "characters shown but not found": sum(lost_characters(turn) for turn in turns),
        "answers that are not what was written": sum(not is_right(turn) for turn in turns),
    }


def seconds(turns: list[Told]) -> dict[str, float]:
    """Return for each thing that happened how long it took at most until all was stored."""
    longest: dict[str, float] = {}
    for turn in turns:
        longest[turn.events] = max(longest.get(turn.events, 0.0), turn.settled)
    return {
        f"stored at the latest after the last word that was shown ({what}), s": round(took, 1)
        for what, took in sorted(longest.items())
    }


def play_all(stage: Stage, moments: int, longest_cut: float, figures: Figures) -> None:
    """Play as many scenes as it takes, and have nothing lost in any of them."""
    rng = random.Random(SEED)  # noqa: S311 - it chooses moments, not secrets.
    turns: list[Told] = []
    for scene in range(moments // TURNS_OF_A_SCENE):
        turns += stage.play(scene, rng, longest_cut)
    stage.settle(turns)
    for turn in turns:
        if not is_right(turn) or lost_characters(turn):
            answers = [text[-40:] for kind, text in turn.stored if kind == "assistant_message"]
            print(turn.text, turn.action, turn.events, turn.longest_shown()[-40:], answers)  # noqa: T201
    counts = counted(turns, stage.messages())
    assert set(counts.values()) == {0}, counts
    figures.tell(
        "S6 S4 S5 E2",
        "At random moments people leave, come back and stop, workers die and the database is cut: "
        "no message is lost, and nothing that was shown, but for the last moment before a kill -9",
        {"random moments": len(turns), **counts, **seconds(turns)},
    )


def test_nothing_is_lost_or_doubled_at_12_random_moments(stage: Stage, figures: Figures) -> None:
    play_all(stage, 12, longest_cut=1.0, figures=figures)


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_at_200_random_moments(stage: Stage, figures: Figures) -> None:
    play_all(stage, 200, longest_cut=5.0, figures=figures)
