"""What people meet while the auth server is away, and how soon it is over for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from tests.fix_auth import AuthServer, Person
from tests.fix_server import Client, Server

SENTENCE = "You are still signed in"
PAGES = ["/history", "/history/new", "/history/search?q=tax", "/history/archived", "/sign-in"]
ANSWERS = ["/chatkit/session", "/chatkit/search?q=tax", "/chatkit/turns/thr_none"]
FORGED = "better-auth.session_token=forged.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"
CROWD = 4
BACK_SECONDS = 2.0

Outage = Callable[[], Callable[[], None]]
"""Takes the auth server away; what it returns brings it back, and returns when it answers."""


@dataclass
class Measured:
    """An outage, as people met it. All that is not counted here was asserted."""

    refused: list[requests.Response]
    """What people were answered who are signed in."""
    strange: list[requests.Response]
    """What somebody was answered whose cookie is forged."""
    first_back: float
    all_back: float

    def figures(self) -> dict[str, Any]:
        """Return what is told."""
        return {
            "people signed out": sum(map(_signs_out, self.refused)),
            "strangers let in": sum(map(_lets_in, self.strange)),
            "requests answered 503": sum(each.status_code == 503 for each in self.refused),
            "the slowest of them, s": round(
                max(each.elapsed.total_seconds() for each in self.refused), 1
            ),
            "first answer after its return, s": round(self.first_back, 2),
            f"all {CROWD} who were asking, s": round(self.all_back, 2),
        }


def live_through(server: Server, auth: AuthServer, outage: Outage, room: float) -> Measured:
    """Let people ask who are signed in and not remembered, in an outage and until it is over.

    All are served within BACK_SECONDS of its end, and the `room` that a busy machine has.
    """
    alice, *crowd = [auth.sign_up(f"Visitor {number}") for number in range(CROWD + 1)]
    end = outage()
    try:
        refused, strange = refuse_everybody(server, alice)
    except BaseException:
        end()
        raise
    with ThreadPoolExecutor(CROWD) as pool:
        asking = [pool.submit(ask_until_served, server.client(person)) for person in crowd]
        end()
        back = time.monotonic()
        served = [max(0.0, one.result() - back) for one in asking]
    # Each worker notices for itself, and one of them may have done so for all who were asking.
    time.sleep(max(0.0, back + BACK_SECONDS - time.monotonic()))
    serve_everybody(server, alice)
    assert max(served) < BACK_SECONDS + room
    return Measured(refused, strange, min(served), max(served))


def refuse_everybody(server: Server, person: Person) -> tuple[list[requests.Response], ...]:
    """Check what each address answers now, all at once; return those answers.

    First to somebody who is signed in, then to somebody whose cookie is forged.
    """
    alice = server.client(person)
    bearer = {"Authorization": f"Bearer {person.bearer}"}
    forged = Client(server.url, FORGED)
    with ThreadPoolExecutor(16) as pool:
        known: list[Future[requests.Response]] = [pool.submit(alice.get, path) for path in PAGES]
        known += [pool.submit(alice.get, path) for path in ANSWERS]
        known += [
            pool.submit(alice.ask, "threads.list"),
            pool.submit(alice.post, "/history/messages", {"text": "Hello"}),
            pool.submit(requests.get, f"{server.url}/history", headers=bearer, timeout=30),
        ]
        strange = [pool.submit(forged.get, path) for path in (*PAGES[:-1], *ANSWERS)]
        strange.append(pool.submit(forged.ask, "threads.list"))
    answers = [each.result() for each in known], [each.result() for each in strange]
    for answer in answers[0]:
        _is_honest(answer)
    for answer in answers[1]:
        _lets_nobody_in(answer)
    for path in (*PAGES[:-1], *ANSWERS[1:]):
        assert server.client().get(path).status_code in {303, 401}, path
    assert server.client().get("/chatkit/session").json()["user"] is None
    return answers


def ask_until_served(client: Client) -> float:
    """Ask every 50 ms who is signed in; return when the person was told. They stay signed in."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = client.get("/chatkit/session")
        if answer.status_code == 200:
            assert answer.json()["user"] is not None, "signed out"
            return time.monotonic()
        _is_honest(answer)
        time.sleep(0.05)
    raise AssertionError("it did not come back within a minute")


def serve_everybody(server: Server, person: Person) -> None:
    """Check that all is as before, with the same cookie and without a restart of the app."""
    alice = server.client(person)
    assert alice.get("/chatkit/session").json()["user"]["id"] == person.id
    for path in PAGES[:-1]:
        assert alice.get(path).status_code == 200, path
    assert alice.get("/sign-in").headers["Location"] == "/history"
    listed = alice.ask("threads.list", limit=20, order="desc", after=None)
    assert (listed.status_code, listed.json()["data"]) == (200, [])
    said = alice.post("/history/messages", {"text": "Hello again"})
    assert said.status_code == 303
    assert said.headers["Location"].startswith("/history/thr_")
    assert Client(server.url, FORGED).get("/chatkit/session").json()["user"] is None


def _is_honest(answer: requests.Response) -> None:
    """Whoever is signed in is told so, and keeps every cookie."""
    about = (answer.url, answer.status_code)
    assert answer.status_code == 503, about
    assert int(answer.headers["Retry-After"]) > 0, about
    assert SENTENCE in answer.text, about
    if answer.headers["Content-Type"] == "application/json":
        assert answer.json()["error"]["code"] == "auth_unavailable", about
    assert not _signs_out(answer), about


def _lets_nobody_in(answer: requests.Response) -> None:
    """Better Auth may know that a cookie is forged, or we know nothing: never a person's page."""
    about = (answer.url, answer.status_code)
    assert "Set-Cookie" not in answer.headers, about
    assert answer.status_code in {200, 303, 401, 503}, about
    assert not _lets_in(answer), about


def _signs_out(answer: requests.Response) -> bool:
    return bool({"Set-Cookie", "Location"} & answer.headers.keys())


def _lets_in(answer: requests.Response) -> bool:
    return answer.status_code == 200 and answer.json()["user"] is not None
