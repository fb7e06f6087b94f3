"""A stream whose reader is signed out ends and its turn does not; an outage ends neither."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import psycopg
import pytest

from chat.sessions import ASK_AGAIN_SECONDS
from tests.faults.readers import Reader, reader, running, stored_answer
from tests.fix_auth import AuthServer, Person
from tests.fix_auth_faults import Between
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply
from tests.fix_server import Client, Server, StartServer
from tests.fix_turns import eventually

PAUSE = 0.25
REMEMBERED = 10.0
"""How long an answer of the auth server is believed."""


@pytest.fixture
def start(start_server: StartServer, model_server: ModelServer) -> Callable[[str], Server]:
    """Start the app in front of an auth server."""
    model = {"OPENAI_BASE_URL": model_server.base_url, "CHAT_MODEL": "test-model"}
    return lambda auth_url: start_server(BETTER_AUTH_URL=auth_url, **model)


class Lasting(list[str]):
    """The pieces of an answer that goes on until `over`: the person's name, and numbers."""

    def __init__(self, name: str, over: threading.Event) -> None:
        super().__init__()
        self._name, self._over = name, over

    def __iter__(self) -> Iterator[str]:
        for number in count():
            yield f"{self._name}-{number} "
            if self._over.is_set():
                return


class Talk:
    """An app, its model, and answers that last until `over`."""

    def __init__(self, server: Server, model: ModelServer) -> None:
        self.server = server
        self.over = threading.Event()
        self._model = model
        self._lock = threading.Lock()

    def begin(self, person: Person, *, keep: bool = True) -> Reader:
        """Let the person begin to read an answer; return once it says something."""
        somebody = reader(self.server, person)
        with self._lock:
            self._model.script(Reply(pieces=Lasting(person.name, self.over), pause=PAUSE))
            somebody.ask(keep=keep)
            eventually(lambda: f"{person.name}-0" in str(somebody.events))
        return somebody


def numbered(name: str, words: str) -> int:
    """Return how many words an answer has, each of them that person's and in order."""
    found = words.split()
    assert found == [f"{name}-{number}" for number in range(len(found))], words
    return len(found)


def shown(events: list[dict[str, Any]]) -> str:
    """Return what was streamed of an answer, word by word."""
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    return "".join(each.get("delta", "") for each in updates)


def last_let_in(client_get: Callable[[], int], until: float) -> float:
    """Ask until then, and return the moment at which it worked for the last time."""
    last = 0.0
    while time.monotonic() < until:
        asked = time.monotonic()
        status = client_get()
        assert status in {200, 401, 503}, status
        if status == 200:
            last = asked
        time.sleep(0.2)
    return last


class Readers:
    """People who read answers: some who will be signed out, and two who will not."""

    def __init__(self, talk: Talk, auth: AuthServer) -> None:
        names = ("Alice", "Bob", "Carol", "Dora", "Erin", "Frank", "Mallory")
        self.people = {name: auth.sign_up(name) for name in names}
        self.carol, self.alice, self.erin, self.frank = (
            talk.begin(self.people[name]) for name in ("Carol", "Alice", "Erin", "Frank")
        )
        self.bob = talk.begin(self.people["Bob"], keep=False)
        self.joined = reader(talk.server, self.people["Carol"])
        self.joined.join(self.carol.thread_id)
        self.dora = talk.server.client(self.people["Dora"])
        assert self.dora.get("/chatkit/session").json()["user"] is not None

    @property
    def out(self) -> list[Reader]:
        """Those whose reading has to end."""
        return [self.alice, self.bob, self.carol, self.joined, self.frank]

    @property
    def asked(self) -> list[Reader]:
        """Those who are signed out, and whose own answers go on."""
        return [self.alice, self.bob, self.carol]

    def sign_out(self, auth: AuthServer, dsn: str) -> float:
        """End sessions, give Frank's to Mallory, and return when all of it was done."""
        for name in ("Alice", "Bob", "Carol", "Dora"):
            auth.sign_out(self.people[name])
        revoked = time.monotonic()
        _give_session(dsn, self.people["Frank"], to=self.people["Mallory"])
        return revoked

    def assert_told(self) -> None:
        """Each of them was told why their reading ended, and Erin's did not."""
        for one in (*self.asked, self.joined):
            assert one.error is not None
            assert one.error["error_code"] == "session_ended"
            assert "sign in again" in one.error["message"]
        assert self.frank.error is not None
        assert self.frank.error["error_code"] == "another_person"
        assert self.erin.error is None


