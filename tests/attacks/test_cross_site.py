"""E5: what another site makes a browser send, in every combination that it could choose."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from typing import Final
from urllib.parse import urlencode

import psycopg
import pytest
from werkzeug.test import TestResponse

from tests.attacks.addresses import Address, a_message_to, changing, form_of, give
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_site import OWN, Site, StartSite
from tests.isolation.footprints import Footprints

SHOP: Final = "https://shop.example.com"
ORIGINS: Final = (
    None,
    OWN,
    SHOP,
    "https://evil.example",
    "null",
    "",
    "*",
    f"{OWN}.evil.example",
    f"{OWN}:8080",
    f"{OWN}:80",
    f"{OWN}/",
    "http://evillocalhost",
    "https://localhost",
    "HTTP://LOCALHOST",
    "http://evil@localhost",
    f"{OWN}, {OWN}",
    f"{SHOP}.evil.example",
    f"{SHOP}.",
    f"{SHOP}:444",
    f"{SHOP}, {SHOP}",
    "https://evilshop.example.com",
    "https://www.shop.example.com",
    "http://shop.example.com",
    "https://SHOP.example.com",
    "https://evil@shop.example.com",
)
SITES: Final = (None, "same-origin", "none", "same-site", "cross-site")
JSON: Final = ("application/json", "application/json; charset=utf-8")
KINDS: Final = (
    *JSON,
    "text/plain",
    "text/plain; application/json",
    "application/vnd.api+json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=cut",
    None,
)
NOT_SIGNED_IN: Final = "better-auth.session_token=made-up"
RENEW: Final = (
    "DELETE FROM chatkit_thread WHERE user_id = %(bob)s",
    "INSERT INTO chatkit_thread (user_id, id, title, document, last_position)"
    " SELECT %(bob)s, id, title, document, last_position"
    "   FROM chatkit_thread WHERE user_id = %(alice)s",
    "INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, document)"
    " SELECT %(bob)s, thread_id, position, id, kind, document"
    "   FROM chatkit_thread_item WHERE user_id = %(alice)s",
)
ALONE: Final = frozenset({"/sign-in", "/sign-up", "/history/deletions/<deletion_id>/undo"})
"""What the matrix cannot do for its own site: there is no such account and no such deletion."""


def may_change(origin: str | None, fetch_site: str | None, *, chat: bool) -> bool:
    """The rule, in the fewest words: our own page, or at the chat one of a listed origin."""
    if chat and origin == SHOP:
        return True
    ours = origin in {None, OWN} and fetch_site in {None, "same-origin", "none"}
    return ours and (origin, fetch_site) != (None, None)


def body_of(address: Address, person: Person, kind: str | None) -> bytes:
    if address.path == "/chatkit":
        return json.dumps(a_message_to()).encode()
    form = form_of(address, person)
    if kind is not None and kind.startswith("multipart"):
        parts = [
            f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form.items()
        ]
        return "".join([*parts, "--cut--\r\n"]).encode()
    return urlencode(form).encode()


class Matrix:
    """Sends every combination: those that must be refused as Alice, the others as Bob.

    So what is Alice's must never change, and what is Bob's may be given to him anew.
    """

    def __init__(self, site: Site, auth: AuthServer, dsn: str) -> None:
        self.site = site
        self.alice, self.bob = auth.sign_up("Alice"), auth.sign_up("Bob")
        self.footprints = Footprints(dsn)
        self.conn = psycopg.connect(dsn, autocommit=True)
        self.sent: Counter[str] = Counter()
        self.done: set[str] = set()
        give(dsn, self.alice.id)
        self.before = self.look()

    def look(self) -> str:
        return self.footprints.of([self.alice.id])[self.alice.id]

    def send(
        self, address: Address, origin: str | None, fetch_site: str | None, kind: str | None
    ) -> None:
        if may_change(origin, fetch_site, chat=address.is_chat):
            self.check_taken(address, self.ask(address, origin, fetch_site, kind, self.bob), kind)
        else:
            answer = self.ask(address, origin, fetch_site, kind, self.alice)
            self.check_refused(answer, (address, origin, fetch_site, kind))
        self.check_readable(address, origin)

    def ask(
        self,
        address: Address,
        origin: str | None,
        fetch_site: str | None,
        kind: str | None,
        person: Person,
    ) -> TestResponse:
        cookie, form = person.cookie, person
        if person is self.bob:
            self.renew()
            cookie = NOT_SIGNED_IN if address.path.startswith("/sign-") else cookie
        sent = {
            "Cookie": cookie,
            "Origin": origin,
            "Sec-Fetch-Site": fetch_site,
            "Content-Type": kind,
        }
        self.answer = self.site.bare.open(
            address.path,
            method=next(iter(address.methods - {"GET", "HEAD", "OPTIONS"})),
            base_url=OWN,
            data=body_of(address, form, kind),
            headers={name: value for name, value in sent.items() if value is not None},
            buffered=True,
        )
        return self.answer

    def renew(self) -> None:
        """Give Bob the same things as Alice, and nothing else."""
        for statement in RENEW:
            self.conn.execute(statement, {"alice": self.alice.id, "bob": self.bob.id})

    def check_refused(self, answer: TestResponse, what: object) -> None:
        self.sent["refused"] += 1
        assert answer.status_code == 403, what
        assert "Set-Cookie" not in answer.headers, what
        assert self.look() == self.before, what

    def check_taken(self, address: Address, answer: TestResponse, kind: str | None) -> None:
        self.sent["taken, from where they may come"] += 1
        status = answer.status_code
        if address.path == "/chatkit":
            assert status == (200 if kind in JSON else 415), (kind, answer.get_data())
        assert status != 403 and status < 500, (address, kind, answer.get_data())
        if status < 400:
            self.done.add(address.rule)

    def check_readable(self, address: Address, origin: str | None) -> None:
        named = {k: v for k, v in self.answer.headers if k.startswith("Access-Control-")}
        if address.is_chat and origin == SHOP:
            assert named["Access-Control-Allow-Origin"] == SHOP
        else:
            assert named == {}, (address, origin)


def play(site: Site, auth: AuthServer, dsn: str, *, all_of_it: bool) -> Matrix:
    """Send the matrix to all addresses, or a third of its pairs with one content type each."""
    matrix = Matrix(site, auth, dsn)
    for turn, address in enumerate(changing(site.app)):
        for number, (origin, fetch_site) in enumerate(product(ORIGINS, SITES)):
            kinds = KINDS if all_of_it else [KINDS[(number // 3) % len(KINDS)]]
            if all_of_it or number % 3 == turn % 3:
                for kind in kinds:
                    matrix.send(address, origin, fetch_site, kind)
    shown = site.bare.get("/chatkit/session", headers={"Cookie": matrix.alice.cookie})
    assert shown.get_json()["user"]["id"] == matrix.alice.id, "somebody signed Alice out"
    matrix.footprints.close()
    matrix.conn.close()
    return matrix


def told(matrix: Matrix) -> dict[str, int]:
    return {
        "addresses that change something": len(changing(matrix.site.app)),
        "combinations": matrix.sent.total(),
        **matrix.sent,
        "rows changed by a refused one": 0,
        "answers readable for an origin that is not listed": 0,
    }


def unlimited(start_site: StartSite) -> Site:
    return start_site(allowed_origins=frozenset({SHOP}), requests_per_minute=0, turns_per_minute=0)


def test_no_other_site_changes_or_reads_anything(
    start_site: StartSite, site_auth: AuthServer, site_dsn: str
) -> None:
    matrix = play(unlimited(start_site), site_auth, site_dsn, all_of_it=False)

    assert matrix.sent["refused"] > matrix.sent.total() * 0.8


@pytest.mark.soak
def test_no_other_site_changes_or_reads_anything_in_any_combination(
    start_site: StartSite, site_auth: AuthServer, site_dsn: str, figures: Figures
) -> None:
    matrix = play(unlimited(start_site), site_auth, site_dsn, all_of_it=True)

    assert {address.rule for address in changing(matrix.site.app)} - matrix.done <= ALONE
    figures.tell("E5", "Another site changes nothing and reads nothing", told(matrix))
