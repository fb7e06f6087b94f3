"""Signing in, up and out through our forms, at a real Better Auth server."""

from __future__ import annotations

import json
import socket
from html import unescape
from io import BytesIO
from urllib.parse import quote

import pytest
import requests
from werkzeug.test import TestResponse

from chat.web.refusals import UNAVAILABLE
from tests.fix_auth import PASSWORD, AuthServer, Person
from tests.fix_auth_variants import Variant
from tests.fix_http import Relay, Scripted, answer
from tests.fix_site import OWN, Site, StartSite

LIST = {"type": "threads.list", "params": {}}
SHOP = "https://shop.example.com"
OK = answer(200, b'{"token": "t", "user": {}}', "Set-Cookie: a.session_token=t; Path=/")


@pytest.fixture(scope="module")
def alice(site_auth: AuthServer) -> Person:
    return site_auth.sign_up("Alice")


def words_of(person: Person, **more: str) -> dict[str, str]:
    return {"email": person.email, "password": person.password, **more}


def text_of(page: TestResponse) -> str:
    return unescape(page.get_data(as_text=True))


def signed_in_at(auth: AuthServer, cookie: str) -> bool:
    """Ask the auth server itself."""
    url = f"{auth.url}/api/auth/get-session"
    return requests.get(url, headers={"Cookie": cookie}, timeout=30).json() is not None


def cookie_of(site: Site) -> str:
    """Return what the browser sends the site."""
    cookie = site.browser.get_cookie("better-auth.session_token")
    return f"{cookie.key}={cookie.value}" if cookie else ""


def test_signing_up_makes_an_account_and_goes_on(site: Site) -> None:
    sent = site.sign_up(next="/history?after=x")

    assert sent.status_code == 303
    assert sent.headers["Location"] == "/history?after=x"
    assert sent.headers["Cache-Control"] == "no-store"
    page = site.browser.post("/chatkit", json=LIST, headers={"Origin": OWN})
    assert page.status_code == 200


def test_signing_in_goes_on_as_that_person(site: Site, alice: Person) -> None:
    sent = site.post("/sign-in", words_of(alice))

    assert (sent.status_code, sent.headers["Location"]) == (303, "/history")
    assert site.get("/history").status_code == 200


def test_the_cookies_are_passed_on_untouched(start_site: StartSite) -> None:
    cookies = [
        "a.session_token=x.y%3D; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax",
        "__Secure-b=c; Domain=example.com; Path=/; Secure; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
    ]
    both = answer(200, b'{"token": "t"}', *(f"Set-Cookie: {cookie}" for cookie in cookies))
    with Scripted(both) as server:
        sent = start_site(auth_url=server.url).post("/sign-in", {"email": "a@b.c", "password": "x"})
    assert sent.headers.getlist("Set-Cookie") == cookies


def test_the_auth_server_is_told_one_address_our_origin_and_no_cookie(
    start_site: StartSite,
) -> None:
    forged = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "Cookie": "a.session_token=old"}
    with Scripted(OK) as server:
        site = start_site(auth_url=server.url, trusted_proxies=1)
        words = {"email": " a@b.c ", "password": " x ", "role": "admin", "callbackURL": "//evil"}
        sent = site.bare.post("/sign-in", data=words, headers={"Origin": OWN, **forged})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert sent.status_code == 303
    assert b"\r\nX-Forwarded-For: 203.0.113.9\r\n" in head
    assert b"\r\nOrigin: http://localhost\r\n" in head
    assert b"cookie" not in head.lower()
    assert json.loads(body) == {"email": "a@b.c", "password": " x "}