def finished(one: Reader, server: Server, auth: AuthServer) -> bool:
    """Return whether the answer went on to its end after its reader was sent away."""
    read = numbered(one.person.name, shown(one.events))
    again = server.client(auth.sign_in(one.person))
    eventually(partial(_finished, again, one.thread_id))
    return numbered(one.person.name, stored_answer(again, one.thread_id)) > read


@pytest.mark.measured
def test_who_is_signed_out_reads_no_further_and_an_outage_ends_no_stream(
    start: Callable[[str], Server],
    own_auth: AuthServer,
    empty_dsn: str,
    model_server: ModelServer,
    figures: Figures,
) -> None:
    server = start(own_auth.url)
    talk = Talk(server, model_server)
    those = Readers(talk, own_auth)
    revoked = those.sign_out(own_auth, empty_dsn)
    own_auth.stop()
    let_in = last_let_in(
        lambda: those.dora.get("/chatkit/session").status_code, revoked + REMEMBERED + 1.5
    )
    ended_while_down = sum(one.ended is not None for one in [*those.out, those.erin])
    own_auth.start()
    back = time.monotonic()
    for one in those.out:
        one.wait()
    late = [one.ended - back for one in those.out if one.ended is not None]
    # So long that the answers of all of them go beyond what was read of them.
    time.sleep(3 * PAUSE)
    talk.over.set()
    those.erin.wait()

    assert ended_while_down == 0
    assert let_in - revoked < REMEMBERED + figures.room(0.5)
    those.assert_told()
    # Nothing is remembered any more. A second is what the asking and the ending may take.
    assert max(late) < ASK_AGAIN_SECONDS + 1 + figures.room(4)
    assert stored_answer(those.erin.client, those.erin.thread_id) == shown(those.erin.events)
    assert all(finished(one, server, own_auth) for one in those.asked)
    figures.tell(
        "I2 E2",
        "Who was signed out reads no further, and their answer is finished without them;"
        " an auth server that is down ends no stream",
        {
            "streams ended while it was down": ended_while_down,
            "streams ended once it was back, of 5": len(late),
            "the last of them, s after its return": round(max(late), 1),
            "answers finished all the same, of 4": len(those.asked) + 1,
            "a revoked session was last let in, s after": round(let_in - revoked, 1),
        },
    )


@pytest.mark.soak
def test_an_ended_session_is_noticed_in_time_and_the_asking_costs_little(
    start: Callable[[str], Server],
    own_auth: AuthServer,
    model_server: ModelServer,
    figures: Figures,
) -> None:
    with Between(own_auth.url) as between:
        talk = Talk(start(between.url), model_server)
        measured = revoke_among(40, talk, own_auth, between)

    assert measured["the slowest end, s"] < REMEMBERED + ASK_AGAIN_SECONDS + figures.room(5)
    assert measured["calls of the auth server a second"] < 40 / REMEMBERED * 1.2
    figures.tell(
        "I2 R2",
        "A session that is revoked ends its streams within 15 s, for one call of the auth server"
        " a person and 10 s",
        measured,
    )


def revoke_among(
    number: int, talk: Talk, own_auth: AuthServer, between: Between
) -> dict[str, float]:
    """Let so many read, revoke the sessions of half of them, and measure."""
    people = [own_auth.sign_up(f"Reader {name}") for name in range(number)]
    readers = [talk.begin(person) for person in people]
    asked, began = between.count, time.monotonic()
    time.sleep(20)
    calls = (between.count - asked) / (time.monotonic() - began)
    half = number // 2
    revoked: dict[str, float] = {}
    for one in readers[:half]:
        time.sleep(0.55)
        own_auth.sign_out(one.person)
        revoked[one.person.id] = time.monotonic()
    for one in readers[:half]:
        one.wait()
    took = [(one.ended or 0) - revoked[one.person.id] for one in readers[:half]]
    talk.over.set()
    for one in readers[half:]:
        one.wait()

    assert all(one.error and one.error["error_code"] == "session_ended" for one in readers[:half])
    assert all(one.error is None for one in readers[half:])
    return {
        "readers": number,
        "calls of the auth server a second": round(calls, 1),
        "revoked": half,
        "the quickest end, s": round(min(took), 1),
        "the slowest end, s": round(max(took), 1),
    }


def _finished(client: Client, thread_id: str) -> bool:
    return not running(client, thread_id)


def _give_session(dsn: str, person: Person, *, to: Person) -> None:
    """Let a session be somebody else's from now on, as a mistake in the auth server would."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        given = conn.execute(
            'UPDATE "session" SET "userId" = %s WHERE "userId" = %s', (to.id, person.id)
        )
        assert given.rowcount == 1
