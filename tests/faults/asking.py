"""Ways to ask a server whose database is broken, and what people get to know of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import requests

from tests.fix_server import Client
from tests.fix_turns import begin, eventually, join

Ask = Callable[[], requests.Response]


@dataclass(frozen=True)
class Asked:
    """One request: of which kind, when it was sent and answered (monotonic), and the answer."""

    kind: str
    sent: float
    answered: float
    answer: requests.Response

    @property
    def status(self) -> int:
        return self.answer.status_code

    @property
    def seconds(self) -> float:
        return self.answered - self.sent


class Said:
    """Messages that no two are alike, and which of them were acknowledged."""

    def __init__(self) -> None:
        self._numbers = count()
        self.acknowledged: list[str] = []
        self.refused: list[str] = []

    def send(self, client: Client, thread_id: str | None, more: str = "") -> requests.Response:
        """Send a message, and read its answer to the end if it is accepted."""
        text = f"message {next(self._numbers)}{more}"
        stream = begin(client, text, thread_id)
        if stream.status == 200:
            stream.rest()
        (self.acknowledged if stream.status == 200 else self.refused).append(text)
        return stream.answer

    def wrong(self, stored: list[str]) -> dict[str, list[str]]:
        """Return what must not be in what is stored, or has to be and is not."""
        times = Counter(stored)
        return {
            "lost": [text for text in self.acknowledged if text not in times],
            "doubled": [text for text, number in times.items() if number > 1],
            "unknown": [*times.keys() - {*self.acknowledged, *self.refused}],
        }

    def refused_but_stored(self, stored: list[str]) -> list[str]:
        """Return of which messages nobody could say at their time whether they were stored."""
        return [text for text in self.refused if text in set(stored)]


def every_kind(client: Client, thread_id: str, said: Said | None = None) -> dict[str, Ask]:
    """Return what people do, by name; a message that is accepted is answered to its end."""
    said = said or Said()

    def joined() -> requests.Response:
        return join(client, thread_id).answer

    return {
        "page": lambda: client.get("/history"),
        "conversation": lambda: client.get(f"/history/{thread_id}"),
        "list": lambda: client.ask("threads.list"),
        "message": lambda: said.send(client, thread_id),
        "first message": lambda: said.send(client, None),
        "join": joined,
        "/readyz": lambda: client.get("/readyz"),
    }


def asked(kind: str, ask: Ask) -> Asked:
    """Ask once, and take the time."""
    sent = time.monotonic()
    answer = ask()
    return Asked(kind, sent, time.monotonic(), answer)


def ask_while(
    kinds: Mapping[str, Ask], lasts: Callable[[], bool], *, people: int = 1
) -> list[Asked]:
    """Ask in every kind at once, again and again, as long as it lasts; return all answers.

    As so many people do, each of whom asks in every kind.
    """

    def repeat(kind: str) -> list[Asked]:
        answers = []
        while lasts():
            answers.append(asked(kind, kinds[kind]))
        return answers

    with ThreadPoolExecutor(people * len(kinds)) as pool:
        return [one for many in pool.map(repeat, [*kinds] * people) for one in many]


def ask_at_once(number: int, kinds: Mapping[str, Ask]) -> list[Asked]:
    """Ask in every kind, `number` times each, all at the same moment."""
    with ThreadPoolExecutor(number * len(kinds)) as pool:
        waiting = [
            pool.submit(asked, kind, ask) for _ in range(number) for kind, ask in kinds.items()
        ]
        return [each.result() for each in waiting]


def first_success(kind: str, ask: Ask) -> Asked:
    """Ask until it succeeds, and return that answer."""
    one: Asked = eventually(lambda: (one := asked(kind, ask)).status < 400 and one, seconds=60)
    return one


def slowest(answers: list[Asked]) -> float:
    """Return the seconds that the slowest answer took."""
    return round(max(one.seconds for one in answers), 2)


def code_of(answer: requests.Response) -> str:
    """Return what a program is told; "page" for what a person is shown."""
    if answer.headers["Content-Type"].startswith("text/html"):
        return "page"
    return str(answer.json()["error"]["code"])


def refusals_of(answers: list[Asked]) -> set[tuple[int, str]]:
    """Return how these requests were refused; each has to say when to try again."""
    for one in answers:
        assert int(one.answer.headers["Retry-After"]) > 0, one
    return {(one.status, code_of(one.answer)) for one in answers}


def stored_messages(dsn: str, user_id: str) -> list[str]:
    """Return what the person said, as it is stored."""
    with psycopg.connect(dsn) as conn:
        rows: list[Any] = conn.execute(
            "SELECT document::jsonb -> 'content' -> 0 ->> 'text' FROM chatkit_thread_item"
            " WHERE user_id = %s AND kind = 'user_message' ORDER BY created_at, position",
            [user_id],
        ).fetchall()
    return [str(row[0]) for row in rows]
