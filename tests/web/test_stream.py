"""S1 to S4 over real sockets: what is streamed, what is stored, and what the model is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fix_auth import Person
from tests.fix_model import ModelServer, Reply
from tests.fix_server import Client, Server, Talking, text_of, thread_of, words


@pytest.fixture
def alice(server: Server, alice_session: Person) -> Client:
    return server.client(alice_session)


@pytest.fixture
def with_model(talking: Talking, alice_session: Person) -> Client:
    """Alice at a server whose model is the local model server."""
    return talking.server.client(alice_session)


@pytest.fixture
def model(talking: Talking) -> ModelServer:
    return talking.model


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def deltas(events: list[dict[str, Any]]) -> str:
    updates = [event["update"] for event in events if event["type"] == "thread.item.updated"]
    return "".join(update.get("delta", "") for update in updates)


def stored(client: Client, thread_id: str) -> list[dict[str, Any]]:
    """Return the stored items, oldest first."""
    items: list[dict[str, Any]] = client.ask(
        "items.list", thread_id=thread_id, order="asc", limit=100
    ).json()["data"]
    return items


def texts(items: list[dict[str, Any]]) -> list[str]:
    return ["".join(part["text"] for part in item.get("content", [])) for item in items]


def test_a_stream_says_everything_that_chatkit_clients_wait_for(alice: Client) -> None:
    events = alice.say("Hello there")

    assert kinds(events)[:3] == ["thread.created", "thread.item.done", "stream_options"]
    assert events[0]["thread"]["title"] == "Hello there"
    assert deltas(events) == text_of(events)
    assert len([kind for kind in kinds(events) if kind == "thread.item.updated"]) > 5
    assert "No language model is connected" in text_of(events)


def test_a_stream_is_not_buffered_and_not_cached(alice: Client) -> None:
    answer = alice.ask("threads.create", input=words("Hello"))

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "no-transform" in answer.headers["Cache-Control"]


def test_the_offline_assistant_remembers_what_was_asked_before(alice: Client) -> None:
    thread_id = thread_of(alice.say("My parrot is called Polly"))

    events = alice.say("And now?", thread_id)

    assert "My parrot is called Polly" in text_of(events)


def test_the_model_is_shown_the_thread_and_its_answers_do_not_overwrite_each_other(
    with_model: Client, model: ModelServer
) -> None:
    thread_id = thread_of(with_model.say("one"))
    with_model.say("two", thread_id)
    with_model.say("three", thread_id)

    items = stored(with_model, thread_id)
    assert texts(items) == [
        "one",
        "You said: one",
        "two",
        "You said: two",
        "three",
        "You said: three",
    ]
    assert len({item["id"] for item in items}) == 6
    assert "__fake_id__" not in json.dumps(items)
    streamed = [body for body in model.requests if body.get("stream")]
    said = [part["content"] for part in streamed[-1]["messages"] if part["role"] == "user"]
    assert said == ["one", "two", "three"]


def test_the_model_improves_the_title_once_and_never_a_given_name(
    with_model: Client, model: ModelServer
) -> None:
    thread_id = thread_of(with_model.say("where is my parcel, it is late"))
    improved = with_model.ask("threads.get_by_id", thread_id=thread_id).json()["title"]
    assert improved != "where is my parcel, it is late"

    with_model.ask("threads.update", thread_id=thread_id, title="Parcel")
    with_model.say("more", thread_id)

    assert with_model.ask("threads.get_by_id", thread_id=thread_id).json()["title"] == "Parcel"


@pytest.mark.parametrize(
    ("reply", "sentence", "retry"),
    [
        (Reply(status=401), "couldn't answer", False),
        (Reply(status=429), "reached its limit", True),
        (Reply(status=500), "isn't answering", True),
        (Reply(raw=b"\xff\x00nonsense"), "isn't answering", True),
        (Reply(pieces=[]), "isn't answering", True),
    ],
    ids=["refused", "quota", "broken", "nonsense", "empty"],
)
def test_a_failing_model_says_so_and_keeps_the_question(
    with_model: Client, model: ModelServer, reply: Reply, sentence: str, retry: bool
) -> None:
    thread_id = thread_of(with_model.say("first"))
    model.script(reply)

    events = with_model.say("second", thread_id)

    assert events[-1]["type"] == "error"
    assert sentence in events[-1]["message"]
    assert events[-1]["allow_retry"] is retry
    assert texts(stored(with_model, thread_id)) == ["first", "You said: first", "second"]


def test_what_people_saw_of_a_broken_answer_is_kept(with_model: Client, model: ModelServer) -> None:
    thread_id = thread_of(with_model.say("first"))
    model.script(Reply(pieces=["The half ", "of it"], then="cut"))

    events = with_model.say("second", thread_id)

    assert events[-1]["type"] == "error"
    assert texts(stored(with_model, thread_id))[-1] == "The half of it" == deltas(events)


def test_a_retry_replaces_the_answer_and_what_followed_it(
    with_model: Client, model: ModelServer
) -> None:
    first = with_model.say("first")
    thread_id, message_id = thread_of(first), first[1]["item"]["id"]
    with_model.say("second", thread_id)
    model.script("A better answer")

    events = list(
        with_model.stream("threads.retry_after_item", thread_id=thread_id, item_id=message_id)
    )

    assert kinds(events).count("thread.item.removed") == 3
    assert texts(stored(with_model, thread_id)) == ["first", "A better answer"]


def test_a_retry_that_fails_leaves_the_old_answer(with_model: Client, model: ModelServer) -> None:
    first = with_model.say("first")
    thread_id, message_id = thread_of(first), first[1]["item"]["id"]
    model.script(Reply(pieces=["A better"], then="cut"))

    events = list(
        with_model.stream("threads.retry_after_item", thread_id=thread_id, item_id=message_id)
    )

    assert events[-1]["type"] == "error"
    assert texts(stored(with_model, thread_id)) == ["first", "You said: first"]
