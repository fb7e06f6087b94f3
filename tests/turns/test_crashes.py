"""S6 and E2: workers that die or are told to stop, and what is found of their turns afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import requests

from chat.stream import SPARE_THREADS
from tests.faults.processes import whole_again, worker_serving, workers_of
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply, pieces_of
from tests.fix_postgres import Databases
from tests.fix_server import Client, Server, StartServer, Talking, text_of, thread_of
from tests.fix_turns import (
    KEEP,
    LONG,
    Stream,
    begin,
    eventually,
    join,
    stored_answers,
    turn_state,
    whole_text,
)

ENDLESS = " ".join(f"word{number}" for number in range(2000))
LEASE_SECONDS = 10


@pytest.fixture(scope="module")
def _mortal(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talking]:
    model = ModelServer()
    settings = {
        "DATABASE_URL": databases.create("crashes", template=migrated),
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
    }
    server = Server(settings, tmp_path_factory.mktemp("crashes") / "gunicorn.log", workers=2)
    server.start()
    yield Talking(server, model)
    server.kill()
    model.close()
    databases.drop("crashes")


@pytest.fixture
def mortal(_mortal: Talking) -> Iterator[Talking]:
    """A server in two workers, one for the module; each test finds it whole."""
    _mortal.model.forget()
    if _mortal.server.process is None:
        _mortal.server.start()
    whole_again(_mortal.server)
    yield _mortal


@pytest.fixture
def alice(mortal: Talking, alice_session: Person) -> Client:
    return mortal.server.client(alice_session)


class Watcher:
    """Somebody who reads a stream to its end, or to the death of its worker."""

    def __init__(self, stream: Stream, pool: ThreadPoolExecutor) -> None:
        self.stream = stream
        self.shown: list[tuple[float, dict[str, Any]]] = []
        self.done: Future[None] = pool.submit(self._read)

    def text(self, *, before: float = float("inf")) -> str:
        """Return the text that was shown before that moment."""
        return whole_text([event for when, event in list(self.shown) if when < before])

    def _read(self) -> None:
        try:
            for event in self.stream:
                self.shown.append((time.monotonic(), event))
        except requests.RequestException:
            pass


@pytest.fixture
def watch() -> Iterator[Callable[[Stream], Watcher]]:
    pool = ThreadPoolExecutor(16)
    yield lambda stream: Watcher(stream, pool)
    pool.shutdown(wait=False, cancel_futures=True)


def join_elsewhere(server: Server, client: Client, thread_id: str, pid: int) -> Stream:
    """Join the turn on another worker than that one."""
    for _ in range(50):
        stream = join(client, thread_id)
        assert stream.status == 200
        if worker_serving(server, stream) != pid:
            return stream
        stream.leave()
    raise AssertionError("no other worker answers")


def outcome_of(client: Client, thread_id: str) -> tuple[str | None, str]:
    """Return how the newest item ended, and its id."""
    body = f'{{"type": "items.list", "params": {{"thread_id": "{thread_id}"}}}}'.encode()
    newest = client.send(body, **KEEP).json()["data"][0]
    return newest.get("outcome"), newest["id"]


def is_unread(talking: Talking, thread_id: str) -> bool:
    with psycopg.connect(talking.server.dsn) as conn:
        found = conn.execute("SELECT unread FROM chatkit_thread WHERE id = %s", [thread_id])
        row = found.fetchone()
    return row is not None and bool(row[0])


def user_message_ids(client: Client, thread_id: str) -> list[str]:
    answer = client.ask("items.list", thread_id=thread_id, order="asc", limit=100)
    return [item["id"] for item in answer.json()["data"] if item["type"] == "user_message"]


def retry(client: Client, thread_id: str, item_id: str) -> str:
    events = client.stream("threads.retry_after_item", thread_id=thread_id, item_id=item_id)
    return whole_text(list(events))


def test_kill_9_of_a_worker_loses_at_most_the_last_second(
    mortal: Talking, alice: Client, watch: Callable[[Stream], Watcher]
) -> None:
    thread_id = thread_of(alice.say("first"))
    mortal.model.script(Reply(pieces=pieces_of(ENDLESS), pause=0.02))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    pid = worker_serving(mortal.server, stream)
    reader = watch(stream)
    follower = watch(join_elsewhere(mortal.server, alice, thread_id, pid))
    eventually(lambda: len(reader.text()) > 600)

    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    reader.done.result(30)

    # While the lease lasts nobody can know that the worker is dead, so the thread is taken.
    refused = begin(alice, "and now?", thread_id)
    assert (refused.status, refused.answer.json()["error"]["code"]) == (409, "turn_running")
    follower.done.result(LEASE_SECONDS + 10)
    assert turn_state(mortal, thread_id) == "interrupted"
    assert is_unread(mortal, thread_id) is False, "somebody was there to read it"
    [first, kept] = stored_answers(alice, thread_id)
    assert first == "You said: first"
    assert ENDLESS.startswith(kept)
    assert kept.startswith(reader.text(before=killed - 1))
    last = follower.shown[-1][1]
    assert (last["type"], last["allow_retry"]) == ("error", True)
    assert follower.text() == kept
    assert outcome_of(alice, thread_id)[0] == "interrupted"

    message_id = user_message_ids(alice, thread_id)[1]
    assert retry(alice, thread_id, message_id) == "You said: long, please"
    assert stored_answers(alice, thread_id)[1:] == ["You said: long, please"]
    assert text_of(alice.say("and now?", thread_id)) == "You said: and now?"


def test_kill_9_of_the_whole_server_is_settled_by_its_next_start(
    mortal: Talking, alice: Client, watch: Callable[[Stream], Watcher]
) -> None:
    mortal.model.script(Reply(pieces=pieces_of(ENDLESS), pause=0.02))
    reader = watch(begin(alice, "long, please", **KEEP))
    eventually(lambda: len(reader.text()) > 600)
    thread_id = thread_of([event for _, event in reader.shown])

    mortal.server.kill()
    killed = time.monotonic()
    reader.done.result(30)
    _let_leases_end(mortal)
    mortal.server.start()

    # Nobody asks for anything: the start alone settles it.
    eventually(lambda: turn_state(mortal, thread_id) == "interrupted", 15)
    [kept] = stored_answers(alice, thread_id)
    assert ENDLESS.startswith(kept)
    assert kept.startswith(reader.text(before=killed - 1))
    assert len(user_message_ids(alice, thread_id)) == 1
    assert is_unread(mortal, thread_id)
    assert outcome_of(alice, thread_id)[0] == "interrupted"
    assert text_of(alice.say("again", thread_id)) == "You said: again"


def test_a_deletion_is_purged_though_the_worker_that_took_it_died(
    mortal: Talking, alice: Client
) -> None:
    gone, kept = thread_of(alice.say("goes")), thread_of(alice.say("stays"))
    clicked = alice.post(f"/history/{gone}/delete", {"undo": "yes"})
    for pid in workers_of(mortal.server):
        os.kill(pid, signal.SIGKILL)
    whole_again(mortal.server)

    assert clicked.status_code == 303
    assert alice.get(f"/history/{gone}").status_code == 404
    eventually(lambda: _rows_of(mortal, gone) == 0, 40)
    assert _rows_of(mortal, kept) == 3


def _rows_of(talking: Talking, thread_id: str) -> int:
    """Count what the database still holds of a thread: itself, and what was said."""
    counted = (
        "SELECT (SELECT count(*) FROM chatkit_thread WHERE id = %(id)s)"
        "     + (SELECT count(*) FROM chatkit_thread_item WHERE thread_id = %(id)s)"
    )
    with psycopg.connect(talking.server.dsn) as conn:
        row = conn.execute(counted, {"id": thread_id}).fetchone()
    return int(row[0]) if row else 0


def _let_leases_end(talking: Talking) -> None:
    """Let ten seconds pass, as far as the leases are concerned."""
    with psycopg.connect(talking.server.dsn) as conn:
        conn.execute("UPDATE chatkit_turn SET lease_until = clock_timestamp()")


def test_sigterm_lets_short_answers_end_and_stores_what_there_is_of_long_ones(
    start_server: StartServer,
    model_server: ModelServer,
    alice_session: Person,
    mallory_session: Person,
    watch: Callable[[Stream], Watcher],
) -> None:
    server = start_server(workers=2, OPENAI_BASE_URL=model_server.base_url, CHAT_MODEL="test-model")
    talking = Talking(server, model_server)
    alice, mallory = server.client(alice_session), server.client(mallory_session)
    streams = {
        "short": _five_answers(alice, model_server, LONG),
        "long": _five_answers(mallory, model_server, ENDLESS),
    }
    threads = {name: [thread_of(each.seen) for each in some] for name, some in streams.items()}
    # One of each is read to the end; the others' readers leave.
    readers = {name: watch(some[0]) for name, some in streams.items()}
    for stream in [*streams["short"][1:], *streams["long"][1:]]:
        stream.leave()

    assert server.process is not None
    server.process.terminate()
    told = time.monotonic()
    eventually(lambda: _refused(alice))
    server.process.wait(60)
    took = time.monotonic() - told

    assert took < 29, "gunicorn kills after 30 s"
    for reader in readers.values():
        reader.done.result(30)
    assert [turn_state(talking, each) for each in threads["short"]] == ["done"] * 5
    assert [turn_state(talking, each) for each in threads["long"]] == ["interrupted"] * 5
    last = readers["long"].shown[-1][1]
    assert (last["type"], last["allow_retry"]) == ("error", True)
    server.process = None
    assert [answers_in(talking, each) for each in threads["short"]] == [[LONG]] * 5
    kept = [answers_in(talking, each)[0] for each in threads["long"]]
    for answer in kept:
        assert ENDLESS.startswith(answer)
        # All of them were written for about as long as the first one, which was begun before them.
        assert len(answer) > 0.5 * len(kept[0])
    assert kept[0] == whole_text(streams["long"][0].seen)


def _five_answers(who: Client, model: ModelServer, text: str) -> list[Stream]:
    """Begin five answers of that text; each is being written by now."""
    streams = []
    for number in range(5):
        model.script(Reply(pieces=pieces_of(text), pause=0.05))
        streams.append(begin(who, f"no {number}", **KEEP))
        streams[-1].read(deltas=2)
    return streams


def answers_in(talking: Talking, thread_id: str) -> list[str]:
    """Return the answers that are stored, when no server is there to be asked."""
    with psycopg.connect(talking.server.dsn) as conn:
        rows = conn.execute(
            "SELECT document::jsonb -> 'content' -> 0 ->> 'text' FROM chatkit_thread_item"
            " WHERE thread_id = %s AND kind = 'assistant_message' ORDER BY position",
            [thread_id],
        ).fetchall()
    return [str(row[0]) for row in rows]


def _refused(client: Client) -> bool:
    """Return whether a new turn is refused: by the worker, or because nobody listens."""
    try:
        answer = begin(client, "too late")
    except requests.ConnectionError:
        return True
    if answer.status == 503:
        return int(answer.answer.headers["Retry-After"]) > 0
    answer.leave()
    return False


def test_sigterm_of_one_worker_lets_a_turn_that_nobody_reads_come_to_its_end(
    mortal: Talking, alice: Client
) -> None:
    thread_id = thread_of(alice.say("first"))
    mortal.model.script(Reply(pieces=pieces_of(LONG), pause=0.04))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()
    pid = worker_serving(mortal.server, stream)
    stream.leave()

    os.kill(pid, signal.SIGTERM)

    follower = join(alice, thread_id)
    assert whole_text(follower.rest()) == LONG
    assert stored_answers(alice, thread_id)[1] == LONG
    assert turn_state(mortal, thread_id) == "done"
    eventually(lambda: pid not in workers_of(mortal.server), 20)


@pytest.mark.soak
def test_a_worker_that_was_frozen_for_longer_than_its_lease_gives_its_turn_up(
    mortal: Talking, alice: Client, watch: Callable[[Stream], Watcher], figures: Figures
) -> None:
    thread_id = thread_of(alice.say("first"))
    mortal.model.script(Reply(pieces=pieces_of(ENDLESS), pause=0.02))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    pid = worker_serving(mortal.server, stream)
    reader = watch(stream)
    eventually(lambda: len(reader.text()) > 600)

    os.kill(pid, signal.SIGSTOP)
    frozen = time.monotonic()
    try:
        eventually(lambda: turn_state(mortal, thread_id) == "interrupted", 3 * LEASE_SECONDS)
        settled = time.monotonic() - frozen
        left = answers_in(mortal, thread_id)[1:]
    finally:
        os.kill(pid, signal.SIGCONT)
    reader.done.result(30)

    assert reader.shown[-1][1]["type"] == "error"
    [kept] = answers_in(mortal, thread_id)[1:]
    assert left == [kept]
    assert ENDLESS.startswith(kept)
    assert kept.startswith(reader.text(before=frozen - 1))
    assert turn_state(mortal, thread_id) == "interrupted"
    assert text_of(alice.say("and now?", thread_id)) == "You said: and now?"
    seen = len(reader.text(before=frozen + 0.5))
    figures.tell(
        "S6 E2",
        "A worker that stops for longer than its lease loses its turn to another one, and stores "
        "nothing more of it when it goes on",
        {
            "characters stored after it went on": sum(map(len, left)) - len(kept),
            "characters shown in the last moment and not kept": max(0, seen - len(kept)),
            "settled by the other worker after, s": round(settled, 1),
        },
    )


def test_streams_leave_threads_for_everything_else(
    start_server: StartServer, model_server: ModelServer, alice_session: Person
) -> None:
    server = start_server(
        WEB_THREADS=str(SPARE_THREADS + 4),
        OPENAI_BASE_URL=model_server.base_url,
        CHAT_MODEL="test-model",
    )
    alice = server.client(alice_session)
    model_server.script(*[Reply(pieces=["x"], then="hang") for _ in range(5)])
    streams = []
    for number in range(4):
        streams.append(begin(alice, f"no {number}", **KEEP))
        streams[-1].read(deltas=1)

    fifth = begin(alice, "one more", **KEEP)
    joined = join(alice, thread_of(streams[0].seen))

    for refused in (fifth, joined):
        assert (refused.status, refused.answer.json()["error"]["code"]) == (503, "overloaded")
        assert int(refused.answer.headers["Retry-After"]) > 0
    assert alice.get("/livez").status_code == 200
    assert len(alice.ask("threads.list").json()["data"]) == 4
    streams[0].leave()
    eventually(lambda: join(alice, thread_of(streams[0].seen)).status == 200)
    server.kill()
