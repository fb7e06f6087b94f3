"""How turns end, and what is said of it beside the messages: also of retries, also much later."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from chat.db import Database
from chat.neon_store import NeonStore
from chat.tables import items, turn_ends, turn_logs, turns
from chat.tables.turns import NewTurn
from chat.turn_keeper import TurnKeeper
from tests.fix_model import ModelServer, Reply
from tests.fix_server import Client, Talking, thread_of
from tests.fix_store import a_message, a_thread, an_answer
from tests.fix_turns import KEEP, begin, eventually, turn_state


def shown(client: Client, thread_id: str) -> list[tuple[str, str | None]]:
    """Return text and outcome of each item, oldest first, as our own clients get them."""
    body = {"type": "items.list", "params": {"thread_id": thread_id, "order": "asc"}}
    items = client.send(json.dumps(body).encode(), **KEEP).json()["data"]
    return [
        ("".join(part["text"] for part in item["content"]), item.get("outcome")) for item in items
    ]


def retry(client: Client, thread_id: str, item_id: str) -> list[dict[str, Any]]:
    events = client.stream("threads.retry_after_item", thread_id=thread_id, item_id=item_id)
    return list(events)


def test_a_message_that_nobody_answered_says_so_until_a_retry_does(
    alice: Client, model: ModelServer
) -> None:
    model.script(Reply(status=500))
    events = alice.say("first")
    thread_id, message_id = thread_of(events), events[1]["item"]["id"]
    assert shown(alice, thread_id) == [("first", "failed")]

    retry(alice, thread_id, message_id)

    assert shown(alice, thread_id) == [("first", None), ("You said: first", None)]


def test_a_failed_retry_says_nothing_about_the_old_answer_that_stays(
    alice: Client, model: ModelServer
) -> None:
    events = alice.say("first")
    thread_id, message_id = thread_of(events), events[1]["item"]["id"]

    for reply in (Reply(status=500), Reply(pieces=["half"], then="cut")):
        model.script(reply)
        assert retry(alice, thread_id, message_id)[-1]["type"] == "error"

        assert shown(alice, thread_id) == [("first", "failed"), ("You said: first", None)]


def test_a_retry_over_nothing_keeps_what_was_seen_of_it(alice: Client, model: ModelServer) -> None:
    model.script(Reply(status=500), Reply(pieces=["half ", "of it"], then="cut"))
    events = alice.say("first")
    thread_id = thread_of(events)

    again = retry(alice, thread_id, events[1]["item"]["id"])

    assert again[-1]["type"] == "error"
    assert shown(alice, thread_id)[1] == ("half of it", "failed")


def test_a_retry_does_not_wait_for_messages_that_its_sender_has_not_seen(
    alice: Client, model: ModelServer
) -> None:
    events = alice.say("first")
    thread_id, message_id = thread_of(events), events[1]["item"]["id"]
    model.script(Reply(pieces=["two ", "words"], pause=0.2))
    second = begin(alice, "second", thread_id, **KEEP)

    refused = alice.ask("threads.retry_after_item", thread_id=thread_id, item_id=message_id)
    second.rest()

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "turn_running")
    told = [text for text, _ in shown(alice, thread_id)]
    assert told == ["first", "You said: first", "second", "two words"]


def test_an_answer_that_was_stored_just_before_a_crash_is_not_called_interrupted(
    database: Database,
) -> None:
    with database.connection() as conn:
        turns.begin(
            conn,
            user_id="user_alice",
            turn=NewTurn("turn_1", "thr_1", "a dead worker", "msg_asked"),
            thread=a_thread(),
            message=a_message("msg_asked"),
            most=5,
        )
        items.add(conn, user_id="user_alice", thread_id="thr_1", item=an_answer("msg_answer"))
        conn.execute("UPDATE chatkit_turn SET lease_until = now() - interval '1 minute'")

    settle_all(database)

    with database.connection() as conn:
        states = conn.execute("SELECT state FROM chatkit_turn").fetchall()
        outcomes = conn.execute("SELECT outcome FROM chatkit_thread_item").fetchall()
    assert states == [("done",)]
    assert outcomes == [(None,), (None,)]


def test_stopping_a_retry_keeps_the_old_answer_unmarked(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    events = alice.say("first")
    thread_id, message_id = thread_of(events), events[1]["item"]["id"]
    model.script(Reply(pieces=["new"], then="hang"))

    stream = alice.stream("threads.retry_after_item", thread_id=thread_id, item_id=message_id)
    next(event for event in stream if event["type"] == "thread.item.updated")
    alice.post(f"/chatkit/turns/{thread_id}/stop", {})
    list(stream)

    eventually(lambda: turn_state(talking, thread_id) == "stopped")
    assert ("You said: first", None) in shown(alice, thread_id)


def test_a_stop_before_the_turn_has_begun_ends_it_all_the_same(
    alice: Client, model: ModelServer, talking: Talking
) -> None:
    thread_id = thread_of(alice.say("first"))
    model.script(*[Reply(pieces=["x"], then="hang") for _ in range(5)])

    for number in range(5):
        stream = begin(alice, f"no {number}", thread_id, **KEEP)
        assert alice.post(f"/chatkit/turns/{thread_id}/stop", {}).json() == {"stopping": True}
        assert stream.rest()[-1]["type"] == "notice"
        eventually(lambda: turn_state(talking, thread_id) == "stopped")


def test_turns_are_forgotten_a_day_after_their_end_and_their_messages_stay(
    alice: Client, talking: Talking
) -> None:
    key = {"Idempotency-Key": "a-day-later"}
    thread_id = thread_of(begin(alice, "once", **key).rest())
    with psycopg.connect(talking.server.dsn) as conn:
        conn.execute("UPDATE chatkit_turn SET ended_at = ended_at - interval '25 hours'")
    database = Database(talking.server.dsn, pool_size=1)

    assert database.run(turn_logs.forget) >= 1
    database.close()

    assert turn_state(talking, thread_id) == "none"
    assert len(shown(alice, thread_id)) == 2
    assert thread_of(begin(alice, "once", **key).rest()) != thread_id


def test_a_turn_that_cannot_be_read_any_more_is_settled_like_the_others(database: Database) -> None:
    with database.connection() as conn:
        for number, events in enumerate(('{"type":"from.the.future"}', "not json")):
            thread_id = f"thr_{number}"
            turns.begin(
                conn,
                user_id="user_alice",
                turn=NewTurn(f"turn_{number}", thread_id, "a dead worker"),
                thread=a_thread(thread_id),
                message=a_message(thread_id=thread_id),
                most=5,
            )
            conn.execute(
                "INSERT INTO chatkit_turn_event VALUES ('user_alice', %s, 0, %s)",
                (f"turn_{number}", events),
            )
        conn.execute("UPDATE chatkit_turn SET lease_until = now() - interval '1 minute'")

    settle_all(database)

    with database.connection() as conn:
        states = conn.execute("SELECT state FROM chatkit_turn").fetchall()
    assert states == [("interrupted",)] * 2


def settle_all(database: Database) -> None:
    """Settle as a worker does that has been steady for long enough."""

    async def work() -> None:
        keeper = TurnKeeper(NeonStore(database), NeonStore(database))
        keeper._steady_since = -1_000.0
        for row in database.run(turn_ends.expired):
            await keeper.settle(row)

    asyncio.run(work())


def test_the_end_of_a_turn_never_stands_in_the_way_of_a_deletion(database: Database) -> None:
    with database.connection() as conn:
        turns.begin(
            conn,
            user_id="user_alice",
            turn=NewTurn("turn_1", "thr_1", "worker", "msg_asked"),
            thread=a_thread(),
            message=a_message("msg_asked"),
            most=5,
        )
    ending = turn_ends.Ending(
        user_id="user_alice",
        turn_id="turn_1",
        thread_id="thr_1",
        message_id="msg_asked",
        state="done",
        checkpoints=[],
        written=[],
        unread=True,
    )

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as conn:
            conn.execute("SELECT id FROM chatkit_thread FOR UPDATE")
            ended = pool.submit(database.run, turn_ends.end, worker="worker", ending=ending)
            eventually(lambda: waiting_for_a_lock(database))
            conn.execute("SET LOCAL lock_timeout = '1s'")
            conn.execute("DELETE FROM chatkit_thread")

        assert ended.result(30) is False


def waiting_for_a_lock(database: Database) -> bool:
    with database.connection() as conn:
        row = conn.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row is not None and bool(row[0])
