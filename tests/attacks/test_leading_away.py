"""E5: whatever an address, a form or a header asks for, nobody is led to another site.

Where an answer leads is read by Node's URL, which reads addresses as browsers do.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from werkzeug.test import TestResponse

from tests.attacks.addresses import THREAD, give
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_site import OWN, Site, StartSite

SHOP: Final = "https://shop.example.com"
PAGE: Final = "https://www.example.com/login"
TRICKS: Final = (
    "//evil.example",
    "///evil.example",
    "////evil.example/..",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "//\\evil.example",
    "\\/\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\r/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\r\n//evil.example",
    "/\x00/evil.example",
    "\x00//evil.example",
    "\x01\x1f//evil.example",
    " //evil.example",
    "\u00a0//evil.example",
    "\u2028//evil.example",
    "\ufeff//evil.example",
    "/\x0b/evil.example",
    "/\x85/evil.example",
    "/\u200b/evil.example",
    "/./\\evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/history/..//evil.example",
    "/history/../..//evil.example",
    "/%2e%2e//evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "%5c%5cevil.example",
    "/;//evil.example",
    "/history//evil.example",
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:\\\\evil.example",
    "http:evil.example",
    "ht\ntps://evil.example",
    "https://localhost",
    "http://localhost:8080/",
    "http://localhost@evil.example",
    "http://localhost:80@evil.example",
    "http://localhost\\@evil.example",
    "http://evil.example\\@localhost",
    "http://localhost#@evil.example\\..\\",
    "http://localhost.evil.example",
    "http://localhost\t.evil.example",
    "http://localhost\u3002evil.example",
    "http://evil\u3002example",
    "http://\u24d4vil.example",
    "http://localhost%2eevil.example",
    "http://[::1]",
    "http://[localhost",
    "http://2130706433/",
    "https://shop.example.com@evil.example",
    "https://evil@shop.example.com:443@evil.example",
    "https://shop.example.com.evil.example",
    "https://shop.example.com:444/",
    "https://shop.example.com\\.evil.example",
    "https://shop.example.com\u2024evil.example",
    "https://evilshop.example.com",
    "http://shop.example.com",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "javascript://localhost/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "blob:http://localhost/1",
    "file:///etc/passwd",
    "ftp://localhost/",
    "filesystem:http://localhost/",
    "about:blank",
    "view-source:http://localhost/",
    "/history\r\nLocation: https://evil.example",
    "/history%0d%0aLocation:%20https://evil.example",
    "/history\r\n\r\n<script>alert(1)</script>",
    "?next=//evil.example",
    "#//evil.example",
    ".evil.example",
    "@evil.example",
    ":80@evil.example",
)
READ: Final = """
let text = "";
process.stdin.on("data", (some) => (text += some)).on("end", () => {
  const read = ([address, base]) => {
    if (!URL.canParse(address, base)) return "nowhere";
    const url = new URL(address, base);
    return url.origin === "null" ? url.protocol : url.origin;
  };
  process.stdout.write(JSON.stringify(JSON.parse(text).map(read)));
});
"""
LINK: Final = re.compile(r'(?:href|action|src)="([^"]*)"')
HIDDEN: Final = re.compile(r'name="next" value="([^"]*)"')


class Led:
    """Where answers lead, by what was asked: read all at once, as a browser would."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = {*allowed, "nowhere"}
        self.ways: list[tuple[str, str]] = []
        self.asked: Counter[str] = Counter()

    def by(self, what: str, answer: TestResponse) -> TestResponse:
        """Note the headers of the answer that lead somewhere."""
        self.asked[what] += 1
        assert answer.status_code < 500, what
        for name in ("Location", "HX-Redirect", "HX-Location", "Refresh", "Content-Location"):
            self.to(answer.headers.getlist(name), answer)
        assert answer.headers.getlist("Set-Cookie") == [], what
        return answer

    def page(self, what: str, answer: TestResponse) -> None:
        """Note the links of a page as well, and where its form goes on to."""
        self.by(what, answer)
        text = answer.get_data(as_text=True)
        found = [html.unescape(way) for way in LINK.findall(text) + HIDDEN.findall(text)]
        assert found or answer.status_code != 200
        self.to(found, answer)

    def to(self, ways: Iterable[str], answer: TestResponse) -> None:
        self.ways += [(way, answer.request.base_url) for way in ways]

    def check(self) -> None:
        """Complain of every way that leads to an origin that is not allowed."""
        done = subprocess.run(
            ["node", "-e", READ],
            input=json.dumps(self.ways).encode(),
            capture_output=True,
            check=True,
        )
        origins = json.loads(done.stdout)
        assert len(origins) == len(self.ways) > 0
        away = {
            way: origin
            for (way, _), origin in zip(self.ways, origins, strict=True)
            if origin not in self.allowed
        }
        assert away == {}