def test_an_address_that_nobody_trusts_is_not_passed_on(start_site: StartSite) -> None:
    with Scripted(OK) as server:
        site = start_site(auth_url=server.url)
        site.post(
            "/sign-in", {"email": "a@b.c", "password": "x"}, **{"X-Forwarded-For": "203.0.113.9"}
        )
    assert b"\r\nX-Forwarded-For: 127.0.0.1\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"password": "wrong-password"}, 401, "don't belong together"),
        ({"email": "nobody@example.com"}, 401, "don't belong together"),
        ({"email": "not an address"}, 400, "valid email"),
        ({"email": "a\x00b@example.com"}, 400, "valid email"),
        ({"email": "a" * 400 + "@example.com"}, 400, "valid email"),
        ({"email": ""}, 400, "every field"),
        ({"password": ""}, 400, "every field"),
        ({"password": "x" * 5000}, 400, "too long"),
    ],
)
def test_what_is_wrong_with_signing_in_is_said_at_the_form(
    site: Site, alice: Person, form: dict[str, str], status: int, sentence: str
) -> None:
    page = site.post("/sign-in", words_of(alice, next="/history/thr_1") | form)

    assert page.status_code == status
    assert sentence in text_of(page)
    assert 'value="/history/thr_1"' in text_of(page)
    assert "Set-Cookie" not in page.headers


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"password": "short"}, 400, "too short"),
        ({"password": "x" * 200}, 400, "too long"),
        ({"email": "not-an-address"}, 400, "valid email"),
        ({"name": "  "}, 400, "every field"),
        ({"name": "Al\nice"}, 400, "one line"),
        ({"name": "x" * 400}, 400, "one line"),
    ],
)
def test_what_is_wrong_with_signing_up_is_said_at_the_form(
    site: Site, form: dict[str, str], status: int, sentence: str
) -> None:
    page = site.sign_up(**form)

    assert (page.status_code, sentence in text_of(page)) == (status, True)


def test_an_address_that_is_taken_is_said_at_the_form(site: Site, alice: Person) -> None:
    page = site.sign_up(name="Mallory", email=alice.email.upper())

    assert page.status_code == 422
    assert "already an account" in text_of(page)


