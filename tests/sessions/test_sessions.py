"""Who is signed in, asked of a real Better Auth server over real sockets."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from chat.context import User
from chat.errors import NotSignedIn
from chat.sessions import GET_SESSION, Credentials, Sessions, credentials_of
from tests.fix_auth import AuthServer, Person
from tests.fix_http import Relay, Scripted, answer
from tests.fix_postgres import Databases

AGE = """
    UPDATE "session" SET "expiresAt" = now() + %(left)s::interval WHERE "userId" = %(user_id)s
"""


def cookie_of(person: Person) -> Credentials:
    return credentials_of(cookie=person.cookie, authorization=None)


def bearer_of(person: Person) -> Credentials:
    return credentials_of(cookie=None, authorization=f"Bearer {person.bearer}")


def leave(databases: Databases, person: Person, left: str) -> None:
    """Let the person's sessions have so much time left."""
    with psycopg.connect(databases.dsn("auth")) as connection:
        connection.execute(AGE, {"left": left, "user_id": person.id})


def expires_at(databases: Databases, person: Person) -> object:
    with psycopg.connect(databases.dsn("auth")) as connection:
        row = connection.execute(
            'SELECT "expiresAt" FROM "session" WHERE "userId" = %s', (person.id,)
        ).fetchone()
    return row and row[0]


def test_a_session_cookie_makes_its_user(auth: AuthServer, alice_session: Person) -> None:
    user = Sessions(auth.url).user(cookie_of(alice_session))

    assert user == User(alice_session.id, "Alice", alice_session.email)


def test_a_bearer_token_makes_its_user(auth: AuthServer, alice_session: Person) -> None:
    user = Sessions(auth.url).user(bearer_of(alice_session))

    assert user.id == alice_session.id


@pytest.mark.parametrize(
    "cookie", [None, "", "_ga=GA1.2.3; theme=dark", "better-auth.session_token="]
)
def test_a_visitor_without_a_session_cookie_costs_no_call(cookie: str | None) -> None:
    with Scripted(answer()) as server, pytest.raises(NotSignedIn):
        Sessions(server.url).user(credentials_of(cookie=cookie, authorization="Basic YTpi"))
    assert server.count == 0


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(cookie="better-auth.session_token=forged.signature"),
        Credentials(bearer="garbage"),
        Credentials(bearer="garbage.with.dots%"),
    ],
)
def test_a_forged_credential_is_nobody(auth: AuthServer, credentials: Credentials) -> None:
    with pytest.raises(NotSignedIn):
        Sessions(auth.url).user(credentials)


def test_one_visitors_session_is_never_sent_for_the_next(
    auth: AuthServer, databases: Databases, alice_session: Person
) -> None:
    leave(databases, alice_session, "5 days")
    client = Sessions(auth.url).auth
    renewed = client.get("get-session", cookie_of(alice_session).headers())
    assert any("session_token=" in cookie for cookie in renewed.set_cookies)

    anonymous = client.get("get-session", {})

    assert anonymous.json() is None


def test_no_set_cookie_of_any_kind_is_kept() -> None:
    kept = answer(200, b"null", "Set-Cookie: a.session_token=alice; Path=/; Max-Age=600")
    with Scripted(kept) as server:
        client = Sessions(server.url).auth
        client.get("get-session", {})
        client.get("get-session", {})
    assert server.connections == 1
    assert b"alice" not in server.requests[1]


def test_asking_leaves_the_renewal_of_a_session_to_the_browser(
    auth: AuthServer, databases: Databases, alice_session: Person
) -> None:
    leave(databases, alice_session, "5 days")
    before = expires_at(databases, alice_session)

    answered = Sessions(auth.url).auth.get(GET_SESSION, cookie_of(alice_session).headers())

    assert answered.status == 200
    assert answered.set_cookies == ()
    assert expires_at(databases, alice_session) == before


def test_a_wrong_bearer_beside_a_good_cookie_signs_nobody_out(
    auth: AuthServer, alice_session: Person
) -> None:
    credentials = credentials_of(cookie=alice_session.cookie, authorization="Bearer garbage")
    with Relay(auth.url) as relay:
        user = Sessions(relay.url).user(credentials)
    assert user.id == alice_session.id
    assert b"authorization" not in relay.requests[0].lower()


def test_the_cookie_header_is_forwarded_as_it_came(auth: AuthServer, alice_session: Person) -> None:
    cookie = f'odd="a b"; {alice_session.cookie}; better-auth.dont_remember=x; \xe9=\xff; x'
    with Relay(auth.url) as relay:
        user = Sessions(relay.url).user(credentials_of(cookie=cookie, authorization=None))
    assert user.id == alice_session.id
    assert b"\r\nCookie: " + cookie.encode("latin-1") + b"\r\n" in relay.requests[0]


