"""The three ways in which a session reaches us in production, and renamed cookies."""

from __future__ import annotations

from http.cookiejar import CookieJar
from typing import Any, cast
from urllib.request import Request

import pytest
import requests
import urllib3

from chat.errors import NotSignedIn
from chat.sessions import Credentials, Sessions, credentials_of
from tests.fix_auth import PASSWORD, AuthServer
from tests.fix_auth_variants import Variant

PEOPLE = {"name": "Alice", "email": "alice@example.com", "password": PASSWORD}


def browser_signed_up(server: AuthServer, at: str) -> CookieJar:
    """Return a browser's cookies after signing up at the auth server under its public address."""
    answer = requests.post(f"{server.url}/api/auth/sign-up/email", json=PEOPLE, timeout=30)
    answer.raise_for_status()
    headers = urllib3.HTTPHeaderDict()
    for cookie in answer.raw.headers.getlist("set-cookie"):
        headers.add("Set-Cookie", cookie)
    jar = CookieJar()
    response = urllib3.HTTPResponse(headers=headers)
    response.info = lambda: cast(Any, _Headers(headers))  # type: ignore[method-assign]
    jar.extract_cookies(cast(Any, response), Request(at))  # noqa: S310
    return jar


class _Headers:
    """What a cookie jar asks an answer for."""

    def __init__(self, headers: urllib3.HTTPHeaderDict) -> None:
        self._headers = headers

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return self._headers.getlist(name) or default


def sent_to(url: str, jar: CookieJar) -> Credentials:
    """Return the credentials that the browser sends to an address."""
    request = Request(url)  # noqa: S310
    jar.add_cookie_header(request)
    return credentials_of(cookie=request.get_header("Cookie"), authorization=None)


def test_on_the_same_host_the_cookie_comes_by_itself(variant: Variant) -> None:
    server = variant({}, base_url="https://www.example.com")
    jar = browser_signed_up(server, "https://www.example.com/api/auth/sign-up/email")

    credentials = sent_to("https://www.example.com/chatkit", jar)

    assert credentials.cookie.startswith("__Secure-better-auth.session_token=")
    assert Sessions(server.url).user(credentials).name == "Alice"


def test_a_sibling_subdomain_gets_the_cookie_of_the_parent_domain(variant: Variant) -> None:
    shared = {"crossSubDomainCookies": {"enabled": True, "domain": "example.com"}}
    server = variant({"advanced": shared}, base_url="https://auth.example.com")
    jar = browser_signed_up(server, "https://auth.example.com/api/auth/sign-up/email")

    credentials = sent_to("https://chat.example.com/chatkit", jar)

    assert Sessions(server.url).user(credentials).name == "Alice"


def test_without_that_option_a_sibling_subdomain_gets_nothing(variant: Variant) -> None:
    server = variant({}, base_url="https://auth.example.com")
    jar = browser_signed_up(server, "https://auth.example.com/api/auth/sign-up/email")

    assert not sent_to("https://chat.example.com/chatkit", jar)


def test_a_bearer_token_needs_no_cookie(variant: Variant) -> None:
    server = variant({}, base_url="https://auth.example.com")
    alice = server.sign_up("Alice")
    bearer = credentials_of(cookie=None, authorization=f"Bearer {alice.bearer}")

    assert Sessions(server.url).user(bearer).id == alice.id


@pytest.mark.parametrize(
    "advanced",
    [
        {"cookiePrefix": "acme"},
        {"cookies": {"session_token": {"name": "sid"}}},
        {"useSecureCookies": True},
    ],
)
def test_a_renamed_cookie_is_found(variant: Variant, advanced: dict[str, Any]) -> None:
    server = variant({"advanced": advanced})
    alice = server.sign_up("Alice")

    credentials = credentials_of(cookie=f"theme=dark; {alice.cookie}", authorization=None)

    assert Sessions(server.url).user(credentials).id == alice.id


def test_another_base_path_is_part_of_the_address(variant: Variant) -> None:
    server = variant({"basePath": "/identity"})
    client = Sessions(f"{server.url}/identity").auth

    answer = client.post("sign-up/email", PEOPLE, {})

    bearer = credentials_of(cookie=None, authorization=f"Bearer {answer.headers['set-auth-token']}")
    assert Sessions(f"{server.url}/identity/").user(bearer).name == "Alice"


def test_a_session_of_another_auth_server_is_nobody(variant: Variant) -> None:
    theirs, ours = variant({}), variant({})
    mallory = theirs.sign_up("Mallory")

    with pytest.raises(NotSignedIn):
        Sessions(ours.url).user(credentials_of(cookie=mallory.cookie, authorization=None))
