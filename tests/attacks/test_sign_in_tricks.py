"""Cookies and headers that want to be somebody else: who is signed in stays who it is."""

from __future__ import annotations

import http.client
import json
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest
import requests

from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_server import Client, Server, thread_of

LIST = {"type": "threads.list", "params": {"limit": 20, "order": "desc"}}
COOKIE = "better-auth.session_token"
CLAIMS = """
    X-User-Id X_User_Id X-User User X-Forwarded-User X-Remote-User Remote-User X-Original-User
    X-Forwarded-Email X-Auth-Request-User X-Auth-Request-Email X-Authenticated-User X-Client-User
    X-Session X-Session-Id X-Api-Key X-Access-Token Set-Auth-Token Cookie2 X-Cookie Set-Cookie
    Proxy-Authorization X-Authorization From X-Impersonate-User X-WEBAUTH-USER Sec-User
    X-MS-CLIENT-PRINCIPAL-ID Cf-Access-Authenticated-User-Email X-Amzn-Oidc-Identity
"""
"""Headers by which proxies and gateways say who somebody is."""
Headers = dict[str, str]


@dataclass(frozen=True)
class Owner:
    """Somebody with one conversation, whose name nobody else's has."""

    person: Person
    client: Client
    thread_id: str

    @property
    def cookie(self) -> str:
        return self.person.cookie

    @property
    def token(self) -> str:
        """The signed value of the session cookie."""
        return dict(pair.split("=", 1) for pair in self.cookie.split("; "))[COOKIE]


@pytest.fixture(scope="module")
def alice(server: Server, auth: AuthServer) -> Owner:
    return _owner(server, auth.sign_up("Alice"))


@pytest.fixture(scope="module")
def mallory(server: Server, auth: AuthServer) -> Owner:
    return _owner(server, auth.sign_up("Mallory"))


def _owner(server: Server, person: Person) -> Owner:
    client = server.client(person)
    return Owner(person, client, thread_of(client.say("Hello")))


def who(server: Server, headers: Headers, query: str = "") -> str | None:
    """Return the id of who is signed in, as the endpoint, the pages and the widget agree on it."""
    url, own = server.url, {"Origin": server.url, **headers}
    told = requests.get(f"{url}/chatkit/session{query}", headers=own, timeout=30)
    assert told.status_code == 200, told.text
    user = told.json()["user"]
    asked = requests.post(f"{url}/chatkit{query}", json=LIST, headers=own, timeout=30)
    page = requests.get(f"{url}/history/new{query}", headers=own, timeout=30, allow_redirects=False)
    assert (asked.status_code, page.status_code) == ((200, 200) if user else (401, 303))
    if user:
        listed = {thread["id"] for thread in asked.json()["data"]}
        assert listed == set(re.findall(r"/history/(thr_\w+)", page.text))
    return user["id"] if user else None


def sign_in(server: Server, person: Person, cookie: str = "") -> requests.Response:
    """Send the form of our sign-in page, from a browser that has this cookie already."""
    return requests.post(
        f"{server.url}/sign-in",
        data={"email": person.email, "password": person.password},
        headers={"Origin": server.url, **({"Cookie": cookie} if cookie else {})},
        timeout=30,
        allow_redirects=False,
    )


def test_the_cases_can_tell_people_apart(server: Server, alice: Owner, mallory: Owner) -> None:
    assert who(server, {"Cookie": alice.cookie}) == alice.person.id
    assert who(server, {"Cookie": mallory.cookie}) == mallory.person.id
    assert who(server, {"Authorization": f"Bearer {alice.person.bearer}"}) == alice.person.id
    assert who(server, {}) is None


