"""Which origins may talk to the chat and read its answers: who, where, how, and with what."""

from __future__ import annotations

import http.client
import logging
from itertools import product

import pytest
import requests
from werkzeug.test import TestResponse

from tests.fix_auth import AuthServer, Person
from tests.fix_http import Scripted, answer
from tests.fix_server import Server, StartServer, words
from tests.fix_site import OWN, Site, StartSite

SHOP = "https://shop.example.com"
LOCAL = "http://localhost:5173"
LISTED = frozenset({SHOP, LOCAL})
UNLISTED = [
    "https://evil.example",
    "null",
    "",
    "*",
    "http://shop.example.com",
    "https://shop.example.com:8443",
    "https://shop.example.com:443",
    "https://shop.example.com/",
    "https://shop.example.com.",
    "https://shop.example.com.evil.example",
    "https://evilshop.example.com",
    "https://www.shop.example.com",
    "https://example.com",
    "https://evil@shop.example.com",
    "https://SHOP.example.com",
    "HTTPS://shop.example.com",
    " https://evil.example https://shop.example.com",
    "https://shop.example.com, https://shop.example.com",
    "https://shop.example.com\x00",
    "http://localhost:5174",
    "https://localhost:5173",
]
OPEN = ["/chatkit", "/chatkit/session", "/chatkit/search", "/chatkit/turns/x", "/chatkit/turns/x/y"]
FILES = ["/assets/1/css/tokens.css", "/assets/1/none.js", "/widget.js"]
CLOSED = [
    "/history",
    "/history/search",
    "/history/export.json",
    "/sign-in",
    "/sign-out",
    "/static/css/tokens.css",
    "/livez",
    "/readyz",
    "/chatkitx",
    "/chat",
    "/widget.jsx",
    "/",
]
FORMS = [
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/history/messages",
    "/history/thr_1/delete",
    "/history/selected",
    "/history/delete-all",
]
LIST = {"type": "threads.list", "params": {}}


def granted(answer: TestResponse) -> dict[str, str]:
    """Return what this answer lets a page of another origin do."""
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def varies(answer: TestResponse) -> set[str]:
    return {word.strip() for line in answer.headers.getlist("Vary") for word in line.split(",")}


def preflight(
    site: Site, path: str, origin: str | None, method: str = "POST", headers: str | None = None
) -> TestResponse:
    sent = {"Access-Control-Request-Method": method}
    sent |= {"Origin": origin} if origin is not None else {}
    sent |= {"Access-Control-Request-Headers": headers} if headers is not None else {}
    return site.bare.options(path, base_url=site.origin, headers=sent)


