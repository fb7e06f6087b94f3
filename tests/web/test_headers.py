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
    assert "the limit is 65536" in caplog.text
