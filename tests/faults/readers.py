"""People who read an answer while it is written, each in a thread of their own."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.fix_auth import Person
from tests.fix_server import Client, Server, words

PATIENCE = 60


@dataclass
class Reader:
    """What one person was shown of one answer, and when it ended for them."""

    person: Person
    client: Client
    events: list[dict[str, Any]] = field(default_factory=list)
    ended: float | None = None
    _thread: threading.Thread | None = None

    def ask(self, *, keep: bool) -> None:
        """Begin a conversation and read on; return when its first event is there."""
        more = {"X_Threadkeeper_Turn": "keep"} if keep else {}
        body = json.dumps({"type": "threads.create", "params": {"input": words("Go on")}})
        self._read(
            requests.post(
                f"{self.client.url}/chatkit",
                data=body,
                headers=self.client.headers(Content_Type="application/json", **more),
                stream=True,
                timeout=PATIENCE,
            )
        )

    def join(self, thread_id: str) -> None:
        """Read what is being written in a thread; return when the first event is there."""
        url = f"{self.client.url}/chatkit/turns/{thread_id}"
        headers = self.client.headers()
        self._read(requests.get(url, headers=headers, stream=True, timeout=PATIENCE))

    @property
    def thread_id(self) -> str:
        """The conversation that this reader began."""
        assert self.events[0]["type"] == "thread.created", self.events[:1]
        thread_id: str = self.events[0]["thread"]["id"]
        return thread_id

    @property
    def error(self) -> dict[str, Any] | None:
        """The error that the answer ended with for this reader."""
        last = self.events[-1]
        return last if last["type"] == "error" else None

    def wait(self) -> None:
        """Wait until the stream has ended."""
        assert self._thread is not None
        self._thread.join(PATIENCE)
        assert self.ended is not None, "the stream did not end"

    def _read(self, answer: requests.Response) -> None:
        assert answer.status_code == 200, answer.text
        first = threading.Event()

        def read() -> None:
            with answer:
                for line in answer.iter_lines(chunk_size=1):
                    if line:
                        self.events.append(json.loads(line.removeprefix(b"data: ")))
                        first.set()
            self.ended = time.monotonic()
            first.set()

        self._thread = threading.Thread(target=read, daemon=True)
        self._thread.start()
        assert first.wait(PATIENCE)


def reader(server: Server, person: Person) -> Reader:
    """Return somebody who is about to read."""
    return Reader(person, server.client(person))


def stored_answer(client: Client, thread_id: str) -> str:
    """Return the words of the answer that the thread holds."""
    page = client.ask("items.list", thread_id=thread_id, order="asc", limit=20)
    assert page.status_code == 200, page.text
    answers = [item for item in page.json()["data"] if item["type"] == "assistant_message"]
    return "".join(part["text"] for item in answers for part in item["content"])


def running(client: Client, thread_id: str) -> bool:
    """Return whether an answer is being written in the thread."""
    with client.get(f"/chatkit/turns/{thread_id}", stream=True) as answer:
        assert answer.status_code in {200, 204}, answer.text
        return answer.status_code == 200
