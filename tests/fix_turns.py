"""Turns as clients see them: begun, read, left and joined; and what is stored and refused."""

from __future__ import annotations

import json
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import requests

from tests.fix_server import Client, Talking, words

LONG = " ".join(f"word{number}" for number in range(60))
KEEP = {"X-Threadkeeper-Turn": "keep"}
TABLES = ("thread", "thread_item", "turn", "turn_event", "thread_cursor", "limit")


def eventually(holds: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait until it holds, and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return found


class Stream:
    """An open stream of events, read as far as the test wants."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        # A socket that the garbage collector finds open warns, in the middle of another test.
        weakref.finalize(answer, answer.raw.close)
        self.status = answer.status_code
        self._lines = answer.iter_lines(chunk_size=1)
        self.seen: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self.status == 200, self.answer.text
        for line in self._lines:
            if line:
                self.seen.append(json.loads(line.removeprefix(b"data: ")))
                yield self.seen[-1]

    def read(self, deltas: int = 5) -> str:
        """Read until so many deltas were seen, and return the text so far."""
        for event in self:
            update = event.get("update", {})
            deltas -= "delta" in update
            if deltas <= 0:
                return whole_text(self.seen)
        raise AssertionError(f"the stream ended after {len(self.seen)} events")

    def rest(self) -> list[dict[str, Any]]:
        """Read to the end, and return all events from the first on."""
        for _event in self:
            pass
        return self.seen

    def leave(self) -> None:
        """Close the connection, as somebody who leaves the page does."""
        raw: Any = self.answer.raw
        raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()


def begin(client: Client, text: str, thread_id: str | None = None, **headers: str) -> Stream:
    """Send a message, and return the open stream."""
    kind = "threads.add_user_message" if thread_id else "threads.create"
    params = {"input": words(text), **({"thread_id": thread_id} if thread_id else {})}
    return Stream(
        requests.post(
            f"{client.url}/chatkit",
            data=json.dumps({"type": kind, "params": params}),
            headers={**client.headers(Content_Type="application/json"), **headers},
            stream=True,
            timeout=60,
        )
    )


def join(client: Client, thread_id: str) -> Stream:
    path = f"{client.url}/chatkit/turns/{thread_id}"
    return Stream(requests.get(path, headers=client.headers(), stream=True, timeout=60))


def whole_text(events: list[dict[str, Any]]) -> str:
    """Return the assistant's text as a client has it after these events, delta by delta."""
    texts: dict[str, str] = {}
    for event in events:
        item = event.get("item", {})
        if event["type"] == "thread.item.updated" and "delta" in event["update"]:
            texts[event["item_id"]] += event["update"]["delta"]
        elif event["type"] == "thread.item.added" and item["type"] == "assistant_message":
            texts[item["id"]] = "".join(part["text"] for part in item["content"])
    return "".join(texts.values())


def stored_answers(client: Client, thread_id: str) -> list[str]:
    answer = client.ask("items.list", thread_id=thread_id, order="asc", limit=100)
    return [
        "".join(part["text"] for part in item["content"])
        for item in answer.json()["data"]
        if item["type"] == "assistant_message"
    ]


def turn_state(talking: Talking, thread_id: str) -> str:
    with psycopg.connect(talking.server.dsn) as conn:
        row = conn.execute(
            "SELECT state FROM chatkit_turn WHERE thread_id = %s ORDER BY began_at DESC LIMIT 1",
            [thread_id],
        ).fetchone()
    return str(row[0]) if row else "none"


def everything_in(dsn: str) -> dict[str, list[Any]]:
    """Return all rows of all tables about people, with the moment of their last change."""
    with psycopg.connect(dsn) as conn:
        return {
            name: conn.execute(f"SELECT xmin, * FROM chatkit_{name} ORDER BY 2, 3").fetchall()  # noqa: S608
            for name in TABLES
        }


def ends_in(dsn: str, seconds: float) -> None:
    """Let all windows end in so many seconds, as if they had begun earlier."""
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "UPDATE chatkit_limit SET ends_at = clock_timestamp() + make_interval(secs => %s)",
            [seconds],
        )


def assert_refused(answer: requests.Response, code: str = "rate_limited") -> int:
    """Check that it is a refusal for being too quick, and return its Retry-After."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"]["code"] == code
    seconds = answer.headers["Retry-After"]
    assert seconds.isdigit()
    return int(seconds)