def test_what_was_typed_is_kept_but_never_the_password(
    site: Site, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    typed = {"name": "<b>Al", "email": alice.email, "password": "s3cret-s3cret"}

    page = site.post("/sign-up", typed)

    assert page.status_code == 422
    assert 'value="&lt;b&gt;Al"' in page.get_data(as_text=True)
    assert f'value="{alice.email}"' in text_of(page)
    assert "s3cret" not in text_of(page)
    assert "s3cret" not in caplog.text
    assert alice.email not in caplog.text


@pytest.mark.parametrize("value", ["//evil.example", "/\t/evil.example", "https://evil.example"])
def test_nobody_is_sent_to_another_site(site: Site, alice: Person, value: str) -> None:
    form = site.get("/sign-in", query_string={"next": value})
    sent = site.post("/sign-in", words_of(alice, next=value))
    back = site.get("/sign-in", query_string={"next": value})

    assert "evil" not in text_of(form)
    assert sent.headers["Location"] == "/history"
    assert back.headers["Location"] == "/history"


def form_targets(page: TestResponse) -> str:
    """Return where the forms of this page may lead, as the browser is told."""
    policy = page.headers["Content-Security-Policy"]
    [words] = [part.strip() for part in policy.split(";") if "form-action" in part]
    return words


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
def test_people_go_back_to_the_listed_page_with_the_widget(
    start_site: StartSite, alice: Person, path: str
) -> None:
    site = start_site(allowed_origins=frozenset({SHOP, "https://other.example"}))
    back = f"{SHOP}/cart?item=1&next=//evil.example#chat"

    form = site.get(path, query_string={"next": back})
    other = {"/sign-in": "/sign-up", "/sign-up": "/sign-in"}[path]

    assert form.status_code == 200
    assert f'name="next" value="{back}"' in text_of(form)
    assert f"{other}?next={quote(back)}" in text_of(form)
    assert form_targets(form) == f"form-action 'self' {SHOP}"
    refused = site.post(path, {"email": "", "password": "", "next": back})
    assert refused.status_code == 400
    assert form_targets(refused) == f"form-action 'self' {SHOP}"
    assert form_targets(site.get(path)) == "form-action 'self'"

    sent = (
        site.sign_up(next=back)
        if path == "/sign-up"
        else site.post(path, words_of(alice, next=back))
    )
    assert (sent.status_code, sent.headers["Location"]) == (303, back)
    led = site.get(path, query_string={"next": back})
    assert (led.status_code, led.headers["Location"]) == (302, back)


@pytest.mark.parametrize(
    "value",
    [
        "http://shop.example.com/",
        "https://shop.example.com:8443/",
        "https://shop.example.com.evil.example/",
        "https://shop.example.com@evil.example/",
        "https://me:pw@shop.example.com/",
        "https://evil.example\\@shop.example.com/",
        "//shop.example.com/",
        "https:shop.example.com",
        "https://shop.example.com/" + "x" * 2000,
    ],
)
def test_nobody_is_sent_to_what_only_looks_listed(
    start_site: StartSite, alice: Person, value: str
) -> None:
    site = start_site(allowed_origins=frozenset({SHOP}))

    form = site.get("/sign-in", query_string={"next": value})
    sent = site.post("/sign-in", words_of(alice, next=value))

    assert form_targets(form) == "form-action 'self'"
    assert 'name="next" value="/history"' in text_of(form)
    assert sent.headers["Location"] == "/history"


def test_a_whole_address_on_our_own_origin_leads_back_as_well(site: Site, alice: Person) -> None:
    form = site.get("/sign-in", query_string={"next": f"{OWN}/shop?x=1"})
    sent = site.post("/sign-in", words_of(alice, next=f"{OWN}/shop?x=1"))

    assert form_targets(form) == "form-action 'self'"
    assert sent.headers["Location"] == f"{OWN}/shop?x=1"


def test_a_sites_own_page_is_told_the_listed_address_as_it_is(start_site: StartSite) -> None:
    site = start_site(
        sign_in_url="https://www.example.com/login",
        public_url="https://chat.example.com",
        allowed_origins=frozenset({SHOP}),
    )

    opened = site.get("/sign-in", query_string={"next": f"{SHOP}/cart?a=b"})
    refused = site.get("/sign-in", query_string={"next": "https://evil.example/"})

    where = "https://www.example.com/login?next=https%3A%2F%2F"
    assert opened.headers["Location"] == f"{where}shop.example.com%2Fcart%3Fa%3Db"
    assert refused.headers["Location"] == f"{where}chat.example.com%2Fhistory"


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
def test_whoever_is_signed_in_is_led_on(site: Site, alice: Person, path: str) -> None:
    site.post("/sign-in", words_of(alice))

    led = site.get(f"{path}?next=/history/thr_1")

    assert (led.status_code, led.headers["Location"]) == (302, "/history/thr_1")


def test_an_old_cookie_shows_the_form(site: Site) -> None:
    site.browser.set_cookie("better-auth.session_token", "old.cookie")

    assert site.get("/sign-in").status_code == 200


def test_a_form_that_is_too_large_is_refused(site: Site, alice: Person) -> None:
    page = site.post("/sign-in", words_of(alice, more="x" * 70_000))

    assert page.status_code == 413


def test_a_form_that_is_too_large_and_hides_its_length_is_refused(site: Site) -> None:
    page = site.bare.post(
        "/sign-in",
        input_stream=BytesIO(b"email=" + b"x" * 200_000),
        headers={"Origin": OWN, "Content-Type": "application/x-www-form-urlencoded"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert page.status_code == 413


def test_signing_out_ends_the_session_everywhere(
    site: Site, site_auth: AuthServer, alice: Person
) -> None:
    site.post("/sign-in", words_of(alice))
    assert site.get("/history").status_code == 200
    cookie = cookie_of(site)

    sent = site.post("/sign-out", {})

    assert (sent.status_code, sent.headers["Location"]) == (303, "/sign-in")
    assert len(sent.headers.getlist("Set-Cookie")) >= 2
    assert not cookie_of(site)
    assert not signed_in_at(site_auth, cookie)
    # The same process remembered the session a moment ago.
    assert site.bare.get("/history", headers={"Cookie": cookie}).status_code == 303


def test_opening_the_address_signs_nobody_out(
    site: Site, site_auth: AuthServer, alice: Person
) -> None:
    site.post("/sign-in", words_of(alice))

    opened = site.get("/sign-out")

    assert (opened.status_code, opened.headers["Location"]) == (302, "/history")
    assert signed_in_at(site_auth, cookie_of(site))


def test_signing_out_without_a_session_is_no_error(site: Site) -> None:
    assert site.post("/sign-out", {}).status_code == 303


def test_a_sign_out_that_failed_says_so_and_keeps_the_cookie(
    start_site: StartSite, own_auth: AuthServer
) -> None:
    site = start_site(auth_url=own_auth.url)
    site.sign_up()
    own_auth.stop()

    page = site.post("/sign-out", {})

    assert page.status_code == 503
    assert "still signed in" in text_of(page)
    assert cookie_of(site)


def test_an_auth_server_that_does_not_know_our_origin_works_all_the_same(
    start_site: StartSite, own_auth: AuthServer
) -> None:
    site = start_site("https://chat.example.com", auth_url=own_auth.url)

    assert site.sign_up().status_code == 303
    assert site.post("/sign-out", {}).status_code == 303


def test_an_auth_server_that_trusts_neither_us_nor_its_address_is_reported(
    start_site: StartSite, variant: Variant, capsys: pytest.CaptureFixture[str]
) -> None:
    site = start_site(auth_url=variant({}, base_url="https://auth.example.com").url)

    page = site.sign_up()

    assert page.status_code == 503
    assert f"add {OWN} to its trustedOrigins" in capsys.readouterr().err


@pytest.mark.parametrize(
    "unclear",
    [
        answer(500, b""),
        answer(404, b"{}"),
        answer(302, b"", "Location: /elsewhere"),
        answer(200, b"<html>"),
        b"",
    ],
)
def test_an_auth_server_that_is_down_is_said_at_the_form(
    start_site: StartSite, unclear: bytes
) -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(unclear)
        connection.shutdown(socket.SHUT_RDWR)

    with Scripted(play) as server:
        site = start_site(auth_url=server.url)
        page = site.post("/sign-in", {"email": "a@b.example", "password": "x"})
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert UNAVAILABLE.sentence in text_of(page)
    assert 'value="a@b.example"' in text_of(page)
    assert server.count == 1


def test_too_many_tries_are_said_with_the_time_to_wait(
    start_site: StartSite, variant: Variant
) -> None:
    limited = variant({"rateLimit": {"enabled": True}}, trusted_origins=(OWN,))
    site = start_site(auth_url=limited.url, trusted_proxies=1)
    words = {"email": "a@b.example", "password": "wrong-password"}
    pages = [site.post("/sign-in", words, **{"X-Forwarded-For": "203.0.113.7"}) for _ in range(5)]
    elsewhere = site.post("/sign-in", words, **{"X-Forwarded-For": "203.0.113.8"})

    assert [page.status_code for page in pages] == [401, 401, 401, 429, 429]
    assert f"wait {pages[-1].headers['Retry-After']} seconds" in text_of(pages[-1])
    assert elsewhere.status_code == 401


def test_an_account_that_must_be_confirmed_first_is_told_so(
    start_site: StartSite, variant: Variant
) -> None:
    confirming = {"emailAndPassword": {"enabled": True, "requireEmailVerification": True}}
    site = start_site(auth_url=variant(confirming, trusted_origins=(OWN,)).url)
    words = {"email": "alice@example.com"}

    made = site.sign_up(**words)
    early = site.post("/sign-in", {**words, "password": PASSWORD})

    assert (made.status_code, early.status_code) == (403, 403)
    assert "follow the link" in text_of(made).replace("\n", " ")
    assert "confirm your email address" in text_of(early)


def test_a_sibling_subdomain_signs_in_for_the_whole_domain(
    start_site: StartSite, variant: Variant
) -> None:
    shared = {"crossSubDomainCookies": {"enabled": True, "domain": "example.com"}}
    chat = "https://chat.example.com"
    auth = variant(
        {"advanced": shared}, base_url="https://auth.example.com", trusted_origins=(chat,)
    )
    site = start_site(chat, auth_url=auth.url, public_url=chat)

    sent = site.sign_up()

    [cookie] = sent.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Secure-better-auth.session_token=")
    assert "Domain=example.com" in cookie
    assert "Secure" in cookie
    assert site.get("/history").status_code == 200


def test_a_site_with_its_own_page_gets_its_visitors_and_the_way_back(
    start_site: StartSite, alice: Person
) -> None:
    site = start_site(
        sign_in_url="https://www.example.com/login", public_url="https://chat.example.com"
    )
    sites_own = (
        "https://www.example.com/login?next=https%3A%2F%2Fchat.example.com%2Fhistory%2Fthr_1"
    )
    for path in ("/sign-in", "/sign-up"):
        opened = site.get(f"{path}?next=/history/thr_1")
        sent = site.bare.post(
            path,
            data=words_of(alice, next="/history/thr_1"),
            headers={"Origin": "https://chat.example.com"},
        )
        assert (opened.status_code, opened.headers["Location"]) == (303, sites_own)
        assert (sent.status_code, sent.headers["Location"]) == (303, sites_own)
        assert "Set-Cookie" not in sent.headers


def test_signing_in_over_a_relay_is_one_call(
    start_site: StartSite, site_auth: AuthServer, alice: Person
) -> None:
    with Relay(site_auth.url) as relay:
        site = start_site(auth_url=relay.url)
        assert site.post("/sign-in", words_of(alice)).status_code == 303
        site.get("/history")
        site.get("/history")
    assert [request.split(b"?")[0].split(b" HTTP")[0] for request in relay.requests] == [
        b"POST /api/auth/sign-in/email",
        b"GET /api/auth/get-session",
    ]
