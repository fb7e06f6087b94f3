"""Who may change anything: the origin, the credential and the method, in every combination."""

from __future__ import annotations

from itertools import product

import pytest
from werkzeug.test import TestResponse

from tests.fix_auth import AuthServer, Person
from tests.fix_http import Scripted, answer
from tests.fix_site import OWN, Site, StartSite

FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "https://localhost",
    "http://localhost:8000",
    "http://localhost.evil.example",
    "http://evil@localhost",
    "http://LOCALHOST",
    "http://localhost/",
    "http://localhost, http://localhost",
]
SITES = [None, "same-origin", "none", "same-site", "cross-site", "odd"]
ORIGINS = [None, OWN, "https://evil.example", "null"]
LIST = {"type": "threads.list", "params": {}}


def ask(site: Site, headers: dict[str, str]) -> TestResponse:
    return site.bare.post("/chatkit", base_url=site.origin, json=LIST, headers=headers)


def credential(kind: str, person: Person) -> dict[str, str]:
    cookie = {"Cookie": person.cookie}
    bearer = {"Authorization": f"Bearer {person.bearer}"}
    return {"none": {}, "cookie": cookie, "bearer": bearer, "both": {**cookie, **bearer}}[kind]


def expected(kind: str, origin: str | None, fetch_site: str | None) -> int:
    """The order of refusal, in the words of the issue."""
    if origin not in {None, OWN} or fetch_site in {"same-site", "cross-site", "odd"}:
        return 403
    if kind == "none":
        return 401
    vouched = origin is not None or fetch_site is not None
    return 200 if vouched or kind == "bearer" else 403


@pytest.fixture(scope="module")
def alice(site_auth: AuthServer) -> Person:
    return site_auth.sign_up("Alice")


@pytest.mark.parametrize("kind", ["none", "cookie", "bearer", "both"])
def test_the_endpoint_refuses_in_the_order_that_is_promised(
    site: Site, alice: Person, kind: str
) -> None:
    found, wanted = {}, {}
    for origin, fetch_site in product(ORIGINS, SITES):
        headers = {"Origin": origin, "Sec-Fetch-Site": fetch_site, **credential(kind, alice)}
        given = {name: value for name, value in headers.items() if value is not None}
        found[origin, fetch_site] = ask(site, given).status_code
        wanted[origin, fetch_site] = expected(kind, origin, fetch_site)
    assert found == wanted


@pytest.mark.parametrize("kind", ["none", "cookie", "bearer"])
@pytest.mark.parametrize("origin", FOREIGN)
def test_an_origin_that_is_not_ours_is_always_refused(
    site: Site, alice: Person, origin: str, kind: str
) -> None:
    refused = ask(site, {"Origin": origin, **credential(kind, alice)})

    assert refused.status_code == 403
    assert refused.get_json()["error"]["code"] == "cross_site_request"
    assert "Access-Control-Allow-Origin" not in refused.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_that_changes_is_guarded(site: Site, alice: Person, method: str) -> None:
    refused = site.bare.open(
        "/history/thr_1/delete", method=method, headers={"Cookie": alice.cookie}
    )

    assert refused.status_code == 403


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/sign-out"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_form_is_refused_that_no_page_of_ours_sent(
    site: Site, path: str, headers: dict[str, str]
) -> None:
    refused = site.bare.post(path, data={"email": "a@b.example"}, headers=headers)

    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers


def test_a_form_of_our_page_needs_no_origin_when_the_browser_says_same_origin(site: Site) -> None:
    shown = site.bare.post("/sign-in", data={}, headers={"Sec-Fetch-Site": "same-origin"})

    assert shown.status_code == 400


def test_reading_is_not_refused_wherever_the_link_was(site: Site, alice: Person) -> None:
    headers = {"Cookie": alice.cookie, "Sec-Fetch-Site": "cross-site"}

    assert site.bare.get("/history", headers=headers).status_code == 200


