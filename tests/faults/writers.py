"""Clients that write messages while everything breaks, and note what they were told."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final

from tests.faults.history import History, Sent, Told, answer_to
from tests.fix_server import Client, words

ANSWER_SECONDS: Final = 20.0
"""How long a client waits for any byte; the server promises a sign of life every 15 s."""
PATIENCE_SECONDS: Final = 90.0
"""How long a client goes on trying: a turn whose worker died is in the way for 38 s at most."""
LEAVING: Final = 0.3
"""Which part of the messages is not read on after the first event."""
CERTAIN: Final = frozenset({"turn_running", "too_many_turns", "too_many_streams", "overloaded"})
"""Codes that come before anything is stored, and are worth another try a little later."""
HONEST: Final = CERTAIN | {"auth_unavailable", "database_unavailable", "database_busy"}
"""Codes that a fault may be answered with; any other is none that a client should see."""


@dataclass
class Conversation:
    """One thread of a client, and the message that is on its way."""

    name: str
    thread_id: str | None = None
    number: int = 0
    began_anew: int = 0
    sent: Sent | None = None
    give_up_at: float = 0.0
    not_before: float = 0.0
    broken: bool = False
    """Whether an answer came in it that no fault explains: the run goes on elsewhere."""

    def next_message(self, history: History, user_id: str) -> Sent:
        """Return the message to send: the one on its way, or a new one."""
        if self.sent is None:
            name = f"{self.name}r{self.began_anew}"
            self.sent = history.sending(user_id, name, self.number)
            self.give_up_at = time.monotonic() + PATIENCE_SECONDS
        return self.sent

    def go_on(self) -> None:
        """Leave this message; where the thread is unknown, the next one begins another."""
        assert self.sent is not None
        self.thread_id = self.thread_id or self.sent.thread_id
        self.sent, self.number = None, self.number + 1
        if self.thread_id is None or self.broken:
            self.began_anew, self.number = self.began_anew + 1, 0
            self.thread_id, self.broken = None, False


@dataclass
class Device:
    """One of a client's devices: some conversations, and one message at a time in all of them.

    If it `retries`, it sends a message again with the same key until it knows that it is stored;
    otherwise it gives a message up of which it knows nothing, and sends the next one.
    """

    client: Client
    user_id: str
    history: History
    conversations: list[Conversation]
    retries: bool
    rng: random.Random
    answers: Counter[str] = field(default_factory=Counter)
    """What came instead of an answer: status and code, or the error of the connection."""

    def write(self, enough: Callable[[], bool]) -> None:
        """Send messages, in whatever conversation may go on, until it is enough."""
        while not enough():
            next_one = min(self.conversations, key=lambda each: each.not_before)
            time.sleep(max(0.0, next_one.not_before - time.monotonic()))
            self._step(next_one)

    def _step(self, conversation: Conversation) -> None:
        sent = conversation.next_message(self.history, self.user_id)
        told = self._try(conversation, sent)
        self.history.tried(sent, told)
        if told is Told.ACKNOWLEDGED:
            conversation.go_on()
            conversation.not_before = time.monotonic()
            return
        given_up = told is Told.UNCLEAR and not self.retries
        if given_up or conversation.broken or time.monotonic() > conversation.give_up_at:
            conversation.go_on()
        # Soon, but not at the same moment as everybody else.
        conversation.not_before = time.monotonic() + self.rng.uniform(0.3, 1.0)

    def _try(self, conversation: Conversation, sent: Sent) -> Told:
        port = int(self.client.url.rpartition(":")[2])
        with contextlib.closing(HTTPConnection("localhost", port, ANSWER_SECONDS)) as connection:
            try:
                connection.connect()
            except OSError:
                self.answers["nobody listens"] += 1
                return Told.REFUSED
            try:
                connection.request("POST", "/chatkit", *self._request(conversation, sent))
                with connection.getresponse() as answer:
                    if answer.status == 200:
                        return self._read(answer, sent)
                    code = self._refusal(answer)
                    conversation.broken = code not in HONEST
                    return Told.REFUSED if code in CERTAIN else Told.UNCLEAR
            except (OSError, HTTPException) as exc:
                self.answers[type(exc).__name__] += 1
                return Told.UNCLEAR

    def _request(self, conversation: Conversation, sent: Sent) -> tuple[bytes, dict[str, str]]:
        params: dict[str, Any] = {"input": words(sent.text)}
        kind = "threads.create"
        if conversation.thread_id is not None:
            kind = "threads.add_user_message"
            params["thread_id"] = conversation.thread_id
        headers = self.client.headers(Content_Type="application/json")
        headers |= {"X-Threadkeeper-Turn": "keep", "Idempotency-Key": sent.text}
        return json.dumps({"type": kind, "params": params}).encode(), headers

    def _refusal(self, answer: HTTPResponse) -> str:
        code: str = json.loads(answer.read())["error"]["code"]
        self.answers[f"{answer.status} {code}"] += 1
        return code

    def _read(self, answer: HTTPResponse, sent: Sent) -> Told:
        """Read events, to the end or only as far as a client has to that wants to be sure."""
        told, leaves = Told.UNCLEAR, self.rng.random() < LEAVING
        with contextlib.suppress(OSError, HTTPException):
            while (line := answer.readline()).endswith(b"\n"):
                if line.startswith(b"data: "):
                    told = Told.ACKNOWLEDGED
                    _take(json.loads(line.removeprefix(b"data: ")), sent)
                    if leaves:
                        break
        return told


def _take(event: dict[str, Any], sent: Sent) -> None:
    """Note what an event tells: the thread that is new, the answer that is whole."""
    if event["type"] == "thread.created":
        sent.thread_id = event["thread"]["id"]
    elif event["type"] == "thread.item.done":
        item = event["item"]
        sent.thread_id = item["thread_id"]
        if item["type"] == "assistant_message":
            sent.answered = "".join(part["text"] for part in item["content"]) == answer_to(
                sent.text
            )
