"""An auth server that gives no clear answer: nobody is let in, and nobody is signed out."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chat.errors import AuthUnavailable, NotSignedIn
from chat.sessions import Credentials, Sessions, credentials_of
from tests.fix_auth import AuthServer, Person
from tests.fix_auth_variants import Variant
from tests.fix_http import Answer, Relay, Scripted, answer, drip, hang_up, silence

SOMEBODY = Credentials(bearer="x")
ALICE = b'{"session": {"expiresAt": "2099-01-01T00:00:00.000Z"}, "user": {"id": "alice"}}'
HTML = answer(200, b"<!doctype html><title>Welcome</title>", "Content-Type: text/html")


def cookie_of(person: Person) -> Credentials:
    return credentials_of(cookie=person.cookie, authorization=None)


def seconds_until_refused(sessions: Sessions, credentials: Credentials) -> float:
    began = time.monotonic()
    with pytest.raises(AuthUnavailable):
        sessions.user(credentials)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "unclear",
    [
        answer(429, b'{"message":"Too many requests. Please try again later."}'),
        answer(500, b""),
        answer(502, b"<html>Bad gateway</html>"),
        answer(401, b"null"),
        answer(403, b"null"),
        answer(404, b"null"),
        answer(431, b""),
        answer(302, b"null", "Location: /"),
        HTML,
        answer(200, b""),
        answer(200, b"{}"),
        answer(200, b"[]"),
        answer(200, b"0"),
        answer(200, b'{"session": null, "user": null}'),
        answer(200, b'{"session": {}, "user": {"id": ""}}'),
        answer(200, b'{"session": {}, "user": {"id": null}}'),
        answer(200, b'{"session": {}, "user": {"id": ["alice"]}}'),
        answer(200, b"[" * 100_000),
        answer(200, b"\xff\xfe"),
        answer(200, b"null" + b" " * 1024 * 1024),
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nConnection: close\r\n\r\nnull",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
def test_any_other_answer_is_an_outage(unclear: bytes) -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(unclear)
        connection.shutdown(socket.SHUT_RDWR)

    with Scripted(play) as server, pytest.raises(AuthUnavailable):
        Sessions(server.url).user(SOMEBODY)


def test_a_redirect_is_not_followed() -> None:
    with Scripted(answer(200, ALICE)) as elsewhere:
        away = answer(302, b"", f"Location: {elsewhere.url}/api/auth/get-session")
        with Scripted(away) as server, pytest.raises(AuthUnavailable):
            Sessions(server.url).user(SOMEBODY)
        assert elsewhere.count == 0


def test_a_refused_connection_is_an_outage_that_ends_with_it(own_auth: AuthServer) -> None:
    alice = own_auth.sign_up("Alice")
    sessions = Sessions(own_auth.url, cache_seconds=0)
    assert sessions.user(cookie_of(alice)).id == alice.id

    own_auth.stop()
    assert seconds_until_refused(sessions, cookie_of(alice)) < 3
    own_auth.start()

    assert sessions.user(cookie_of(alice)).id == alice.id


def test_a_failure_is_never_remembered() -> None:
    with Scripted(answer(500, b""), answer(200, ALICE)) as server:
        sessions = Sessions(server.url)
        with pytest.raises(AuthUnavailable):
            sessions.user(SOMEBODY)
        assert sessions.user(SOMEBODY).id == "alice"


def test_what_is_remembered_outlives_an_outage_for_as_long_as_it_is() -> None:
    with Scripted(answer(200, ALICE), answer(500, b"")) as server:
        sessions = Sessions(server.url, cache_seconds=1)
        sessions.user(SOMEBODY)
        assert sessions.user(SOMEBODY).id == "alice"
        time.sleep(1.1)
        with pytest.raises(AuthUnavailable):
            sessions.user(SOMEBODY)


def test_a_kept_connection_that_was_closed_is_asked_again_once() -> None:
    with Scripted(answer(200, ALICE), hang_up, answer(200, ALICE)) as server:
        sessions = Sessions(server.url, cache_seconds=0)
        sessions.user(SOMEBODY)
        assert sessions.user(SOMEBODY).id == "alice"
    assert server.count == 3
    assert server.connections == 2


def test_a_server_that_only_hangs_up_is_asked_twice_and_no_more() -> None:
    with Scripted(hang_up) as server, pytest.raises(AuthUnavailable):
        Sessions(server.url).user(SOMEBODY)
    assert server.count == 2


def test_connections_that_were_closed_while_idle_cost_nothing(
    auth: AuthServer, alice_session: Person
) -> None:
    with Relay(auth.url) as relay:
        sessions = Sessions(relay.url, cache_seconds=0)
        for _ in range(3):
            assert sessions.user(cookie_of(alice_session)).id == alice_session.id
            relay.hang_up_all()


@pytest.mark.parametrize(
    "slow",
    [
        silence,
        drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 50, pause=0.2),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b" " * 99, pause=0.1),
    ],
    ids=["silent", "dripping headers", "dripping body"],
)
def test_a_slow_server_holds_a_thread_for_seconds_only(slow: Answer) -> None:
    with Scripted(slow) as server:
        assert seconds_until_refused(Sessions(server.url), SOMEBODY) < 9


def test_a_frozen_server_costs_a_few_threads_and_is_used_again_when_it_is_back(
    own_auth: AuthServer,
) -> None:
    alice = own_auth.sign_up("Alice")
    sessions = Sessions(own_auth.url, cache_seconds=0, calls_at_once=4)
    assert sessions.user(cookie_of(alice)).id == alice.id
    visitors = [Credentials(bearer=f"visitor-{number}") for number in range(40)]

    own_auth.freeze()
    with ThreadPoolExecutor(40) as pool:
        waits = list(pool.map(lambda who: seconds_until_refused(sessions, who), visitors))
        later = list(pool.map(lambda who: seconds_until_refused(sessions, who), visitors))
    own_auth.thaw()
    recovery = seconds_until_answered(sessions, cookie_of(alice))

    assert max(waits) < 12
    assert sum(wait > 2 for wait in waits) <= 20
    # One may try each second; the others are refused without waiting.
    assert sum(wait > 1 for wait in later) <= 10
    assert recovery < 6


def test_a_request_that_never_ends_does_not_stop_the_others() -> None:
    """One credential that makes the auth server hang must not cost everybody else an answer."""

    def play(connection: socket.socket) -> None:
        if b"poison" in server.requests[-1]:
            silence(connection)
        else:
            connection.sendall(answer(200, ALICE))

    with Scripted(play) as server, ThreadPoolExecutor() as pool:
        sessions = Sessions(server.url, cache_seconds=0)
        poisoned = pool.submit(seconds_until_refused, sessions, Credentials(bearer="poison"))
        while not poisoned.done():
            assert sessions.user(SOMEBODY).id == "alice"
            time.sleep(0.02)
        assert sessions.user(SOMEBODY).id == "alice"


def test_all_who_wait_for_one_call_get_its_error() -> None:
    def play(connection: socket.socket) -> None:
        time.sleep(0.3)
        connection.sendall(answer(500, b""))

    with Scripted(play) as server, ThreadPoolExecutor(10) as pool:
        sessions = Sessions(server.url)
        for each in [pool.submit(sessions.user, SOMEBODY) for _ in range(10)]:
            assert isinstance(each.exception(), AuthUnavailable)
    assert server.count == 1


def test_the_limiter_of_one_visitors_address_leaves_the_others_alone(variant: Variant) -> None:
    limited = variant({"rateLimit": {"enabled": True, "window": 60, "max": 20}})
    alice = limited.sign_up("Alice")
    sessions = Sessions(limited.url, cache_seconds=0)

    with pytest.raises(AuthUnavailable, match="429"):
        for _ in range(30):
            sessions.user(cookie_of(alice), address="203.0.113.7")

    assert sessions.user(cookie_of(alice), address="203.0.113.8").id == alice.id


def test_no_error_message_holds_a_credential() -> None:
    secret = Credentials(bearer="s3cret")
    for bad in (answer(500, b"s3cret"), hang_up, HTML):
        with Scripted(bad) as server, pytest.raises(AuthUnavailable) as caught:
            Sessions(server.url).user(secret)
        assert "s3cret" not in repr(caught.getrepr(chain=True, style="short"))


def seconds_until_answered(sessions: Sessions, credentials: Credentials) -> float:
    began = time.monotonic()
    while time.monotonic() < began + 10:
        try:
            sessions.user(credentials)
        except NotSignedIn:
            raise
        except AuthUnavailable:
            time.sleep(0.05)
        else:
            break
    return time.monotonic() - began


def test_slow_sign_ins_do_not_keep_us_from_asking_who_is_signed_in() -> None:
    def play(connection: socket.socket) -> None:
        time.sleep(2.5)
        connection.sendall(answer(200, ALICE))

    slow_then_fast: list[Answer] = [*[play] * 8, answer(200, ALICE)]
    with Scripted(*slow_then_fast) as server, ThreadPoolExecutor(40) as crowd:
        sessions = Sessions(server.url, cache_seconds=0)
        posts = [crowd.submit(sessions.auth.post, "sign-in/email", {}, {}) for _ in range(40)]
        time.sleep(0.3)
        began = time.monotonic()
        assert sessions.user(SOMEBODY).id == "alice"
        assert time.monotonic() - began < 1
        refused = [post for post in posts if isinstance(post.exception(), AuthUnavailable)]

    assert len(refused) == 32