@pytest.mark.parametrize("dest", ["image", "script", "style", "iframe", "object", "odd"])
def test_a_page_that_a_message_names_as_its_picture_is_not_loaded(
    site: Site, alice: Person, dest: str
) -> None:
    mark = site.get("/sign-in").get_data(as_text=True).partition('type="image/svg+xml" href="')[2]

    def status(path: str, dest: str) -> int:
        headers = {"Cookie": alice.cookie, "Sec-Fetch-Dest": dest}
        with site.bare.get(path, base_url=site.origin, headers=headers) as answer:
            return answer.status_code

    for path in ("/history", "/history/export.json", "/chatkit/turns/thr_1", "/readyz"):
        assert status(path, dest) == 404
    assert status("/history", "document") == 200
    assert status(mark.partition('"')[0], dest) == 200


def test_our_origin_is_the_setting_when_there_is_one(start_site: StartSite, alice: Person) -> None:
    site = start_site(public_url="https://chat.example.com")
    ours = {"Origin": "https://chat.example.com", "Cookie": alice.cookie}
    hosts = {"Origin": OWN, "Cookie": alice.cookie}

    assert ask(site, ours).status_code == 200
    assert ask(site, hosts).status_code == 403


def test_our_origin_comes_from_the_proxies_that_are_trusted(
    start_site: StartSite, alice: Person
) -> None:
    headers = {
        "Origin": "https://chat.example.com",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "chat.example.com",
        "Cookie": alice.cookie,
    }

    assert ask(start_site(trusted_proxies=1), headers).status_code == 200
    assert ask(start_site(), headers).status_code == 403


@pytest.mark.parametrize("host", ["", "[", "a b", "localhost:x", "\xff", "localhost:99999"])
def test_a_nonsense_host_is_refused_and_nothing_breaks(
    site: Site, alice: Person, host: str
) -> None:
    environ = {"HTTP_HOST": host, "HTTP_ORIGIN": OWN, "HTTP_COOKIE": alice.cookie}
    refused = site.bare.post("/chatkit", json=LIST, environ_overrides=environ)

    assert refused.status_code in {400, 403}


def test_nothing_that_is_open_to_all_asks_the_auth_server(start_site: StartSite) -> None:
    with Scripted(answer(500, b"")) as server:
        site = start_site(auth_url=server.url)
        cookie = {"Cookie": "better-auth.session_token=x"}
        for path in ("/livez", "/static/x.css", "/sign-out"):
            assert site.bare.get(path, headers=cookie, buffered=True).status_code < 500
        assert site.get("/sign-in").status_code == 200
        assert server.count == 0


def test_the_auth_server_is_asked_once_a_request_at_most(
    start_site: StartSite, alice: Person
) -> None:
    with Scripted(answer(200, b"null")) as server:
        site = start_site(auth_url=server.url)
        refused = ask(site, {"Origin": OWN, "Cookie": alice.cookie})
    assert refused.status_code == 401
    assert server.count == 1


def test_an_outage_of_the_auth_server_signs_nobody_out(
    start_site: StartSite, alice: Person
) -> None:
    with Scripted(answer(429, b"")) as server:
        site = start_site(auth_url=server.url)
        answered = ask(site, {"Origin": OWN, "Cookie": alice.cookie})
        page = site.bare.get("/history", headers={"Cookie": alice.cookie})
    assert answered.status_code == page.status_code == 503
    assert answered.get_json()["error"]["code"] == "auth_unavailable"
    assert answered.headers["Retry-After"]
    assert "Set-Cookie" not in page.headers


def test_a_page_that_shows_somebody_else_is_refused_and_stores_nothing(
    site: Site, site_auth: AuthServer, alice: Person
) -> None:
    bob = site_auth.sign_up("Bob")
    content = [{"type": "input_text", "text": "Alice's words"}]
    words = {"content": content, "attachments": [], "inference_options": {}}
    message = {"type": "threads.create", "params": {"input": words}}
    headers = {"Cookie": bob.cookie, "Origin": OWN, "X-Threadkeeper-User": alice.id}

    refused = site.bare.post("/chatkit", base_url=OWN, json=message, headers=headers)
    assert refused.status_code == 412
    assert refused.get_json()["error"]["code"] == "another_person"

    headers["X-Threadkeeper-User"] = bob.id
    assert ask(site, headers).get_json()["data"] == []