def fetched(site: Site, path: str, method: str = "GET", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.bare.open(path, method=method, base_url=site.origin, headers=named, buffered=True)


def said(site: Site, person: dict[str, str], origin: str, **headers: str) -> TestResponse:
    """Send a harmless request to the chat."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Origin": origin, **person, **named}
    return site.bare.post("/chatkit", base_url=site.origin, json=LIST, headers=sent)


@pytest.fixture
def open_site(start_site: StartSite) -> Site:
    return start_site(allowed_origins=LISTED)


@pytest.fixture(scope="module")
def alice(site_auth: AuthServer) -> Person:
    return site_auth.sign_up("Alice")


@pytest.fixture(scope="module")
def credentials(alice: Person) -> dict[str, dict[str, str]]:
    return {
        "none": {},
        "cookie": {"Cookie": alice.cookie},
        "bearer": {"Authorization": f"Bearer {alice.bearer}"},
    }


@pytest.mark.parametrize("origin", sorted(LISTED))
def test_a_listed_origin_may_read_whatever_is_answered(open_site: Site, origin: str) -> None:
    for path, method in product(OPEN + FILES, ("GET", "HEAD", "POST", "DELETE")):
        answer = fetched(open_site, path, method, Origin=origin)

        assert granted(answer) == {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
        }
        assert "Origin" in varies(answer)


def test_no_other_origin_gets_a_word_of_permission(open_site: Site) -> None:
    for origin, path, method in product([*UNLISTED, OWN, None], OPEN + FILES, ("GET", "POST")):
        headers = {} if origin is None else {"Origin": origin}
        answer = fetched(open_site, path, method, **headers)

        assert granted(answer) == {}, (origin, path)
        assert "Origin" in varies(answer), f"a cache would mix up {path}"


def test_pages_and_forms_stay_with_our_own_origin(open_site: Site) -> None:
    for path in CLOSED:
        for method in ("GET", "POST"):
            assert granted(fetched(open_site, path, method, Origin=SHOP)) == {}, path
        assert granted(preflight(open_site, path, SHOP)) == {}, path


def test_every_address_of_the_app_is_open_or_closed_as_promised(open_site: Site) -> None:
    opened = {"chatkit", "widget", "launcher"}
    for rule in open_site.app.url_map.iter_rules():
        expected = rule.endpoint.split(".")[0] in opened or rule.endpoint == "pages.asset_file"
        path = rule.rule.replace("<path:filename>", "x.js").replace("<", "").replace(">", "")
        assert bool(granted(preflight(open_site, path, SHOP, "GET"))) is expected, rule


def test_without_the_setting_nobody_is_let_in(site: Site) -> None:
    for origin in (SHOP, LOCAL, "null", "*", ""):
        assert granted(fetched(site, "/chatkit/session", Origin=origin)) == {}
        assert granted(preflight(site, "/chatkit", origin)) == {}


@pytest.mark.parametrize(
    "headers",
    [
        None,
        "",
        "content-type",
        "authorization,content-type,idempotency-key,x-threadkeeper-turn",
        "Content-Type, Authorization",
    ],
)
def test_a_listed_origin_is_told_in_advance_what_it_may_send(
    open_site: Site, headers: str | None
) -> None:
    for path, method in product([*OPEN, *FILES, "/chatkit/not/there"], ("GET", "POST")):
        answer = preflight(open_site, path, SHOP, method, headers)

        assert (answer.status_code, answer.get_data()) == (204, b"")
        assert granted(answer) == {
            "Access-Control-Allow-Origin": SHOP,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": (
                "Content-Type, Authorization, Idempotency-Key, X-Threadkeeper-Turn, "
                "X-Threadkeeper-User"
            ),
            "Access-Control-Max-Age": "600",
            "Access-Control-Expose-Headers": "X-Request-Id, Retry-After",
        }
        assert "Origin" in varies(answer)


def test_nothing_else_is_permitted_in_advance(open_site: Site) -> None:
    methods = ("PUT", "PATCH", "DELETE", "post", "*", "", "GET,POST")
    names = ("x-evil", "content-type,cookie", "*", "hx-request")
    cases: list[tuple[str | None, str, str | None]] = [
        *((origin, "POST", "content-type") for origin in (*UNLISTED, OWN, None)),
        *((SHOP, method, None) for method in methods),
        *((SHOP, "POST", name) for name in names),
    ]
    for origin, method, headers in cases:
        answer = preflight(open_site, "/chatkit", origin, method, headers)

        assert granted(answer) == {}, (origin, method, headers)
        assert "Origin" in varies(answer)


def test_being_asked_in_advance_costs_nobody_a_question(
    start_site: StartSite, alice: Person
) -> None:
    with Scripted(answer(500, b"")) as server:
        site = start_site(auth_url=server.url, allowed_origins=LISTED)
        sent = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Cookie": alice.cookie}
        told = site.bare.options("/chatkit", headers=sent)
    assert told.headers["Access-Control-Allow-Origin"] == SHOP
    assert server.count == 0


@pytest.mark.parametrize("kind", ["none", "cookie", "bearer"])
def test_a_listed_origin_speaks_for_whoever_is_at_its_page(
    open_site: Site, credentials: dict[str, dict[str, str]], kind: str
) -> None:
    for fetch_site in (None, "same-site", "cross-site", "same-origin", "none"):
        headers = {"Sec_Fetch_Site": fetch_site} if fetch_site else {}
        answer = said(open_site, credentials[kind], SHOP, **headers)

        assert answer.status_code == (401 if kind == "none" else 200), fetch_site
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP


@pytest.mark.parametrize("kind", ["none", "cookie", "bearer"])
def test_an_unlisted_origin_is_refused_with_every_credential(
    open_site: Site, credentials: dict[str, dict[str, str]], kind: str
) -> None:
    for origin in UNLISTED:
        answer = said(open_site, credentials[kind], origin)

        assert answer.status_code == 403, origin
        assert granted(answer) == {}


def test_our_own_origin_works_as_before(
    open_site: Site, credentials: dict[str, dict[str, str]]
) -> None:
    assert said(open_site, credentials["cookie"], OWN).status_code == 200
    refused = said(open_site, credentials["cookie"], OWN, Sec_Fetch_Site="cross-site")
    assert refused.status_code == 403


@pytest.mark.parametrize("fetch_site", [None, "same-site", "cross-site", "same-origin"])
def test_a_form_from_a_listed_origin_is_another_sites(
    open_site: Site, alice: Person, fetch_site: str | None
) -> None:
    headers = {"Origin": SHOP, "Cookie": alice.cookie}
    headers |= {"Sec-Fetch-Site": fetch_site} if fetch_site else {}
    for path in FORMS:
        answer = open_site.bare.post(path, base_url=OWN, data={"text": "x"}, headers=headers)

        assert answer.status_code == 403, path
        assert "Set-Cookie" not in answer.headers
        assert granted(answer) == {}


def test_a_form_of_a_listed_origin_changes_nothing_at_the_chat_either(
    open_site: Site, alice: Person
) -> None:
    headers = {"Origin": SHOP, "Cookie": alice.cookie}
    answer = open_site.bare.post("/chatkit", data={"type": "threads.list"}, headers=headers)

    assert answer.status_code == 415


def _failing(site: Site, status: int, person: dict[str, str]) -> TestResponse:
    """Ask for something that is answered with this status, as a page of the shop does."""
    client, sent = site.bare, {"Origin": SHOP, **person}
    match status:
        case 400:
            return client.post("/chatkit", json={"type": "none"}, headers=sent)
        case 404:
            return client.get("/chatkit/turns/thr_none", headers=sent)
        case 405:
            return client.delete("/chatkit", headers=sent)
        case 413:
            return client.post("/chatkit", json={"x": "x" * 1_100_000}, headers=sent)
        case 415:
            return client.post("/chatkit", data="x", headers=sent)
        case _:
            return client.get("/chatkit/broken", headers=sent)


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 500])
def test_what_went_wrong_can_be_read_by_a_listed_origin(
    open_site: Site, credentials: dict[str, dict[str, str]], status: int
) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    open_site.app.add_url_rule("/chatkit/broken", view_func=broken)

    answer = _failing(open_site, status, credentials["cookie"])

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP
    assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.get_json()["error"]["message"]


def test_an_outage_can_be_read_by_a_listed_origin(
    start_site: StartSite, credentials: dict[str, dict[str, str]]
) -> None:
    with Scripted(answer(500, b"")) as server:
        site = start_site(auth_url=server.url, allowed_origins=LISTED)
        told = said(site, credentials["bearer"], SHOP)
    assert (told.status_code, told.get_json()["error"]["code"]) == (503, "auth_unavailable")
    assert told.headers["Access-Control-Allow-Origin"] == SHOP
    assert told.headers["Retry-After"]


def test_a_refused_embedding_can_be_read_too(open_site: Site) -> None:
    refused = fetched(open_site, "/chatkit/session", Origin=SHOP, Sec_Fetch_Dest="image")

    assert refused.status_code == 404
    assert refused.headers["Access-Control-Allow-Origin"] == SHOP


def test_the_log_says_which_origin_was_not_listed(
    open_site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    # The app has taken over where the log goes.
    logging.getLogger().addHandler(caplog.handler)

    preflight(open_site, "/chatkit", "https://evil.example")
    preflight(open_site, "/chatkit", "x" * 5000)
    preflight(open_site, "/chatkit", SHOP)

    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert "origin='https://evil.example'" in warnings[0]
    assert "ALLOWED_ORIGINS" in warnings[0]
    assert len(warnings[1]) < 300


@pytest.fixture
def real(start_server: StartServer) -> Server:
    """A server with listed origins, over real sockets."""
    return start_server(ALLOWED_ORIGINS=f"{SHOP}, {LOCAL}")


def test_a_stream_reaches_a_listed_origin_with_its_permission(
    real: Server, alice_session: Person
) -> None:
    body = {"type": "threads.create", "params": {"input": words("Hello")}}
    for credential in (
        {"Cookie": alice_session.cookie},
        {"Authorization": f"Bearer {alice_session.bearer}"},
    ):
        headers = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site", **credential}
        told = requests.post(f"{real.url}/chatkit", json=body, headers=headers, timeout=30)

        assert told.status_code == 200
        assert told.headers["Access-Control-Allow-Origin"] == SHOP
        assert "Origin" in told.headers["Vary"]
        assert "thread.item.done" in told.text
    assert len(real.client(alice_session).ask("threads.list").json()["data"]) == 2


def test_a_request_with_two_origins_has_none(real: Server, alice_session: Person) -> None:
    connection = http.client.HTTPConnection("localhost", real.port, timeout=30)
    connection.putrequest("POST", "/chatkit")
    connection.putheader("Origin", SHOP)
    connection.putheader("Origin", SHOP)
    connection.putheader("Authorization", f"Bearer {alice_session.bearer}")
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    refused = connection.getresponse()
    refused.read()
    connection.close()

    assert refused.status == 403
    assert refused.getheader("Access-Control-Allow-Origin") is None
