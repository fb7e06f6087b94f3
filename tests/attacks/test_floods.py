"""E5: those who send a byte at a time or never read, beside people whose answers are streaming."""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
import pytest

from tests.attacks.livez import Pulse
from tests.attacks.wire import head
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply
from tests.fix_server import Server, StartServer, text_of, thread_of, words

TURNS_EACH: Final = 5
STEP: Final = 0.25
WORST: Final = 0.2
"""Seconds within which `/livez` has to answer in 99 of 100 tries."""
LONG: Final = "A long answer that nobody reads. " * 2_000


class Crowd:
    """Slow senders and readers that never read; whoever is put out comes back at once."""

    def __init__(self, server: Server, people: list[Person], *, each: int) -> None:
        self._server, self._people = server, people
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drip, args=(each,))
        self._silent = [self._turn_away(people[n % len(people)], n) for n in range(each)]
        self.put_out = 0
        self.dripped = 0

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        for sock in self._silent:
            sock.close()

    def _open(self) -> socket.socket:
        sock = socket.socket()
        # Small buffers, so that an answer that is not read fills them.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", self._server.port))
        return sock

    def _turn_away(self, person: Person, number: int) -> socket.socket:
        """Ask for much, and never read a byte of it."""
        sock = self._open()
        if number % 2:
            body = json.dumps({"type": "threads.create", "params": {"input": words(LONG)}}).encode()
            lines = ("Content-Type: application/json", f"Content-Length: {len(body)}")
            sock.sendall(head(self._server, "POST /chatkit HTTP/1.1", *lines, person=person) + body)
        else:
            line = "GET /history/export.json HTTP/1.1"
            sock.sendall(head(self._server, line, person=person))
        return sock

    def _begin(self, number: int) -> tuple[socket.socket, Iterator[bytes]]:
        """Begin a request that never ends: heads and bodies in turn."""
        sock = self._open()
        if number % 2:
            lines = ("Content-Type: application/json", "Content-Length: 60000")
            person = self._people[number % len(self._people)]
            sock.sendall(head(self._server, "POST /chatkit HTTP/1.1", *lines, person=person))
        else:
            sock.sendall(b"GET /history HTTP/1.1\r\nHost: localhost\r\nX: ")
        return sock, iter(lambda: b"x", b"")

    def _drip(self, each: int) -> None:
        open_ = [self._begin(number) for number in range(each)]
        while not self._stop.wait(STEP):
            for number, (sock, drops) in enumerate(open_):
                try:
                    sock.sendall(next(drops))
                    self.dripped += 1
                    if ended(sock):
                        raise ConnectionError("put out")
                except OSError:
                    sock.close()
                    self.put_out += 1
                    open_[number] = self._begin(number)
        for sock, _ in open_:
            sock.close()


def ended(sock: socket.socket) -> bool:
    """Return whether the server has answered or closed."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def stay(server: Server, people: list[Person], *, streams: int, text: str) -> int:
    """Read so many answers at the same time, and return how many came whole."""

    def one(number: int) -> bool:
        client = server.client(people[number % len(people)])
        events = list(client.stream("threads.create", input=words(f"Question {number}")))
        assert thread_of(events)
        return text_of(events) == text

    with ThreadPoolExecutor(streams) as pool:
        return sum(pool.map(one, range(streams)))


def flood(
    start_server: StartServer, auth: AuthServer, *, slow: int, streams: int, seconds: float
) -> dict[str, Any]:
    """Return what was counted while that many slow ones of both kinds were there."""
    model = ModelServer()
    people = [auth.sign_up(f"Reader {n}") for n in range(streams // TURNS_EACH)]
    villains = [auth.sign_up(f"Villain {n}") for n in range(max(1, slow // TURNS_EACH))]
    server = start_server(
        workers=2,
        OPENAI_BASE_URL=model.base_url,
        CHAT_MODEL="test-model",
        REQUESTS_PER_MINUTE="0",
        TURNS_PER_MINUTE="0",
    )
    fill(server, villains)
    pieces = [f"piece {number} " for number in range(int(seconds / 0.1))]
    model.script(*[Reply(pieces=[LONG] * 20)] * (slow // 2))
    with contextlib.closing(model), Crowd(server, villains, each=slow) as crowd:
        wait_for(model, slow // 2)
        model.script(*[Reply(pieces=pieces, pause=0.1)] * streams)
        with Pulse(server.port) as pulse:
            whole = stay(server, people, streams=streams, text="".join(pieces))
    assert not [one for one in server.records() if one["level"] == "error"]
    return {
        "slow senders": slow,
        "readers that never read": slow,
        "streams beside them": streams,
        "streams that came whole": whole,
        "bytes dripped": crowd.dripped,
        "slow senders put out": crowd.put_out,
        "looks at /livez": len(pulse.seconds),
        "/livez, median, ms": round(pulse.percentile(0.5) * 1000, 1),
        "/livez, p99, ms": round(pulse.percentile(0.99) * 1000, 1),
        "/livez, worst, ms": round(pulse.seconds[-1] * 1000, 1),
    }


def fill(server: Server, villains: list[Person]) -> None:
    """Give each of them more than fits into the buffers of a connection."""
    with psycopg.connect(server.dsn) as conn:
        for person in villains:
            conn.execute(
                "INSERT INTO chatkit_thread (user_id, id, document, last_position)"
                " SELECT %(owner)s, 'thr_' || n, json_build_object('id', 'thr_' || n, 'title',"
                "        repeat('x', 200), 'created_at', '2026-03-01T12:00:00'), 1"
                "   FROM generate_series(1, 20000) AS n",
                {"owner": person.id},
            )


def wait_for(model: ModelServer, requests: int) -> None:
    """Return once the silent readers' turns have begun, so that each gets its own answer."""
    end = time.monotonic() + 30
    while sum(bool(each.get("stream")) for each in tuple(model.requests)) < requests:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_slow_ones_keep_nobody_from_an_answer(
    start_server: StartServer, auth: AuthServer, figures: Figures
) -> None:
    told = flood(start_server, auth, slow=6, streams=10, seconds=2)

    assert told["streams that came whole"] == 10
    assert told["looks at /livez"] > 10
    # Ten times the bound: enough that four test processes on two cores never reach it, and far
    # less than somebody would wait who is kept out.
    assert told["/livez, p99, ms"] < 10 * WORST * 1000
    figures.tell("E5", "Slow senders and silent readers slow nobody down", told)


@pytest.mark.soak
def test_slow_ones_keep_nobody_from_an_answer_among_100(
    start_server: StartServer, auth: AuthServer, figures: Figures
) -> None:
    told = flood(start_server, auth, slow=20, streams=100, seconds=40)

    assert told["streams that came whole"] == 100
    assert told["slow senders put out"] > 0
    assert told["/livez, p99, ms"] < (WORST + figures.room(1.8)) * 1000
    figures.tell("E5", "Slow senders and silent readers slow nobody down", told)
