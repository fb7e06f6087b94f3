"""E4: whatever is sent, the answer is honest, nothing is stored, and nothing breaks."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from tests.fix_auth import Person
from tests.fix_server import Client, Server, words

MEGABYTE = 1024 * 1024


@pytest.fixture
def alice(server: Server, alice_session: Person) -> Client:
    return server.client(alice_session)


def request_body(kind: str, /, **params: Any) -> bytes:
    return json.dumps({"type": kind, "params": params}).encode()


def a_create(text: str = "hello", **more: Any) -> bytes:
    return request_body("threads.create", input={**words(text), **more})


def stored_rows(server: Server, person: Person) -> int:
    with psycopg.connect(server.dsn) as conn:
        row = conn.execute(
            "SELECT (SELECT count(*) FROM chatkit_thread WHERE user_id = %(id)s) +"
            " (SELECT count(*) FROM chatkit_thread_item WHERE user_id = %(id)s) +"
            " (SELECT count(*) FROM chatkit_attachment WHERE user_id = %(id)s)",
            {"id": person.id},
        ).fetchone()
    return int(row[0]) if row else -1


def assert_refused(answer: requests.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "request_id"}
    assert error["message"].endswith((".", "?"))
    assert error["request_id"] == answer.headers["X-Request-Id"]


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "invalid_request"),
    "not json": (b"{", 400, "invalid_request"),
    "not utf-8": (b'{"type":"\xff"}', 400, "invalid_request"),
    "a number": (b"1", 400, "invalid_request"),
    "a list": (b"[]", 400, "invalid_request"),
    "no type": (b'{"params":{}}', 400, "invalid_request"),
    "unknown type": (request_body("threads.steal"), 400, "unsupported_request"),
    "wrong type of type": (b'{"type":{},"params":{}}', 400, "unsupported_request"),
    "no params": (b'{"type":"threads.list"}', 400, "invalid_request"),
    "text as number": (a_create(content=7), 400, "invalid_request"),
    "thread id as list": (request_body("threads.get_by_id", thread_id=[]), 400, "invalid_request"),
    "deep nesting": (b"[" * 200_000, 400, "invalid_request"),
    "deep metadata": (
        b'{"type":"threads.list","params":{},"metadata":'
        + b'{"a":' * 100_000
        + b"1"
        + b"}" * 100_001,
        400,
        "invalid_request",
    ),
    "nul in text": (a_create("a\0b"), 400, "invalid_request"),
    "nul in a key": (
        request_body("threads.list", limit=1)[:-1] + b',"metadata":{"a\\u0000":1}}',
        400,
        "invalid_request",
    ),
    "lone surrogate": (a_create("a\ud800b"), 400, "invalid_request"),
    "not a number": (
        b'{"type":"threads.list","params":{},"metadata":{"a":NaN}}',
        400,
        "invalid_request",
    ),
    "empty text": (a_create(""), 400, "empty_message"),
    "only spaces": (a_create(" \n\t "), 400, "empty_message"),
    "only signs that nobody sees": (a_create("\u200b\u202e \u2066"), 400, "empty_message"),
    "no content": (a_create(content=[]), 400, "empty_message"),
    "attachments": (a_create(attachments=["atc_1"]), 400, "attachments_not_supported"),
    "create attachment": (
        request_body("attachments.create", name="a", size=1, mime_type="text/plain"),
        400,
        "attachments_not_supported",
    ),
    "delete attachment": (
        request_body("attachments.delete", attachment_id="atc_1"),
        400,
        "attachments_not_supported",
    ),
    "a model of one's own": (
        a_create(inference_options={"model": "gpt-dear"}),
        400,
        "unsupported_request",
    ),
    "a tool of one's own": (
        a_create(inference_options={"tool_choice": {"id": "shell"}}),
        400,
        "unsupported_request",
    ),
    "transcribe": (
        request_body("input.transcribe", audio_base64="####", mime_type="audio/webm"),
        400,
        "unsupported_request",
    ),
    "custom action": (
        request_body("threads.custom_action", thread_id="t", action={"type": "x", "payload": 1}),
        400,
        "unsupported_request",
    ),
    "limit -1": (request_body("threads.list", limit=-1), 400, "invalid_request"),
    "limit 0": (request_body("threads.list", limit=0), 400, "invalid_request"),
    "limit 10^9": (request_body("threads.list", limit=10**9), 400, "invalid_request"),
    "limit 10^30": (request_body("threads.list", limit=10**30), 400, "invalid_request"),
    "unknown order": (request_body("threads.list", order="random"), 400, "invalid_request"),
    "unknown cursor": (request_body("threads.list", after="thr_none"), 400, "unknown_cursor"),
    "no such thread": (request_body("threads.get_by_id", thread_id="x"), 404, "thread_not_found"),
    "no items there": (request_body("items.list", thread_id="x"), 404, "thread_not_found"),
    "long id": (
        request_body("threads.get_by_id", thread_id="x" * 100_000),
        404,
        "thread_not_found",
    ),
    "rename nothing": (
        request_body("threads.update", thread_id="x", title="mine"),
        404,
        "thread_not_found",
    ),
    "empty title": (
        request_body("threads.update", thread_id="x", title=" \u202e "),
        400,
        "invalid_request",
    ),
    "speak to nothing": (
        request_body("threads.add_user_message", thread_id="x", input=words("hi")),
        404,
        "thread_not_found",
    ),
    "retry nothing": (
        request_body("threads.retry_after_item", thread_id="x", item_id="y"),
        404,
        "thread_not_found",
    ),
    "output for nothing": (
        request_body("threads.add_client_tool_output", thread_id="x", result=1),
        404,
        "thread_not_found",
    ),
    "thumbs for nothing": (
        request_body("items.feedback", thread_id="x", item_ids=["y"], kind="positive"),
        404,
        "item_not_found",
    ),
}


def test_every_bad_request_is_refused_with_its_code_and_stores_nothing(
    alice: Client, alice_session: Person, server: Server
) -> None:
    for name, (body, status, code) in REFUSED.items():
        answer = alice.send(body)
        assert answer.status_code == status, (name, answer.text)
        assert_refused(answer, status, code)

    assert stored_rows(server, alice_session) == 0
    assert not [record for record in server.records() if record["level"] == "error"]


def test_somebody_elses_thread_answers_every_request_like_a_missing_one(
    server: Server, alice: Client, mallory_session: Person
) -> None:
    thread_id = alice.say("Mine")[0]["thread"]["id"]
    message = alice.ask("items.list", thread_id=thread_id).json()["data"][-1]["id"]
    mallory = server.client(mallory_session)

    def answers(thread: str, item: str) -> list[tuple[int, str]]:
        requests_ = [
            request_body("threads.get_by_id", thread_id=thread),
            request_body("items.list", thread_id=thread),
            request_body("items.list", thread_id=thread, after=item),
            request_body("threads.list", after=thread),
            request_body("threads.update", thread_id=thread, title="His"),
            request_body("threads.delete", thread_id=thread),
            request_body("items.feedback", thread_id=thread, item_ids=[item], kind="negative"),
            request_body("threads.add_user_message", thread_id=thread, input=words("hi")),
            request_body("threads.retry_after_item", thread_id=thread, item_id=item),
            request_body("threads.add_client_tool_output", thread_id=thread, result=1),
            request_body("threads.add_structured_input", thread_id=thread, item_id=item, input={}),
        ]
        texts = []
        for body in requests_:
            answer = mallory.send(body)
            text = answer.text.replace(answer.headers["X-Request-Id"], "")
            texts.append((answer.status_code, text))
        return texts

    assert answers(thread_id, message) == answers("thr_missing", "msg_missing")
    assert alice.ask("threads.get_by_id", thread_id=thread_id).json()["title"] == "Mine"


def test_requests_that_do_not_fit_the_thread_are_refused(alice: Client) -> None:
    events = alice.say("Hello")
    thread_id = events[0]["thread"]["id"]
    answer_id = [e for e in events if e["type"] == "thread.item.done"][-1]["item"]["id"]

    refused = {
        "threads.add_client_tool_output": {"result": 1},
        "threads.add_structured_input": {"item_id": answer_id, "input": {}},
        "threads.retry_after_item": {"item_id": answer_id},
    }
    for kind, params in refused.items():
        assert_refused(alice.ask(kind, thread_id=thread_id, **params), 400, "invalid_request")
    unknown = alice.ask("items.list", thread_id=thread_id, after="msg_none")
    assert_refused(unknown, 400, "unknown_cursor")


def test_a_locked_thread_takes_no_messages_but_can_be_read(alice: Client, server: Server) -> None:
    events = alice.say("Hello")
    thread_id = events[0]["thread"]["id"]
    document = {"id": thread_id, "created_at": "2026-01-01", "status": {"type": "locked"}}
    with psycopg.connect(server.dsn) as conn:
        conn.execute(
            "UPDATE chatkit_thread SET status = 'locked', document = %s WHERE id = %s",
            (json.dumps(document), thread_id),
        )

    refused = alice.ask("threads.add_user_message", thread_id=thread_id, input=words("more"))
    retried = alice.ask(
        "threads.retry_after_item", thread_id=thread_id, item_id=events[1]["item"]["id"]
    )

    assert_refused(refused, 409, "thread_closed")
    assert_refused(retried, 409, "thread_closed")
    assert len(alice.ask("items.list", thread_id=thread_id).json()["data"]) == 2


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"]
)
def test_only_json_is_taken(alice: Client, content_type: str) -> None:
    assert_refused(alice.send(a_create(), Content_Type=content_type), 415, "unsupported_media_type")


def test_an_encoded_body_is_refused(alice: Client) -> None:
    answer = alice.send(a_create(), Content_Encoding="gzip")

    assert_refused(answer, 415, "unsupported_media_type")


def test_a_body_of_a_megabyte_is_taken_and_one_byte_more_is_not(
    server: Server, alice: Client, alice_session: Person
) -> None:
    empty = len(a_create(""))
    fits = alice.send(a_create("x" * (MEGABYTE - empty)))
    assert fits.status_code == 200
    before = stored_rows(server, alice_session)

    assert_refused(alice.send(a_create("x" * (MEGABYTE - empty + 1))), 413, "body_too_large")
    assert stored_rows(server, alice_session) == before


def test_a_chunked_body_is_measured_too(
    server: Server, alice: Client, alice_session: Person
) -> None:
    body = a_create("x" * MEGABYTE)
    headers = alice.headers(Content_Type="application/json")
    chunks = (body[at : at + 65536] for at in range(0, len(body), 65536))

    answer = requests.post(f"{alice.url}/chatkit", data=chunks, headers=headers, timeout=30)

    assert_refused(answer, 413, "body_too_large")
    small = iter([a_create()[:20], a_create()[20:]])
    taken = requests.post(f"{alice.url}/chatkit", data=small, headers=headers, timeout=30)
    assert taken.status_code == 200
    assert stored_rows(server, alice_session) == 3


def test_a_refused_body_never_hides_the_answer_on_a_kept_connection(alice: Client) -> None:
    connection = http.client.HTTPConnection(urlsplit(alice.url).netloc, timeout=30)
    headers = alice.headers(Content_Type="application/json")

    for _round in range(30):
        connection.request("POST", "/chatkit", b"x" * (3 * MEGABYTE), headers)
        answer = connection.getresponse()
        assert answer.status == 413
        answer.read()
    connection.close()


def test_a_body_that_never_ends_is_answered_and_its_connection_closed(
    server: Server, alice: Client
) -> None:
    with socket.create_connection(("localhost", server.port), timeout=30) as sock:
        head = "".join(f"{name}: {value}\r\n" for name, value in alice.headers().items())
        sock.sendall(
            f"POST /chatkit HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}"
            "Content-Type: text/plain\r\nContent-Length: 1000000\r\n\r\nabc".encode()
        )
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk

    assert answer.startswith(b"HTTP/1.1 415 ")
    assert b"connection: close" in answer.lower()


def test_nobody_is_answered_before_signing_in(server: Server) -> None:
    anonymous = server.client()

    assert_refused(anonymous.ask("threads.list"), 401, "not_signed_in")
    for page in ("/history", "/history/thr_1", "/history/new"):
        answer = anonymous.get(page)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in?next=")


def test_a_foreign_origin_is_refused_whoever_asks(server: Server, alice_session: Person) -> None:
    for person in (alice_session, None):
        headers = {"Origin": "https://evil.example", "Content-Type": "application/json"}
        if person:
            headers["Cookie"] = person.cookie
        answer = requests.post(
            f"{server.url}/chatkit", data=a_create(), headers=headers, timeout=30
        )
        assert_refused(answer, 403, "cross_site_request")
    assert stored_rows(server, alice_session) == 0


def test_other_methods_and_paths_are_refused_in_the_same_form(alice: Client) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
        wrong = requests.request(
            method, f"{alice.url}/chatkit", headers=alice.headers(), timeout=30
        )
        assert wrong.status_code == 405, method
        assert wrong.json()["error"]["code"] == "method_not_allowed"
        assert "POST" in wrong.headers["Allow"]
    assert requests.request("TRACE", f"{alice.url}/sign-in", timeout=30).status_code == 405
    assert alice.get("/nowhere").status_code == 404
    assert alice.get("/history/%00").status_code == 404
    assert alice.get("/history?after=%00nonsense").status_code == 400


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /chatkit HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{ }canary words\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nCookie session_token=canary\r\n\r\n",
        b"GET /history?q=canary\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /history HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n",
    ],
    ids=["body longer than said", "header without a colon", "odd address", "no chunk size"],
)
def test_what_cannot_be_read_as_a_request_is_not_quoted_in_the_log(
    server: Server, sent: bytes
) -> None:
    with socket.create_connection(("localhost", server.port), timeout=30) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass

    assert "canary" not in server.log.read_text(errors="replace")
