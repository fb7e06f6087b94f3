"""E4, E5: small requests that want much memory or time, and large ones that are refused unread."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from chat.web.body import LARGEST_DRAIN
from tests.attacks.addresses import give
from tests.attacks.wire import exchange, head, statuses
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_server import Server, StartServer
from tests.isolation.footprints import Footprints

MEGABYTE: Final = 1024 * 1024
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
PARTS: Final = "multipart/form-data; boundary=b"
MOST_MEMORY: Final = 400 * MEGABYTE
MOST_SECONDS: Final = 10.0
"""On a slow machine with other tests beside it: what was measured is in the figures."""
REFUSED: Final = frozenset({400, 401, 403, 404, 411, 413, 415})


@dataclass(frozen=True)
class Bomb:
    name: str
    path: str
    kind: str
    body: bytes
    headers: tuple[str, ...] = ()


def message(content: str, more: str = "") -> str:
    """Return a ChatKit request for a new thread, as text, whatever is put into it."""
    return (
        '{"type": "threads.create", "params": {"input": {"content": '
        f'{content}, "attachments": [], "inference_options": {{}}}}}}{more}}}'
    )


def filled(before: str, again: str, after: str, size: int = MEGABYTE) -> bytes:
    """Return text of at most so many bytes with something again and again in its middle."""
    times = (size - len(before) - len(after)) // len(again)
    return (before + again * times + after).encode()


def bombs() -> Iterator[Bomb]:
    """Yield what costs most for each byte that is sent."""
    for name, text in json_texts().items():
        yield Bomb(name, "/chatkit", JSON, text)
    deep = gzip.compress(b" " * 64 * MEGABYTE)
    yield Bomb("gzip", "/chatkit", JSON, deep, ("Content-Encoding: gzip",))
    yield Bomb(
        "gzip twice", "/chatkit", JSON, gzip.compress(deep), ("Content-Encoding: gzip, gzip",)
    )
    yield Bomb("gzip of a form", "/history/selected", FORM, deep, ("Content-Encoding: gzip",))
    for path in ("/history/selected", "/sign-in"):
        for name, text in form_texts().items():
            yield Bomb(f"{name} at {path}", path, FORM, text)
        for name, text in part_texts().items():
            yield Bomb(f"{name} at {path}", path, PARTS, text)


def json_texts() -> dict[str, bytes]:
    part = '{"type": "input_text", "text": ""},'
    tag = '{"type":"input_tag","id":"a","text":"b","data":{},"group":null,"interactive":false},'
    return {
        "one byte too many": message('"' + "x" * MEGABYTE + '"').encode()[: MEGABYTE + 1],
        "a million parts": message(f"[{part * 1_000_000}1]").encode(),
        "empty parts": filled(message("[§]").split("§")[0], part, "0]}}}"),
        "parts that are none": filled(message("[§]").split("§")[0], "{},", "0]}}}"),
        "numbers as parts": filled(message("[§]").split("§")[0], "0,", "0]}}}"),
        "unfinished tags": filled(message("[§]").split("§")[0], tag, "0]}}}"),
        "deep lists": b"[" * 200_000 + b"]" * 200_000,
        "deep lists without end": b"[" * MEGABYTE,
        "deep objects": b'{"a":' * 150_000,
        "deep inside": message(
            "[]", ',"metadata":{"a":' + "[" * 200_000 + "]" * 200_000 + "}"
        ).encode(),
        "deep arguments": json.dumps(
            {"type": "threads.add_client_tool_output", "params": {"thread_id": "x", "result": 0}}
        )
        .replace("0}", "[" * 200_000 + "]" * 200_000 + "}")
        .encode(),
        "a long number": b'{"type":"threads.list","params":{"limit":' + b"9" * 1_000_000 + b"}}",
        "a long fraction": b'{"type":"threads.list","params":{"limit":0.'
        + b"1" * 1_000_000
        + b"}}",
        "an endless number": b'{"type":"threads.list","params":{"limit":1e999999999}}',
        "a number as metadata": message("[]", ',"metadata":{"a":' + "9" * 900_000 + "}").encode(),
        "keys twice": b'{"type":"threads.list",' + b'"params":{},' * 80_000 + b'"type":"none"}',
        "many keys": b'{"type":"threads.list","params":{'
        + b",".join(b'"%d":0' % n for n in range(90_000))
        + b',"limit":0}}',
        "escapes": b'{"type":"' + rb"\ud800" * 170_000 + b'"}',
        "zeros": b"\0" * MEGABYTE,
        "spaces": b" " * MEGABYTE,
        "not UTF-8": b'"' + b"\xff" * (MEGABYTE - 2) + b'"',
    }


def form_texts() -> dict[str, bytes]:
    return {
        "100 000 fields": b"&".join(b"a%d=" % n for n in range(100_000)),
        "100 000 ids": b"action=archive" + b"&id=x" * 100_000,
        "only ands": b"&" * MEGABYTE,
        "empty fields": b"=&" * (MEGABYTE // 2),
        "percent signs": b"%" * MEGABYTE,
        "one long field": b"title=" + b"%C3%A9" * 170_000,
    }


def part_texts() -> dict[str, bytes]:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n\r\n'
    return {
        "20 000 parts": part * (MEGABYTE // len(part)),
        "10 000 files": file * (MEGABYTE // len(file)) + b"--b--",
        "no end of a part": part + b"\r\n--" * 250_000,
        "a head without end": b"--b\r\n" + b"X: a\r\n" * 170_000,
        "a long head": b"--b\r\nContent-Disposition: " + b"a" * 1_000_000,
        "only line ends": b"\r\n" * (MEGABYTE // 2),
    }


class Victim:
    """One worker, how much memory it takes, and what is stored of Alice."""

    def __init__(self, server: Server, alice: Person) -> None:
        self.server, self.alice = server, alice
        give(server.dsn, alice.id)
        assert server.process is not None
        pid = server.process.pid
        [worker] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._status = Path(f"/proc/{worker}/status")
        self._footprints = Footprints(server.dsn)
        self._before = self._look()
        # The first request loads what later ones only use.
        assert server.client(alice).ask("threads.list").status_code == 200
        self.memory = self.bytes_of("VmRSS")

    def _look(self) -> str:
        return self._footprints.of([self.alice.id])[self.alice.id]

    def bytes_of(self, name: str) -> int:
        """Return a line of what the kernel says about the worker: VmRSS, or VmHWM for the most."""
        [line] = [x for x in self._status.read_text().splitlines() if x.startswith(f"{name}:")]
        return int(line.split()[1]) * 1024

    def take(self, bomb: Bomb) -> float:
        """Send it, check that it is refused and changes nothing, and return the seconds."""
        began = time.monotonic()
        line = f"POST {bomb.path} HTTP/1.1"
        length = f"Content-Length: {len(bomb.body)}"
        lines = (f"Content-Type: {bomb.kind}", length, "Connection: close", *bomb.headers)
        raw = head(self.server, line, *lines, person=self.alice) + bomb.body
        found = statuses(exchange(self.server, raw, shut=False))
        took = time.monotonic() - began
        # More than this is not read away, and the reset that ends it may overtake the answer.
        assert len(found) == 1 or (not found and len(raw) > LARGEST_DRAIN), bomb.name
        assert REFUSED.issuperset(found), (bomb.name, found)
        assert self._look() == self._before, bomb.name
        return took

    def figures(self) -> dict[str, Any]:
        """Return what the worker's memory grew by, at most and in the end, in MB."""
        grown = {
            "memory at most, MB more": self.bytes_of("VmHWM") - self.memory,
            "memory afterwards, MB more": self.bytes_of("VmRSS") - self.memory,
        }
        assert grown["memory at most, MB more"] < MOST_MEMORY, grown
        assert not [one for one in self.server.records() if one["level"] == "error"]
        self._footprints.close()
        return {name: round(size / 1e6) for name, size in grown.items()}