@pytest.fixture
def alice(site_auth: AuthServer, site_dsn: str) -> Person:
    person = site_auth.sign_up("Alice")
    give(site_dsn, person.id)
    return person


@pytest.fixture
def open_site(start_site: StartSite) -> Site:
    return start_site(allowed_origins=frozenset({SHOP}), requests_per_minute=0)


def ask(
    site: Site, path: str, person: Person | None = None, form: object = None, **headers: str
) -> TestResponse:
    sent = {"Origin": OWN, **headers, **({"Cookie": person.cookie} if person else {})}
    return site.bare.open(
        path,
        method="GET" if form is None else "POST",
        base_url=OWN,
        data=form,
        headers=sent,
        buffered=True,
    )


@pytest.mark.measured
def test_no_word_leads_to_another_site(open_site: Site, alice: Person, figures: Figures) -> None:
    led = Led(OWN, SHOP)
    for trick in TRICKS:
        word = quote(trick, safe="", errors="surrogatepass")
        for path in ("/sign-in", "/sign-up"):
            led.by("next, signed in", ask(open_site, f"{path}?next={word}", alice))
            led.page("next, on the page", ask(open_site, f"{path}?next={word}"))
            wrong = {"email": "nobody", "password": "", "next": trick}
            led.page("next, of a form", ask(open_site, path, form=wrong))
        by_hand = {"deletion": trick, "undo": "yes"}
        led.by("deletion", ask(open_site, "/history/thr_none/delete", alice, by_hand))
        for name in ("at", "before", "after"):
            led.by(name, ask(open_site, f"/history/{THREAD}?{name}={word}", alice))
        found = led.by("the address", ask(open_site, f"/history/{word}/x?a={word}"))
        if "Location" in found.headers:
            led.by("the address, signed in", ask(open_site, found.headers["Location"], alice))
    led.check()
    assert any(way.startswith("/history") for way, _ in led.ways)
    figures.tell(
        "E5",
        "No address, form or header leads to another site",
        {
            "tricks": len(TRICKS),
            "places that lead somewhere": len(led.asked),
            "requests": led.asked.total(),
            "links and redirects read as browsers do": len(led.ways),
            "that lead away": 0,
        },
    )


def test_no_page_that_somebody_says_they_came_from_leads_away(
    open_site: Site, alice: Person
) -> None:
    led = Led(OWN)
    picked = {"id": THREAD, "action": "archive"}
    for trick in TRICKS:
        plain = re.sub(r"[\r\n\0]", "", trick).encode().decode("latin-1")
        for came in (plain, f"{OWN}{plain}", f"{OWN}/{plain}"):
            led.by("pin", ask(open_site, f"/history/{THREAD}/pin", alice, {}, Referer=came))
        led.by("some", ask(open_site, "/history/selected", alice, picked, Referer=plain))
    led.check()
    assert len(led.ways) == 4 * len(TRICKS)


def test_no_first_line_leads_to_another_site(open_site: Site, alice: Person) -> None:
    led = Led(OWN)
    for path in ("//evil.example/..", "//evil.example/history", "/\\evil.example/history"):
        for person in (alice, None):
            for wanted in (path, f"/history/{path}", f"{path}//", f"/static/{path}"):
                # As a server hands it over, which may begin with two slashes.
                overrides = {"PATH_INFO": wanted, "REQUEST_URI": wanted}
                headers = {"Cookie": person.cookie} if person else {}
                led.by(
                    wanted,
                    open_site.bare.get(
                        "/", environ_overrides=overrides, headers=headers, buffered=True
                    ),
                )
    led.ways.append(("/", OWN))
    led.check()


def test_a_sites_own_sign_in_page_is_told_no_other_site_either(start_site: StartSite) -> None:
    site = start_site(
        allowed_origins=frozenset({SHOP}), sign_in_url=PAGE, public_url=OWN, requests_per_minute=0
    )
    led = Led(OWN, SHOP)
    for trick in TRICKS:
        for path in ("/sign-in", "/sign-up"):
            found = ask(site, f"{path}?next={quote(trick, safe='')}")
            way = urlsplit(found.headers["Location"])
            assert f"{way.scheme}://{way.netloc}{way.path}" == PAGE
            led.to(parse_qs(way.query)["next"], found)
    led.check()
    assert len(led.ways) == 2 * len(TRICKS)
