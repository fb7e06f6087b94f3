"""T029: the whole flow, from signing in to a stored answer, over real sockets."""

from __future__ import annotations

import psycopg

from tests.fix_auth import AuthServer
from tests.fix_server import Server, text_of, thread_of


def test_from_sign_in_to_a_stored_answer_that_nobody_else_sees(
    server: Server, auth: AuthServer
) -> None:
    alice, mallory = server.client(auth.sign_up("Alice")), server.client(auth.sign_up("Mallory"))

    events = alice.say("Where is my parcel?")
    thread_id = thread_of(events)

    assert text_of(events)
    assert events[1]["item"]["content"][0]["text"] == "Where is my parcel?"
    assert alice.ask("threads.list").json()["data"][0]["title"] == "Where is my parcel?"
    items = alice.ask("items.list", thread_id=thread_id).json()["data"]
    assert [item["type"] for item in items] == ["assistant_message", "user_message"]
    assert items[0]["content"][0]["text"] == text_of(events)
    with psycopg.connect(server.dsn) as conn:
        stored = "SELECT count(*) FROM chatkit_thread_item WHERE thread_id = %s"
        assert conn.execute(stored, [thread_id]).fetchone() == (2,)

    assert mallory.ask("threads.list").json()["data"] == []
    assert mallory.ask("items.list", thread_id=thread_id).status_code == 404
    assert mallory.get(f"/history/{thread_id}").status_code == 404