@pytest.fixture
def victim(start_server: StartServer, auth: AuthServer) -> Victim:
    server = start_server(REQUESTS_PER_MINUTE="0")
    return Victim(server, auth.sign_up("Alice"))


@pytest.mark.measured
def test_no_body_takes_much_memory_or_time(victim: Victim, figures: Figures) -> None:
    took = {bomb.name: victim.take(bomb) for bomb in bombs()}
    slowest = max(took, key=lambda name: took[name])

    assert took[slowest] < MOST_SECONDS, (slowest, took[slowest])
    figures.tell(
        "E4 E5",
        "Bodies that are made to cost much are refused, within bounds",
        {
            "bodies": len(took),
            "answers of 500": 0,
            "slowest": slowest,
            "slowest, s": round(took[slowest], 2),
            **victim.figures(),
        },
    )


def test_a_length_that_is_only_said_takes_no_memory_and_no_wait(
    server: Server, auth: AuthServer
) -> None:
    alice = auth.sign_up("Alice")
    raws = [
        head(
            server,
            f"POST {path} HTTP/1.1",
            f"Content-Type: {kind}",
            f"Content-Length: {length}",
            person=alice,
        )
        for path in ("/chatkit", "/sign-in", "/history/selected")
        for kind in (JSON, FORM, PARTS)
        for length in (64 * MEGABYTE, 10**30)
    ]
    began = time.monotonic()
    with ThreadPoolExecutor(len(raws)) as pool:
        found = list(pool.map(lambda raw: statuses(exchange(server, raw, shut=False)), raws))

    assert all(len(each) == 1 and each[0] in {400, 413, 415} for each in found), found
    # Two seconds are for a body that comes after all, so that its sender sees the answer.
    assert time.monotonic() - began < 2 * MOST_SECONDS


@pytest.mark.parametrize("path", ["/chatkit", "/sign-in", "/nowhere"])
def test_a_body_in_chunks_without_end_is_not_read_for_ever(
    server: Server, auth: AuthServer, path: str
) -> None:
    alice = auth.sign_up("Alice")
    lines = (f"Content-Type: {JSON}", "Transfer-Encoding: chunked")
    chunk, sent, answer = b"10000\r\n" + b" " * 65536 + b"\r\n", 0, b""
    with socket.create_connection(("localhost", server.port), timeout=30) as sock:
        sock.sendall(head(server, f"POST {path} HTTP/1.1", *lines, person=alice))
        try:
            while sent < 64 * MEGABYTE:
                sock.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        try:
            while more := sock.recv(65536):
                answer += more
        except OSError:
            pass
    # What the sockets hold counts as sent; the answer may be lost to the reset that ends it.
    assert sent < 32 * MEGABYTE
    assert set(statuses(answer)) <= {404, 413}