def test_a_session_that_somebody_planted_is_not_the_one_after_signing_in(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    made_up = f"{COOKIE}=planted.{'A' * 43}%3D"
    for planted in (mallory.cookie, made_up):
        answer = sign_in(server, alice.person, planted)

        assert answer.status_code == 303
        fresh = answer.cookies[COOKIE]
        assert fresh.split(".")[0] not in {planted.split("=")[1].split(".")[0], alice.token}
        assert who(server, {"Cookie": f"{COOKIE}={fresh}"}) == alice.person.id

    assert who(server, {"Cookie": mallory.cookie}) == mallory.person.id
    assert who(server, {"Cookie": made_up}) is None


def test_a_cookie_that_signs_somebody_in_is_hidden_from_scripts_and_other_sites(
    server: Server, alice: Owner
) -> None:
    answer = sign_in(server, alice.person)

    [cookie] = [one for one in answer.raw.headers.getlist("set-cookie") if one.startswith(COOKIE)]
    attributes = {word.strip().lower() for word in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(word.startswith("domain") for word in attributes)


def test_signing_out_ends_the_session_for_whoever_has_a_copy(
    server: Server, auth: AuthServer, alice: Owner
) -> None:
    again = auth.sign_in(alice.person)
    copy = {"Authorization": f"Bearer {again.bearer}"}
    assert who(server, {"Cookie": again.cookie}) == alice.person.id

    out = server.client(again).post("/sign-out", {})

    assert out.status_code == 303
    assert who(server, {"Cookie": again.cookie}) is None
    assert who(server, copy) is None
    assert who(server, {"Cookie": alice.cookie}) == alice.person.id


@pytest.mark.parametrize(
    "name",
    [
        "session_token",
        "session",
        "user_id",
        "userId",
        "BETTER-AUTH.SESSION_TOKEN",
        "better-auth_session_token",
        "__Host-better-auth.session_token",
        "__Secure-better-auth.session_token",
        "evil.session_token",
        "better-auth.session_data",
        "$Version=1; better-auth.session_tokem",
    ],
)
def test_a_good_token_under_another_name_is_nobodys(
    server: Server, alice: Owner, name: str
) -> None:
    assert who(server, {"Cookie": f"{name}={alice.token}"}) is None


def test_a_token_that_was_changed_is_nobodys(server: Server, alice: Owner, mallory: Owner) -> None:
    words, signature = alice.token.split(".", 1)
    for changed in (
        words,
        f"{words}.",
        f"{words}.{mallory.token.split('.', 1)[1]}",
        f"{mallory.token.split('.', 1)[0]}.{signature}",
        f"{words.swapcase()}.{signature}",
        f"{words}%00.{signature}",
        f"{words}'--.{signature}",
        alice.person.id,
        "null",
        "[object Object]",
    ):
        assert who(server, {"Cookie": f"{COOKIE}={changed}"}) is None, changed


def test_of_two_session_cookies_the_same_one_counts_everywhere(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    forwards, backwards = (
        f"{COOKIE}={first.token}; {COOKIE}={second.token}"
        for first, second in ((alice, mallory), (mallory, alice))
    )
    found = [who(server, {"Cookie": each}) for each in (forwards, backwards, forwards, backwards)]

    assert set(found) == {alice.person.id, mallory.person.id}
    assert found[:2] == found[2:]
    assert who(server, {"Cookie": f"{COOKIE}=; {COOKIE}={alice.token}"}) in {
        alice.person.id,
        None,
    }


def test_two_cookie_headers_make_nobody_of_two(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    target = urlsplit(server.url)
    seen: set[str | None] = set()
    for path in ("/chatkit/session", "/chatkit/session", "/history/new"):
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=30)
        connection.putrequest("GET", path)
        connection.putheader("Cookie", f"{COOKIE}={alice.token}")
        connection.putheader("Cookie", f"{COOKIE}={mallory.token}")
        connection.endheaders()
        answer = connection.getresponse()
        words = answer.read().decode()
        connection.close()
        shown = [one.person.id for one in (alice, mallory) if _shows(one, words)]
        assert len(shown) <= 1
        seen.add(shown[0] if shown else None)
    assert len(seen) == 1


def _shows(owner: Owner, words: str) -> bool:
    return owner.person.id in words or owner.thread_id in words


def test_a_cookie_goes_before_a_bearer_token_everywhere(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    both = {"Cookie": alice.cookie, "Authorization": f"Bearer {mallory.person.bearer}"}
    forged = {**both, "Cookie": f"{COOKIE}=forged.{'A' * 43}%3D"}

    assert who(server, both) == alice.person.id
    # Otherwise a page could be shown as one person, and its posts be stored as another.
    assert who(server, forged) is None


def test_a_header_that_names_a_person_changes_nobody(
    server: Server, alice: Owner, mallory: Owner, figures: Figures
) -> None:
    victim = alice.person
    values = [victim.id, victim.email, victim.cookie, f"Bearer {victim.bearer}"]
    cases = [{name: value} for name in CLAIMS.split() for value in values]
    cases += [
        {name: value}
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "Client-IP")
        for value in ("127.0.0.1", "for=127.0.0.1;host=localhost", victim.id)
    ]
    cases += [
        {name: path}
        for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Script-Name")
        for path in (f"/history/{alice.thread_id}", "/admin")
    ]
    cases += [{"Authorization": f"Basic {victim.id}"}, {"Authorization": victim.bearer}]
    session = requests.Session()
    url = f"{server.url}/chatkit/session"
    changed = []
    for headers in cases:
        for cookie, real in (({}, None), ({"Cookie": mallory.cookie}, mallory.person.id)):
            answer = session.get(url, headers={**headers, **cookie}, timeout=30)
            user = (answer.json()["user"] or {}).get("id")
            changed += [(headers, user)] if user != real else []

    assert not changed
    for headers in cases[:: len(cases) // 8]:
        assert who(server, {**headers, "Cookie": mallory.cookie}) == mallory.person.id
    figures.tell(
        "I2 E5",
        "No header beside the session's own says who somebody is",
        {"requests": 2 * len(cases), "answered as somebody else": len(changed)},
    )


def test_nothing_in_an_address_or_a_body_names_a_person(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    query = f"?user_id={alice.person.id}&user={alice.person.id}&token={quote(alice.token)}"
    assert who(server, {"Cookie": mallory.cookie}, query) == mallory.person.id
    assert who(server, {}, query) is None

    claims = {"user_id": alice.person.id, "user": alice.person.id}
    params = {**LIST["params"], **claims}  # type: ignore[dict-item]
    body = json.dumps({**LIST, **claims, "params": params, "metadata": claims}).encode()
    listed = mallory.client.send(body)
    assert alice.thread_id not in listed.text
    assert listed.status_code in {200, 400}


def test_a_page_that_claims_to_show_somebody_else_is_refused(
    server: Server, alice: Owner, mallory: Owner
) -> None:
    headers = {"Cookie": mallory.cookie, "X-Threadkeeper-User": alice.person.id}
    for path in ("/chatkit/session", "/history", f"/history/{alice.thread_id}"):
        answer = requests.get(f"{server.url}{path}", headers=headers, timeout=30)
        assert answer.status_code == 412, path
        assert alice.thread_id not in answer.text


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_a_method_is_what_the_request_line_says(server: Server, alice: Owner, header: str) -> None:
    delete = f"{server.url}/history/{alice.thread_id}/delete?confirm=yes&_method=POST"
    cookie = {"Cookie": alice.cookie}
    requests.get(delete, headers={**cookie, header: "POST"}, timeout=30)
    # A post of another site stays one, whatever it calls itself.
    posted = requests.post(
        f"{server.url}/sign-out",
        data={"_method": "GET"},
        headers={**cookie, header: "GET", "Origin": "https://evil.example"},
        timeout=30,
        allow_redirects=False,
    )

    assert posted.status_code == 403
    assert who(server, cookie) == alice.person.id
    assert alice.client.get(f"/history/{alice.thread_id}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
    ],
)
def test_another_host_signs_nobody_in_and_leads_nowhere_else(
    server: Server, alice: Owner, headers: Headers
) -> None:
    page = requests.get(f"{server.url}/history", headers=headers, timeout=30, allow_redirects=False)
    known = requests.get(
        f"{server.url}/chatkit/session",
        headers={**headers, "Cookie": alice.cookie},
        timeout=30,
    )

    assert page.status_code in {303, 400}
    assert page.headers.get("Location", "/").startswith("/")
    assert not page.headers.get("Location", "").startswith("//")
    if known.status_code == 200:
        assert known.json()["user"]["id"] == alice.person.id
