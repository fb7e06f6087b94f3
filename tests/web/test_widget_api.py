"""Who is signed in, and what they said: the widget's own questions, each person for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from chat.connection import Connection
from chat.tables import deletions, items, threads
from tests.fix_auth import AuthServer, Person
from tests.fix_http import Scripted, answer
from tests.fix_site import OWN, Site, StartSite
from tests.fix_store import a_message, a_thread, an_answer

SHOP = "https://shop.example.com"


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def site(start_site: StartSite) -> Site:
    return start_site(allowed_origins=frozenset({SHOP}))


@pytest.fixture
def alice(site_auth: AuthServer) -> Person:
    return site_auth.sign_up("Alice")


@pytest.fixture
def mallory(site_auth: AuthServer) -> Person:
    return site_auth.sign_up("Mallory")


def get(site: Site, path: str, person: Person | None = None, **headers: str) -> TestResponse:
    sent = {"Cookie": person.cookie} if person else {}
    return site.bare.get(path, base_url=site.origin, headers={**sent, **headers})


def search(site: Site, person: Person | None, **words: str) -> TestResponse:
    return get(site, "/chatkit/search?" + urlencode(words, errors="surrogatepass"), person)


def found(site: Site, person: Person, **words: str) -> dict[str, Any]:
    answered = search(site, person, **words)
    assert answered.status_code == 200, answered.get_data(as_text=True)
    body: dict[str, Any] = answered.get_json()
    assert set(body) == {"data", "has_more", "after"}
    return body


def says(conn: Connection, person: Person, *texts: str, title: str | None) -> tuple[str, list[str]]:
    """Store a thread with questions and answers in turn; return the ids of it and of them."""
    thread_id = f"thr_{uuid4().hex}"
    threads.save(conn, user_id=person.id, thread=a_thread(thread_id, title))
    said = []
    for number, text in enumerate(texts):
        build = an_answer if number % 2 else a_message
        item = build(f"msg_{uuid4().hex}", text, thread_id=thread_id)
        items.add(conn, user_id=person.id, thread_id=thread_id, item=item)
        said.append(item.id)
    return thread_id, said


def test_the_session_says_who_is_there_and_no_more(site: Site, alice: Person) -> None:
    for headers in ({"Cookie": alice.cookie}, {"Authorization": f"Bearer {alice.bearer}"}):
        told = site.bare.get("/chatkit/session", base_url=OWN, headers=headers)

        assert told.status_code == 200
        assert told.get_json() == {
            "user": {"id": alice.id, "name": "Alice"},
            "sign_in_url": f"{OWN}/sign-in",
        }
        assert told.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Cookie": "better-auth.session_token=old.old"}, {"Authorization": "Bearer old.old"}],
)
def test_nobody_is_an_answer_too(site: Site, headers: dict[str, str]) -> None:
    told = site.bare.get("/chatkit/session", base_url=OWN, headers=headers)

    assert told.status_code == 200
    assert told.get_json() == {"user": None, "sign_in_url": f"{OWN}/sign-in"}


def test_the_way_to_sign_in_is_on_our_own_origin(start_site: StartSite) -> None:
    site = start_site(public_url="https://chat.example.com", sign_in_url="https://www.example.com")

    told = site.bare.get("/chatkit/session", headers={"Host": "evil.example"})

    assert told.get_json()["sign_in_url"] == "https://chat.example.com/sign-in"


def test_people_are_told_apart_by_what_they_send(
    site: Site, alice: Person, mallory: Person
) -> None:
    for _ in range(2):
        for person in (alice, mallory):
            told = get(site, "/chatkit/session", person, Origin=SHOP)
            assert told.get_json()["user"]["id"] == person.id
            assert told.headers["Access-Control-Allow-Origin"] == SHOP
            assert told.headers["Cache-Control"] == "no-store"


def test_an_auth_server_that_is_away_signs_nobody_out(start_site: StartSite, alice: Person) -> None:
    with Scripted(answer(500, b"")) as server:
        told = get(start_site(auth_url=server.url), "/chatkit/session", alice)
    assert (told.status_code, told.get_json()["error"]["code"]) == (503, "auth_unavailable")
    assert told.headers["Retry-After"]


def test_search_needs_somebody(site: Site) -> None:
    refused = search(site, None, q="knots")

    assert (refused.status_code, refused.get_json()["error"]["code"]) == (401, "not_signed_in")


def test_titles_are_found_first_then_messages_with_the_words_marked(
    site: Site, conn: Connection, alice: Person
) -> None:
    thread, [asked, told] = says(conn, alice, "Which knots hold?", "Bowline knots.", title="Knots")

    body = found(site, alice, q="kno")

    title, second, first = body["data"]
    assert (
        title["thread"] == second["thread"] == first["thread"] == {"id": thread, "title": "Knots"}
    )
    assert (title["item_id"], title["role"]) == (None, None)
    assert title["snippet"] == [{"text": "Knots", "marked": True}]
    assert (second["item_id"], second["role"]) == (told, "assistant")
    assert (first["item_id"], first["role"]) == (asked, "user")
    assert first["snippet"] == [
        {"text": "Which ", "marked": False},
        {"text": "knots", "marked": True},
        {"text": " hold?", "marked": False},
    ]
    assert all(one["created_at"].endswith("Z") for one in body["data"])
    assert (body["has_more"], body["after"]) == (False, None)


def test_a_thread_without_a_title_has_none(site: Site, conn: Connection, alice: Person) -> None:
    thread, _ = says(conn, alice, "knots", title=None)

    [hit] = found(site, alice, q="knots")["data"]

    assert hit["thread"] == {"id": thread, "title": None}


def test_markup_stays_text(site: Site, conn: Connection, alice: Person) -> None:
    attack = "<script>knots</script>"
    says(conn, alice, attack, title=attack)

    answered = search(site, alice, q="knots")

    assert answered.content_type == "application/json"
    title, message = answered.get_json()["data"]
    for hit in (title, message):
        assert "".join(piece["text"] for piece in hit["snippet"]) == attack


def test_pages_follow_each_other_to_the_end(site: Site, conn: Connection, alice: Person) -> None:
    _, said = says(conn, alice, *["knots"] * 45, title="Knots")
    body = found(site, alice, q="knots")
    assert body["data"].pop(0)["item_id"] is None
    seen = body["data"]
    while body["has_more"]:
        body = found(site, alice, q="knots", after=body["after"])
        seen += body["data"]

    assert [hit["item_id"] for hit in seen] == said[::-1]
    assert body["after"] is None


def test_each_person_finds_only_what_they_said(
    site: Site, conn: Connection, alice: Person, mallory: Person
) -> None:
    says(conn, alice, *["secret knots"] * 25, title="Secret knots")
    [mine] = says(conn, mallory, "my knots", title="Other")[1]
    cursor = found(site, alice, q="knots")["after"]

    assert [hit["item_id"] for hit in found(site, mallory, q="knots")["data"]] == [mine]
    assert found(site, mallory, q="secret")["data"] == []
    # The cursor is a place in time: it leads to nobody's messages but one's own.
    for hit in found(site, mallory, q="knots", after=cursor)["data"]:
        assert hit["item_id"] == mine


def test_what_was_deleted_is_not_found(site: Site, conn: Connection, alice: Person) -> None:
    thread, _ = says(conn, alice, "knots", title="Knots")
    deletions.set_aside(conn, user_id=alice.id, thread_ids=[thread], deletion_id="del_x")

    assert found(site, alice, q="knots")["data"] == []


@pytest.mark.parametrize("query", ["", "   ", "& | !", "\0", "***", "\u202e"])
def test_no_word_finds_nothing(site: Site, alice: Person, query: str) -> None:
    assert found(site, alice, q=query) == {"data": [], "has_more": False, "after": None}
    assert search(site, alice).get_json()["data"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"q": "x" * 201}, "search_too_long"),
        ({"q": "a b c d e f g h i j k"}, "search_too_long"),
        ({"q": "knots", "after": "x"}, "unknown_cursor"),
        ({"q": "knots", "after": "\0"}, "unknown_cursor"),
        ({"q": "knots", "from": "yesterday"}, "invalid_period"),
    ],
)
def test_what_cannot_be_looked_for_is_a_code_and_a_sentence(
    site: Site, alice: Person, words: dict[str, str], code: str
) -> None:
    refused = search(site, alice, **words)

    assert (refused.status_code, refused.get_json()["error"]["code"]) == (400, code)
    assert refused.get_json()["error"]["message"].endswith(".")
