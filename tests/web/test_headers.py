"""What every answer tells a browser, and what a refusal tells the operator."""

from __future__ import annotations

import logging

import pytest

from tests.fix_site import Site, StartSite


def test_pages_belong_to_our_origin_and_shared_files_to_everybody(site: Site) -> None:
    page, file = site.get("/sign-in"), site.get("/static/css/tokens.css")

    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert file.status_code == 200
    assert file.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    file.close()


def addresses_of(site: Site) -> list[str]:
    """Return every address that can be opened without an id, and some that are not there."""
    rules = site.app.url_map.iter_rules()
    plain = [rule.rule for rule in rules if not rule.arguments and "GET" in (rule.methods or ())]
    return [*plain, "/static/css/tokens.css", "/nowhere", "/history/thr_nobody", "/chatkit/turns/x"]


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_answer_has_the_headers_that_protect_it(site: Site, *, signed_in: bool) -> None:
    if signed_in:
        site.sign_up()
    for address in addresses_of(site):
        with site.get(address) as answer:
            headers = answer.headers
            policy = headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff", address
            assert headers["Referrer-Policy"] == "same-origin", address
            assert "unsafe" not in policy, address
            for word in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
                assert word in policy, address
            if headers["Cross-Origin-Resource-Policy"] == "same-origin":
                assert headers["Cache-Control"] == "no-store", address
                assert "Cookie" in headers.getlist("Vary"), address


def test_text_says_its_characters(site: Site) -> None:
    site.sign_up()
    kinds = set()
    for address in addresses_of(site):
        with site.get(address) as answer:
            kind = answer.headers.get("Content-Type", "")
            kinds.add(kind)
            assert not kind.startswith("text/") or kind.endswith("; charset=utf-8"), address

    assert {"text/html; charset=utf-8", "text/css; charset=utf-8", "application/json"} <= kinds


def test_https_is_remembered_where_we_are_sure_of_it(start_site: StartSite) -> None:
    secure = start_site(public_url="https://chat.example.com")

    assert secure.get("/sign-in").headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in start_site().get("/sign-in").headers


def test_a_wrong_public_url_can_be_seen_in_the_log(
    start_site: StartSite, caplog: pytest.LogCaptureFixture
) -> None:
    site = start_site(public_url="https://chat.example.com")
    # The app has taken over where the log goes.
    logging.getLogger().addHandler(caplog.handler)

    assert site.post("/sign-in", {}, Origin="https://www.example.com").status_code == 403

    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "origin='https://www.example.com' own='https://chat.example.com'" in warning.message
    assert site.post("/sign-in", {}, Origin="x" * 5000).status_code == 403
    assert max(len(record.message) for record in caplog.records) < 400


def test_the_log_says_why_something_was_refused(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = site.post("/sign-in", {"email": "x" * 70_000})

    assert answer.status_code == 413
    assert "code=body_too_large status=413" in caplog.text
    assert "the limit is 65536" in caplog.text
