"""E5: who may read an answer, and who may frame it: every address, every method, errors too."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any, Final

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.attacks.addresses import SAFE, Address, addresses, give
from tests.fix_auth import AuthServer
from tests.fix_figures import Figures
from tests.fix_http import Scripted, answer
from tests.fix_site import OWN, Site, StartSite
from tests.isolation.footprints import Footprints

SHOP: Final = "https://shop.example.com"
EVIL: Final = "https://evil.example"
ORIGINS: Final = (SHOP, EVIL, f"{SHOP}.evil.example", None)
METHODS: Final = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "EVIL")
FILES: Final = ("/assets/", "/widget.js")
NOWHERE: Final = ("/nowhere", "/chatkit/no/where", "/assets/0/none.js", "/static/none.css")


def is_open(address: Address) -> bool:
    return address.is_chat or address.path.startswith(FILES)


def all_of(app: Flask) -> list[Address]:
    """Return the addresses of the app, and some that are none."""
    return [*addresses(app), *(Address(path, path, frozenset({"GET"})) for path in NOWHERE)]


class Readers:
    """Asks, and looks at who may read and frame what is answered."""

    def __init__(self, site: Site, cookie: str) -> None:
        self.site, self.cookie = site, cookie
        self.statuses: Counter[int] = Counter()

    def ask(self, address: Address, method: str, origin: str | None, **more: str) -> TestResponse:
        sent = {"Cookie": self.cookie, "Sec-Fetch-Site": "cross-site", "Origin": origin}
        sent |= {name.replace("_", "-"): value for name, value in more.items()}
        if origin in {OWN, None}:
            del sent["Sec-Fetch-Site"]
        found = self.site.bare.open(
            address.path,
            method=method,
            base_url=OWN,
            headers={name: value for name, value in sent.items() if value is not None},
            buffered=True,
        )
        self.statuses[found.status_code] += 1
        assert_framed_by_nobody(found, address)
        assert_read_by(found, origin if origin == SHOP and is_open(address) else None, address)
        return found


def assert_framed_by_nobody(found: TestResponse, what: object) -> None:
    [policy] = found.headers.getlist("Content-Security-Policy")
    assert "frame-ancestors 'none'" in policy.split("; "), what
    assert "default-src 'none'" in policy.split("; "), what
    assert "unsafe" not in policy, what
    assert found.headers["X-Content-Type-Options"] == "nosniff", what
    assert found.headers["Cross-Origin-Opener-Policy"] == "same-origin", what


def assert_read_by(found: TestResponse, origin: str | None, address: Address) -> None:
    """Check who may read it: scripts of that origin with the person's cookie, or nobody."""
    named = {name: value for name, value in found.headers if name.startswith("Access-Control-")}
    if origin is None:
        assert named == {}, (address, named)
    else:
        # A star beside credentials would be anybody's; a list would be nobody's.
        assert found.headers.getlist("Access-Control-Allow-Origin") == [origin]
        assert named["Access-Control-Allow-Credentials"] == "true"
    if is_open(address):
        assert "Origin" in varies(found), address
    shared = address.path.startswith((*FILES, "/static/"))
    assert shared or "Cookie" in varies(found), address


def varies(found: TestResponse) -> set[str]:
    return {word.strip() for line in found.headers.getlist("Vary") for word in line.split(",")}


@pytest.mark.measured
def test_nobody_reads_or_frames_what_is_not_meant_for_them(
    start_site: StartSite, site_auth: AuthServer, site_dsn: str, figures: Figures
) -> None:
    site = start_site(allowed_origins=frozenset({SHOP}), demo_page=True, requests_per_minute=0)
    alice = site_auth.sign_up("Alice")
    give(site_dsn, alice.id)
    readers, footprints = Readers(site, alice.cookie), Footprints(site_dsn)
    before = footprints.of([alice.id])
    for address, method, origin in product(all_of(site.app), METHODS, ORIGINS):
        # What our own page and a listed one may do is no attack.
        if method in SAFE or origin != SHOP:
            readers.ask(address, method, origin)
    preflights = [
        readers.ask(
            address,
            "OPTIONS",
            origin,
            Access_Control_Request_Method=method,
            Access_Control_Request_Private_Network="true",
        )
        for address, method, origin in product(
            all_of(site.app), ("GET", "POST", "*"), (EVIL, "null", OWN)
        )
    ]

    assert footprints.of([alice.id]) == before
    assert not any("Access-Control-Allow-Methods" in found.headers for found in preflights)
    assert readers.statuses.keys() >= {200, 204, 302, 403, 404, 405}, readers.statuses
    assert max(readers.statuses) < 500, readers.statuses
    footprints.close()
    figures.tell(
        "E5",
        "Other origins read no answer, and nobody frames one",
        {
            "addresses": len(all_of(site.app)),
            "answers": readers.statuses.total(),
            "preflights among them": len(preflights),
            "readable for an origin that is not listed": 0,
            "that may be framed": 0,
        },
    )


def test_errors_of_every_kind_are_framed_by_nobody(
    start_site: StartSite, site_auth: AuthServer
) -> None:
    alice = site_auth.sign_up("Alice")
    with Scripted(answer(500, b"")) as broken:
        sites = start_site(), start_site(auth_url=broken.url)
        sites[0].app.add_url_rule("/broken", view_func=lambda: 1 / 0)  # type: ignore[arg-type]
        ours = {"Cookie": alice.cookie, "Origin": OWN}

        def status(site: Site, method: str, path: str, **named: Any) -> int:
            found = site.bare.open(
                path, method=method, base_url=OWN, buffered=True, **{"headers": ours, **named}
            )
            assert_framed_by_nobody(found, path)
            return found.status_code

        site, away = sites
        form = "application/x-www-form-urlencoded"
        assert status(site, "GET", "/broken") == 500
        assert status(away, "GET", "/history") == 503
        assert status(away, "POST", "/chatkit", json={}) == 503
        assert status(site, "POST", "/chatkit", json={}) == 400
        assert status(site, "POST", "/chatkit", data=b"{}") == 415
        assert status(site, "POST", "/sign-in", data=b"x" * 70_000, content_type=form) == 413
        assert status(site, "POST", "/history/selected", data={"id": ["x"] * 1001}) == 400
        assert status(site, "GET", "/history", headers={}) == 303
        assert status(site, "POST", "/chatkit", headers={}, json={}) == 401
        tag = site.bare.get("/widget.js").headers["ETag"]
        assert status(site, "GET", "/widget.js", headers={"If-None-Match": tag}) == 304
        assert status(site, "GET", "/static/css/tokens.css", headers={"Range": "bytes=0-9"}) in {
            200,
            206,
        }
