"""Threads that are deleted while an answer is written in them, brought back, and purged."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from chat.db import Database
from chat.tables import deletions
from tests.fix_auth import Person
from tests.fix_model import ModelServer, Reply, pieces_of
from tests.fix_server import Client, Talking, text_of, thread_of, words
from tests.fix_turns import (
    KEEP,
    begin,
    eventually,
    join,
    stored_answers,
    turn_state,
)

ENDLESS = " ".join(f"word{number}" for number in range(2000))


@pytest.fixture
def database(talking: Talking) -> Iterator[Database]:
    database = Database(talking.server.dsn, pool_size=2)
    yield database
    database.close()


def delete(database: Database, who: Person, *thread_ids: str, deletion: str) -> int:
    """Delete as a click does, on no worker: what follows is theirs to find out."""
    return database.run(
        deletions.set_aside, user_id=who.id, thread_ids=list(thread_ids), deletion_id=deletion
    )


def undo(database: Database, who: Person, deletion: str) -> int:
    return database.run(deletions.restore, user_id=who.id, deletion_id=deletion)


def test_every_door_to_a_deleted_thread_says_404_at_once(
    alice: Client, alice_session: Person, database: Database
) -> None:
    thread_id = thread_of(alice.say("first"))
    item = alice.ask("items.list", thread_id=thread_id).json()["data"][0]
    here = {"thread_id": thread_id}

    assert delete(database, alice_session, thread_id, deletion="del_doors") == 1

    doors = {
        "page": alice.get(f"/history/{thread_id}"),
        "get_by_id": alice.ask("threads.get_by_id", **here),
        "items.list": alice.ask("items.list", **here),
        "threads.update": alice.ask("threads.update", **here, title="New"),
        "items.feedback": alice.ask(
            "items.feedback", **here, item_ids=[item["id"]], kind="positive"
        ),
        "add": alice.ask("threads.add_user_message", **here, input=words("more")),
        "retry": alice.ask("threads.retry_after_item", **here, item_id=item["id"]),
        "join": alice.get(f"/chatkit/turns/{thread_id}"),
        "stop": alice.post(f"/chatkit/turns/{thread_id}/stop", {}),
        "delete": alice.post(f"/history/{thread_id}/delete", {"confirm": "yes"}),
    }
    assert {name: door.status_code for name, door in doors.items()} == dict.fromkeys(doors, 404)
    listed = alice.ask("threads.list").json()["data"]
    assert thread_id not in [thread["id"] for thread in listed]
    assert thread_id not in alice.get("/history/new").text


def test_the_answer_that_was_being_written_stops_and_is_there_again_after_an_undo(
    alice: Client, alice_session: Person, model: ModelServer, database: Database, talking: Talking
) -> None:
    model.script(Reply(pieces=pieces_of(ENDLESS), pause=0.02))
    stream = begin(alice, "long, please", **KEEP)
    stream.read(deltas=30)
    thread_id = thread_of(stream.seen)
    eventually(lambda: _checkpoints(talking, thread_id) > 0)

    delete(database, alice_session, thread_id, deletion="del_running")

    rest = stream.rest()
    assert (rest[-1]["type"], rest[-1]["allow_retry"]) == ("error", False)
    assert model.left_early.wait(30)
    assert undo(database, alice_session, "del_running") == 1
    eventually(lambda: _settled(alice, talking, thread_id), 25)
    [kept] = stored_answers(alice, thread_id)
    assert kept
    assert ENDLESS.startswith(kept)
    assert text_of(alice.say("and now?", thread_id)) == "You said: and now?"


def test_a_key_whose_thread_was_deleted_says_so_and_works_again_after_an_undo(
    alice: Client, alice_session: Person, database: Database
) -> None:
    body = json.dumps({"type": "threads.create", "params": {"input": words("once")}}).encode()
    key = {"Idempotency_Key": "key-of-a-deleted-thread"}
    thread_id = thread_of(_events(alice, body, key))
    delete(database, alice_session, thread_id, deletion="del_key")

    refused = alice.send(body, **key)

    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "thread_not_found")
    undo(database, alice_session, "del_key")
    assert thread_of(_events(alice, body, key)) == thread_id


def test_any_worker_purges_what_another_left_behind(
    alice: Client, alice_session: Person, database: Database, talking: Talking
) -> None:
    gone, kept = thread_of(alice.say("goes")), thread_of(alice.say("stays"))
    delete(database, alice_session, gone, deletion="del_purge")
    with psycopg.connect(talking.server.dsn) as conn:
        conn.execute(
            "UPDATE chatkit_thread SET deleted_at = deleted_at - interval '1 hour' WHERE id = %s",
            [gone],
        )

    # Nobody told this server of the deletion; that somebody looks at a page is enough.
    alice.get("/history/new")

    eventually(lambda: _rows(talking, gone) == 0, 30)
    assert _rows(talking, kept) > 0


def _events(client: Client, body: bytes, key: dict[str, str]) -> list[dict[str, object]]:
    lines = client.send(body, **key).content.splitlines()
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line]


def _settled(alice: Client, talking: Talking, thread_id: str) -> bool:
    """Look at the thread as its page does, which wakes whoever settles it."""
    stream = join(alice, thread_id)
    if stream.status == 200:
        stream.rest()
    return turn_state(talking, thread_id) == "interrupted"


def _checkpoints(talking: Talking, thread_id: str) -> int:
    return _count(
        talking,
        "SELECT count(*) FROM chatkit_turn_event AS event"
        "  JOIN chatkit_turn AS turn ON turn.id = event.turn_id WHERE turn.thread_id = %s",
        thread_id,
    )


def _rows(talking: Talking, thread_id: str) -> int:
    return _count(
        talking,
        "SELECT (SELECT count(*) FROM chatkit_thread WHERE id = %(id)s)"
        "     + (SELECT count(*) FROM chatkit_thread_item WHERE thread_id = %(id)s)"
        "     + (SELECT count(*) FROM chatkit_turn WHERE thread_id = %(id)s)",
        {"id": thread_id},
    )


def _count(talking: Talking, query: str, params: object) -> int:
    with psycopg.connect(talking.server.dsn) as conn:
        row = conn.execute(query, params if isinstance(params, dict) else [params]).fetchone()
    return int(row[0]) if row else 0