def test_neither_netrc_nor_a_proxy_of_the_environment_is_used(
    auth: AuthServer,
    alice_session: Person,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Relay(auth.url) as relay:
        user = Sessions(relay.url).user(cookie_of(alice_session))
    assert user.id == alice_session.id
    assert b"authorization" not in relay.requests[0].lower()


def test_an_answer_is_remembered_for_a_while(auth: AuthServer, alice_session: Person) -> None:
    with Relay(auth.url) as relay:
        sessions = Sessions(relay.url)
        for _ in range(5):
            assert sessions.user(cookie_of(alice_session)).id == alice_session.id
    assert relay.count == 1


def test_nobody_is_remembered_for_somebody_else(
    auth: AuthServer, alice_session: Person, mallory_session: Person
) -> None:
    sessions = Sessions(auth.url)
    alice_both = sessions.user(cookie_of(alice_session)), sessions.user(bearer_of(alice_session))
    mallory = sessions.user(cookie_of(mallory_session))

    assert {user.id for user in alice_both} == {alice_session.id}
    assert mallory.id == mallory_session.id
    swapped = Credentials(cookie=f"{alice_session.cookie}x")
    with pytest.raises(NotSignedIn):
        sessions.user(swapped)


def test_a_cookie_is_never_taken_for_a_bearer_token_with_the_same_words() -> None:
    assert Credentials(cookie="a").key != Credentials(bearer="a").key


def test_a_session_revoked_elsewhere_ends_with_the_cache(auth: AuthServer) -> None:
    alice = auth.sign_up("Alice")
    sessions = Sessions(auth.url, cache_seconds=0.5)
    began = time.monotonic()
    sessions.user(cookie_of(alice))

    auth.sign_out(alice)

    while time.monotonic() < began + 0.5:
        time.sleep(0.05)
    with pytest.raises(NotSignedIn):
        sessions.user(cookie_of(alice))


def test_nobody_is_remembered_past_the_end_of_the_session(
    auth: AuthServer, databases: Databases, alice_session: Person
) -> None:
    leave(databases, alice_session, "2 seconds")
    sessions = Sessions(auth.url)
    assert sessions.user(cookie_of(alice_session)).id == alice_session.id

    time.sleep(2.2)

    with pytest.raises(NotSignedIn):
        sessions.user(cookie_of(alice_session))


def test_a_session_that_was_forgotten_is_asked_for_again(
    auth: AuthServer, alice_session: Person
) -> None:
    with Relay(auth.url) as relay:
        sessions = Sessions(relay.url)
        sessions.user(cookie_of(alice_session))
        sessions.forget(cookie_of(alice_session))
        sessions.user(cookie_of(alice_session))
    assert relay.count == 2


def test_an_answer_older_than_the_sign_out_is_not_remembered(
    auth: AuthServer, alice_session: Person
) -> None:
    with Relay(auth.url) as relay, ThreadPoolExecutor() as pool:
        sessions = Sessions(relay.url)
        relay.hold()
        asking = pool.submit(sessions.user, cookie_of(alice_session))
        relay.wait_for(1)
        sessions.forget(cookie_of(alice_session))
        relay.release()
        assert asking.result().id == alice_session.id
        sessions.user(cookie_of(alice_session))
    assert relay.count == 2


def test_many_requests_of_one_visitor_are_one_call(auth: AuthServer, alice_session: Person) -> None:
    with Relay(auth.url) as relay, ThreadPoolExecutor(20) as pool:
        sessions = Sessions(relay.url)
        relay.hold()
        asking = [pool.submit(sessions.user, cookie_of(alice_session)) for _ in range(20)]
        relay.wait_for(1)
        time.sleep(0.2)
        relay.release()
        users = {each.result().id for each in asking}
    assert users == {alice_session.id}
    assert relay.count == 1


def test_a_visitor_who_is_nobody_is_never_remembered_as_such() -> None:
    with Scripted(answer()) as server:
        sessions = Sessions(server.url)
        for _ in range(3):
            with pytest.raises(NotSignedIn):
                sessions.user(Credentials(bearer="x"))
    assert server.count == 3


def test_different_visitors_do_not_wait_for_each_other(
    auth: AuthServer, alice_session: Person, mallory_session: Person
) -> None:
    people = [alice_session, mallory_session] * 10
    sessions = Sessions(auth.url, cache_seconds=0)
    with ThreadPoolExecutor(20) as pool:
        asking: list[Future[User]] = [
            pool.submit(sessions.user, cookie_of(person)) for person in people
        ]
        found = [each.result().id for each in asking]
    assert found == [person.id for person in people]


def test_names_that_cannot_be_shown_are_made_to_fit() -> None:
    body = (
        b'{"session": {"expiresAt": "soon"}, '
        b'"user": {"id": "u1", "name": "A\\u0000l\\ud800i\\u202ece", "email": null}}'
    )
    with Scripted(answer(200, body)) as server:
        user = Sessions(server.url).user(Credentials(bearer="x"))
    assert user == User("u1", "Alice", "")
