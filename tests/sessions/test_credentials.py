"""What counts as a credential, before anybody is asked."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from chat.sessions import Credentials, credentials_of

SIGNED = "t0ken." + quote(b64encode(b"\xff" * 16 + b"a" * 16), safe="")


def of_cookie(cookie: str) -> Credentials:
    return credentials_of(cookie=cookie, authorization=None)


@pytest.mark.parametrize(
    "cookie",
    [
        "better-auth.session_token=x",
        "__Secure-better-auth.session_token=x",
        "__Host-better-auth.session_token=x",
        "theme=dark; acme.session_token=x",
        "session_token=x",
        f"sid={SIGNED}",
        f"a=b;sid={SIGNED}; c=d",
    ],
)
def test_a_cookie_of_better_auth_is_a_credential_under_any_name(cookie: str) -> None:
    assert of_cookie(cookie).cookie == cookie


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "better-auth.session_token",
        "better-auth.session_token=",
        "session_token_hint=x",
        "_ga=GA1.2.1234567890.1700000000",
        "session=eyJhIjoiYiJ9.ZvJ8zQ.4nHqTnZ0bq3v0VYd3yq2m0m0m0m",
        "connect.sid=s%3Aabc.kZ8Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmE",
        "jwt=eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.kZ8Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmE",
    ],
)
def test_the_cookies_of_others_are_none(cookie: str) -> None:
    assert not of_cookie(cookie)


@pytest.mark.parametrize(
    "cookie",
    [
        "a.session_token=" + "x" * 16 * 1024,
        "a.session_token=x\r\nX-Evil: 1",
        "a.session_token=x\x00",
        "a.session_token=x\t",
        "a.session_token=\u2603",
        "a.session_token=\ud800",
    ],
)
def test_a_cookie_that_no_browser_sends_is_none(cookie: str) -> None:
    assert not of_cookie(cookie)


@pytest.mark.parametrize("header", ["Bearer tok.en=", "bearer tok.en=", "BEARER   tok.en= "])
def test_a_bearer_token_is_a_credential(header: str) -> None:
    credentials = credentials_of(cookie="theme=dark", authorization=header)

    assert credentials.headers() == {"Authorization": "Bearer tok.en="}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Token x",
        "Bearer a b",
        "Bearer a\nb",
        "Bearer \xe9",
        "Bearer " + "x" * 16 * 1024 + "x",
        "tok.en",
    ],
)
def test_other_authorizations_are_none(header: str) -> None:
    assert not credentials_of(cookie=None, authorization=header)


def test_a_session_cookie_goes_before_a_bearer_token() -> None:
    credentials = credentials_of(cookie="a.session_token=x", authorization="Bearer y")

    assert credentials.headers() == {"Cookie": "a.session_token=x"}


def test_a_credential_never_shows() -> None:
    shown = repr([Credentials(cookie="a.session_token=s3cret"), Credentials(bearer="s3cret")])

    assert "s3cret" not in shown
