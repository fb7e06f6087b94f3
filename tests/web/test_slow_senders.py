"""Whoever sends slowly, or does not send at all, holds a thread for seconds and not for ever."""

from __future__ import annotations

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from chat.web import senders
from tests.fix_auth import Person
from tests.fix_figures import Figures
from tests.fix_server import Client, Server, StartServer

FOREIGN = "Origin: https://evil.example\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
JSON = "Content-Type: application/json\r\n"
STAYING = 10


def drip(server: Server, head: str, *, seconds: float) -> tuple[float, bytes]:
    """Send a head and then a byte a while; return when it was answered and ended, and with what."""
    began = time.monotonic()
    answer = b""
    with socket.create_connection(("localhost", server.port), timeout=0.3) as sock:
        sock.sendall(head.encode())
        while time.monotonic() - began < seconds:
            with contextlib.suppress(TimeoutError):
                chunk = sock.recv(65536)
                if not chunk:
                    break
                answer += chunk
            with contextlib.suppress(OSError):
                sock.sendall(b"x")
    return time.monotonic() - began, answer


def post(path: str, headers: str, *, length: int = 60_000) -> str:
    return f"POST {path} HTTP/1.1\r\nHost: ours\r\nContent-Length: {length}\r\n{headers}\r\n"


@pytest.mark.parametrize(("path", "kind"), [("/sign-in", FORM), ("/chatkit", JSON)])
def test_a_refused_body_that_drips_is_ended_within_seconds(
    server: Server, path: str, kind: str
) -> None:
    took, answer = drip(server, post(path, FOREIGN + kind), seconds=30)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert took < 15


def test_a_chunked_body_that_drips_is_ended_too(server: Server) -> None:
    head = f"POST /sign-in HTTP/1.1\r\nHost: ours\r\nTransfer-Encoding: chunked\r\n{FOREIGN}\r\nff"

    took, answer = drip(server, f"{head}\r\n", seconds=30)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert took < 15


@pytest.mark.soak
def test_nobody_fills_all_threads_with_slow_bodies_or_slow_heads(
    start_server: StartServer, figures: Figures
) -> None:
    server = start_server(WEB_THREADS="51")
    heads = [post("/sign-in", FOREIGN + FORM), "POST /sign-in HTT"]

    with ThreadPoolExecutor(60) as crowd:
        drips = [crowd.submit(drip, server, heads[n % 2], seconds=30) for n in range(60)]
        time.sleep(2)
        asked = time.monotonic()
        assert requests.get(f"{server.url}/livez", timeout=40).status_code == 200
        waited = time.monotonic() - asked
        longest = max(found.result()[0] for found in drips)

    assert longest < senders.HEAD_SECONDS + 5
    assert requests.get(f"{server.url}/livez", timeout=30).status_code == 200
    figures.tell(
        "E5",
        "More slow senders than there are threads keep nobody out for longer than a head may take",
        {
            "slow senders": len(drips),
            "threads": 51,
            "longest that one of them was kept, s": round(longest, 1),
            "health check beside them answered after, s": round(waited, 2),
        },
    )


def test_those_who_do_not_hang_up_after_their_answer_keep_nobody_waiting(
    start_server: StartServer,
) -> None:
    server = start_server()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        # Each of them is waited for, up to two seconds, and not by the one loop that all need.
        for _ in range(STAYING):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            sock.sendall(b"no request at all\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 400")
        assert requests.get(f"{server.url}/livez", timeout=60).status_code == 200

    assert time.monotonic() - began < STAYING


def test_a_body_that_comes_in_time_is_taken_however_it_is_cut(
    server: Server, alice_session: Person
) -> None:
    alice: Client = server.client(alice_session)
    sent = b'{"type":"threads.list","params":{}}'
    head = "".join(f"{name}: {value}\r\n" for name, value in alice.headers().items())
    with socket.create_connection(("localhost", server.port), timeout=30) as sock:
        sock.sendall(
            post("/chatkit", head + JSON, length=len(sent))
            .replace("Host: ours", f"Host: localhost:{server.port}")
            .encode()
        )
        for at in range(0, len(sent), 5):
            sock.sendall(sent[at : at + 5])
            time.sleep(0.4)
        assert sock.recv(15).startswith(b"HTTP/1.1 200 ")


def test_a_large_form_is_refused_before_anything_is_parsed(
    server: Server, alice_session: Person
) -> None:
    alice = server.client(alice_session)
    large = {"file": ("a.bin", b"x" * 3_000_000)}

    for path in ("/history/thr_1/delete", "/sign-in"):
        refused = requests.post(alice.url + path, files=large, headers=alice.headers(), timeout=30)
        assert refused.status_code == 413
        pieces = iter([b"email=", *[b"x" * 8192] * 9])
        chunked = requests.post(
            alice.url + path,
            data=pieces,
            headers=alice.headers(Content_Type="application/x-www-form-urlencoded"),
            timeout=30,
        )
        assert chunked.status_code == 413


def test_a_broken_chunk_is_the_senders_mistake(server: Server, alice_session: Person) -> None:
    alice = server.client(alice_session)
    head = "".join(f"{name}: {value}\r\n" for name, value in alice.headers().items())
    for path, kind in (("/sign-in", FORM), ("/chatkit", JSON)):
        with socket.create_connection(("localhost", server.port), timeout=30) as sock:
            sock.sendall(
                f"POST {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}{kind}"
                "Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode()
            )
            assert sock.recv(13) == b"HTTP/1.1 400 "
