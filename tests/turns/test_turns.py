"""S4 to S8 over real sockets and two real workers: turns that survive what people do to them."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import requests

from tests.fix_auth import Person
from tests.fix_model import ModelServer, Reply, pieces_of
from tests.fix_server import Client, Talking, text_of, thread_of, words
from tests.fix_turns import (
    KEEP,
    LONG,
    begin,
    eventually,
    join,
    stored_answers,
    turn_state,
    whole_text,
)


def test_our_own_clients_can_leave_and_find_the_whole_answer(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), pause=0.02))

    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()
    stream.leave()

    eventually(lambda: stored_answers(alice, thread_id)[1:] == [LONG])
    eventually(lambda: turn_state(talking, thread_id) == "done")


def test_for_other_clients_leaving_means_stop_and_keeps_what_was_written(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), pause=0.05))

    stream = begin(alice, "long, please", thread_id)
    seen = stream.read()
    stream.leave()

    eventually(lambda: turn_state(talking, thread_id) == "stopped")
    kept = stored_answers(alice, thread_id)[1]
    assert kept.startswith(seen)
    assert len(kept) < len(LONG)
    assert model.left_early.wait(30)


def test_a_client_that_leaves_while_the_model_is_silent_is_noticed_within_a_second(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=["Only this"], then="hang"))
    stream = begin(alice, "hm?", thread_id)
    stream.read(deltas=1)

    stream.leave()
    left = time.monotonic()

    eventually(lambda: turn_state(talking, thread_id) == "stopped")
    assert stored_answers(alice, thread_id)[1] == "Only this"
    assert time.monotonic() - left < 3  # 0.5 s to notice, 0.5 s to store, and a noisy machine.


def test_coming_back_joins_the_running_answer_without_a_gap_or_a_double(
    alice: Client, model: ModelServer
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), pause=0.03))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()
    stream.leave()

    # Six readers: with two workers, some of them are surely on the other one.
    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(lambda _n: whole_text(join(alice, thread_id).rest()), range(6)))

    assert texts == [LONG] * 6
    assert stored_answers(alice, thread_id)[1] == LONG
    assert join(alice, thread_id).status == 204


def test_nobody_joins_or_stops_somebody_elses_turn(
    alice: Client, model: ModelServer, talking: Talking, mallory_session: Person
) -> None:
    mallory = talking.server.client(mallory_session)
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), pause=0.02))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    for path in (thread_id, "thr_missing"):
        assert join(mallory, path).status == 404
        assert mallory.post(f"/chatkit/turns/{path}/stop", {}).status_code == 404
    assert (
        requests.post(
            f"{alice.url}/chatkit/turns/{thread_id}/stop",
            headers={"Cookie": alice.cookie or "", "Origin": "https://evil.example"},
            timeout=30,
        ).status_code
        == 403
    )

    assert text_of(stream.rest()) == LONG


def test_stop_ends_the_model_call_from_any_worker_and_says_so(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), then="hang", pause=0.01))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    stopped = alice.post(f"/chatkit/turns/{thread_id}/stop", {})
    rest = stream.rest()

    assert stopped.json() == {"stopping": True}
    assert model.left_early.wait(30)
    assert [event["type"] for event in rest][-2:] == ["thread.item.done", "notice"]
    assert rest[-1]["message"] == "You stopped this answer."
    eventually(lambda: turn_state(talking, thread_id) == "stopped")
    assert stored_answers(alice, thread_id)[1] == text_of(rest)
    assert alice.post(f"/chatkit/turns/{thread_id}/stop", {}).json() == {"stopping": False}


def test_our_own_clients_see_beside_an_item_how_it_ended(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=["Half"], then="hang"))
    stream = begin(alice, "second", thread_id, **KEEP)
    stream.read(deltas=1)
    alice.post(f"/chatkit/turns/{thread_id}/stop", {})
    stream.rest()

    body = json.dumps({"type": "items.list", "params": {"thread_id": thread_id}}).encode()
    ours = alice.send(body, **KEEP).json()["data"]
    others = alice.send(body).json()["data"]

    assert [item.get("outcome") for item in ours] == ["stopped", None, None, None]
    assert all("outcome" not in item for item in others)


def test_a_second_message_meanwhile_is_refused_and_stored_nowhere(
    alice: Client, model: ModelServer
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(Reply(pieces=pieces_of(LONG), pause=0.05))
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()

    second = begin(alice, "me too", thread_id)

    assert second.status == 409
    assert second.answer.json()["error"]["code"] == "turn_running"
    assert int(second.answer.headers["Retry-After"]) > 0
    assert text_of(stream.rest()) == LONG
    items = alice.ask("items.list", thread_id=thread_id, order="asc").json()["data"]
    assert [item["type"] for item in items] == ["user_message", "assistant_message"] * 2


def test_two_messages_at_the_same_moment_never_interleave(alice: Client) -> None:
    thread_id = thread_of(alice.say("first"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: begin(alice, f"no {n}", thread_id).answer.text, range(8)))

    taken = [answer for answer in answers if answer.startswith("data:")]
    items = alice.ask("items.list", thread_id=thread_id, order="asc", limit=100).json()["data"]
    kinds = [item["type"] for item in items]
    assert len(taken) >= 1
    assert kinds == ["user_message", "assistant_message"] * (1 + len(taken))


def test_the_same_key_twice_is_the_same_turn_finished_or_not(
    alice: Client, model: ModelServer
) -> None:
    alice.say("warm up")
    model.script(Reply(pieces=pieces_of(LONG), pause=0.03))
    headers = {**KEEP, "Idempotency-Key": f"key-{time.time_ns()}"}

    begin(alice, "once", **headers).read()
    meanwhile = begin(alice, "once", **headers).rest()
    afterwards = begin(alice, "once", **headers).rest()

    thread_id = thread_of(meanwhile)
    assert thread_of(afterwards) == thread_id
    for events in (meanwhile, afterwards):
        assert events[1]["item"]["content"][0]["text"] == "once"
        assert whole_text(events) == text_of(events) == LONG
    items = alice.ask("items.list", thread_id=thread_id).json()["data"]
    assert len(items) == 2


def test_the_same_key_at_the_same_moment_stores_one_message(alice: Client) -> None:
    headers = {**KEEP, "Idempotency-Key": f"key-{time.time_ns()}"}

    with ThreadPoolExecutor(8) as pool:
        events = list(pool.map(lambda _n: begin(alice, "at once", **headers).rest(), range(8)))

    assert len({thread_of(each) for each in events}) == 1
    assert len({text_of(each) for each in events}) == 1
    assert len(alice.ask("threads.list").json()["data"]) == 1


def test_a_key_with_another_body_is_refused_and_keys_belong_to_one_person(
    alice: Client, talking: Talking, mallory_session: Person
) -> None:
    mallory = talking.server.client(mallory_session)
    key = {"Idempotency-Key": f"key-{time.time_ns()}"}
    mine = begin(alice, "mine", **key).rest()

    other = begin(alice, "something else", **key)
    his = begin(mallory, "mine", **key).rest()

    assert (other.status, other.answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert thread_of(his) != thread_of(mine)
    for bad in ("", "a b", "x" * 256):
        assert begin(alice, "mine", **{"Idempotency-Key": bad}).status == 400


def test_a_person_has_a_few_turns_at_once_and_then_waits(alice: Client, model: ModelServer) -> None:
    alice.say("warm up")
    model.script(*[Reply(pieces=["x"], then="hang") for _ in range(12)])
    open_turns = []
    for number in range(5):
        open_turns.append(begin(alice, f"no {number}"))
        open_turns[-1].read(deltas=1)

    refused = begin(alice, "one more")

    assert (refused.status, refused.answer.json()["error"]["code"]) == (429, "too_many_turns")
    assert refused.answer.headers["Retry-After"]
    for stream in open_turns:
        stream.leave()


def test_a_rename_during_a_turn_wins_and_a_deleted_thread_does_not_come_back(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(
        Reply(pieces=pieces_of(LONG), pause=0.02), Reply(pieces=["x"] * 9, then="hang", pause=0.05)
    )
    stream = begin(alice, "long, please", thread_id, **KEEP)
    stream.read()
    alice.ask("threads.update", thread_id=thread_id, title="My name for it")
    stream.rest()
    renamed = alice.ask("threads.get_by_id", thread_id=thread_id).json()["title"]

    stream = begin(alice, "again", thread_id, **KEEP)
    stream.read()
    alice.ask("threads.delete", thread_id=thread_id)
    rest = stream.rest()

    assert renamed == "My name for it"
    assert rest[-1]["type"] == "error"
    assert model.left_early.wait(30)
    assert alice.ask("threads.get_by_id", thread_id=thread_id).status_code == 404
    with psycopg.connect(talking.server.dsn) as conn:
        for table in ("chatkit_thread_item", "chatkit_turn"):
            counted = f"SELECT count(*) FROM {table} WHERE thread_id = %s"  # noqa: S608
            assert conn.execute(counted, [thread_id]).fetchone() == (0,)


def test_a_reader_that_does_not_read_does_not_hold_the_turn_up(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    huge = ["x" * 20_000] * 200
    model.script(Reply(pieces=huge))
    body = json.dumps(
        {
            "type": "threads.add_user_message",
            "params": {"thread_id": thread_id, "input": words("much")},
        }
    )
    with socket.create_connection(("localhost", talking.server.port)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        head = {
            **alice.headers(Content_Type="application/json"),
            **KEEP,
            "Host": f"localhost:{talking.server.port}",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        sock.sendall(
            f"POST /chatkit HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

        answers = eventually(lambda: stored_answers(alice, thread_id)[1:], seconds=30)

    assert answers == ["".join(huge)]


def test_health_is_answered_while_streams_are_open(alice: Client, model: ModelServer) -> None:
    alice.say("warm up")
    model.script(*[Reply(pieces=["x"], then="hang") for _ in range(5)])
    streams = [begin(alice, f"no {number}") for number in range(5)]

    assert requests.get(f"{alice.url}/livez", timeout=30).status_code == 200
    assert requests.get(f"{alice.url}/readyz", timeout=30).status_code == 200
    for stream in streams:
        stream.leave()


def test_events_of_two_people_never_mix(
    talking: Talking, alice_session: Person, mallory_session: Person
) -> None:
    alice, mallory = (talking.server.client(who) for who in (alice_session, mallory_session))
    results: dict[str, list[str]] = {"a": [], "m": []}

    def talk(name: str, client: Client) -> None:
        for number in itertools.count():
            if number == 10:
                return
            results[name].append(text_of(client.say(f"{name}{number}")))

    threads = [threading.Thread(target=talk, args=pair) for pair in (("a", alice), ("m", mallory))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for name, texts in results.items():
        assert texts == [f"You said: {name}{number}" for number in range(10)]
