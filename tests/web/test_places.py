"""Streams are a worker's scarcest good: bounded for all, and for each person."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
import requests

from chat.errors import Overloaded, TooManyStreams
from chat.stream import worker
from chat.web.streams import STREAMS_EACH, Places
from tests.fix_auth import Person
from tests.fix_model import ModelServer, Reply
from tests.fix_server import Client, StartServer, words


def test_a_place_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "streams", 2)
    places = Places()
    give_back = places.take("alice")
    places.take("bob")

    with pytest.raises(Overloaded, match="2 streams"):
        places.take("carol")
    # What tells a crowded worker to let others go first.
    assert worker.open_streams == 2
    give_back()
    give_back()
    assert worker.open_streams == 1
    places.take("carol")
    with pytest.raises(Overloaded):
        places.take("dave")


def test_nobody_takes_the_places_of_everybody() -> None:
    places = Places()
    given = [places.take("mallory") for _ in range(STREAMS_EACH)]

    with pytest.raises(TooManyStreams, match=f"{STREAMS_EACH} streams"):
        places.take("mallory")
    places.take("alice")
    given[0]()
    places.take("mallory")


def opened(client: Client, stack: ExitStack, thread_id: str | None = None) -> requests.Response:
    """Begin an answer that does not end, or join the one in the thread, and stay."""
    keep = client.headers(X_Threadkeeper_Turn="keep", Content_Type="application/json")
    if thread_id is None:
        params = {"input": words("hello")}
        body = json.dumps({"type": "threads.create", "params": params})
        answer = requests.post(
            f"{client.url}/chatkit", data=body, headers=keep, stream=True, timeout=30
        )
    else:
        url = f"{client.url}/chatkit/turns/{thread_id}"
        answer = requests.get(url, headers=keep, stream=True, timeout=30)
    return stack.enter_context(answer)


def test_a_person_with_many_tabs_is_told_so_and_others_go_on(
    start_server: StartServer,
    model_server: ModelServer,
    alice_session: Person,
    mallory_session: Person,
) -> None:
    server = start_server(OPENAI_BASE_URL=model_server.base_url, CHAT_MODEL="test-model")
    model_server.script(*[Reply(pieces=["x"], then="hang") for _ in range(2)])
    mallory = server.client(mallory_session)
    with ExitStack() as stack:
        first = opened(mallory, stack)
        # Kept, because its end would close the stream.
        lines = first.iter_lines(chunk_size=1)
        event = next(lines)
        thread_id = json.loads(event.removeprefix(b"data: "))["thread"]["id"]
        joined = [opened(mallory, stack, thread_id) for _ in range(STREAMS_EACH - 1)]
        refused = opened(mallory, stack, thread_id)

        assert {answer.status_code for answer in joined} == {200}
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "too_many_streams"
        assert int(refused.headers["Retry-After"]) > 0
        assert opened(server.client(alice_session), stack).status_code == 200
    server.kill()
