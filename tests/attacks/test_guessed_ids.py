"""I3: foreign and missing cost the same: the same statements, and the same time.

That they read the same, byte for byte, is in tests/isolation/test_http_machine.py.
"""

from __future__ import annotations

import http.client
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from tests.attacks.addresses import give
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_proxy import Proxy
from tests.fix_server import StartServer
from tests.fix_site import OWN, Site, StartSite
from tests.isolation.http_routes import KNOCKS, Builder, Ids, Knock, ask, get, post

THREADS: Final = 20
ASIDE: Final = "d" * 32
BY_ITSELF: Final = ("chat.deletions.purge", "chat.deletions.next_due", "chat.search_words.")
PAIRS_FULL: Final = 400
MOST_ERRORS: Final = 4.0
"""Standard errors between two medians that are one: by chance more come once in 16 000 times."""
UNSEEN: Final = 0.000_2
"""Seconds that nobody can tell apart over a network, whatever the statistics say."""
TIMED: Final[dict[str, Builder]] = {
    "threads.get_by_id": ask("threads.get_by_id", thread_id="{thread}"),
    "items.list": ask("items.list", thread_id="{thread}", after="{item}"),
    "threads.update": ask("threads.update", thread_id="{thread}", title="Mine now"),
    "the page": get("/history/{thread}"),
    "an export": get("/history/{thread}/export.md"),
    "the running turn": get("/chatkit/turns/{thread}"),
    "a pin": post("/history/{thread}/pin"),
}
_missing = count(1)


FILES: Final = {
    "/static/<path:filename>": "a file of the app's own, the same for everybody",
    "/assets/<version>/<path:filename>": "likewise; a version is the app's, and nobody's",
}
"""Addresses with a part that can be guessed, but is the name of nothing that a person has."""


def foreign(number: int) -> Ids:
    """Return what Alice has."""
    thread = f"thr_{number:034d}"
    return Ids(thread, f"msg_{thread}", ASIDE)


def missing() -> Ids:
    """Return what nobody has, of the same length."""
    thread = f"thr_{next(_missing) + 10**6:034d}"
    return Ids(thread, f"msg_{thread}", uuid4().hex)


def give_alice(dsn: str, alice: Person) -> None:
    """Give Alice threads, and set the last of them aside for long."""
    ids = [foreign(number).thread for number in range(THREADS)]
    give(dsn, alice.id, ids)
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "UPDATE chatkit_thread SET deleted_at = now() + interval '1 day', deletion_id = %s"
            " WHERE user_id = %s AND id = %s",
            [ASIDE, alice.id, ids[-1]],
        )


def test_foreign_and_missing_ask_the_database_the_same(
    start_site: StartSite, site_auth: AuthServer, site_dsn: str
) -> None:
    alice, mallory = site_auth.sign_up("Alice"), site_auth.sign_up("Mallory")
    proxy = Proxy(site_dsn)
    site = start_site(database_url=proxy.dsn, requests_per_minute=0, turns_per_minute=0)
    give_alice(site_dsn, alice)
    try:
        send(site, mallory, KNOCKS[0](missing()))
        for build in KNOCKS:
            asked = {}
            for kind, ids in (("missing", missing()), ("foreign", foreign(0))):
                proxy.take_statements()
                status = send(site, mallory, build(ids))
                asked[kind] = (status, asked_for_somebody(proxy.take_statements()))
            assert asked["foreign"] == asked["missing"], str(build(foreign(0)))
    finally:
        proxy.close()


def asked_for_somebody(statements: list[str]) -> Counter[str]:
    """Count the statements of a request, without those that the app runs by itself now and then."""
    return Counter(name for name in statements if not name.startswith(BY_ITSELF))


def send(site: Site, person: Person, knock: Knock) -> int:
    headers = {"Cookie": person.cookie, "Origin": OWN}
    with site.bare.open(
        knock.path, method=knock.method, base_url=OWN, headers=headers, **knock.named
    ) as found:
        found.get_data()
        return found.status_code


class Clock:
    """Sends knocks over one connection, as somebody who wants to measure well."""

    def __init__(self, port: int, person: Person) -> None:
        self._connection = http.client.HTTPConnection("localhost", port, timeout=30)
        self._headers = {"Cookie": person.cookie, "Origin": f"http://localhost:{port}"}

    def seconds(self, knock: Knock) -> tuple[float, int]:
        """Return how long the whole answer took, and its status."""
        kind, body = "application/x-www-form-urlencoded", urlencode(knock.named.get("data", {}))
        if "json" in knock.named:
            kind, body = "application/json", json.dumps(knock.named["json"])
        headers = {**self._headers, "Content-Type": kind}
        began = time.perf_counter()
        self._connection.request(knock.method, knock.path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return time.perf_counter() - began, answer.status

    def close(self) -> None:
        self._connection.close()


def in_turn(pairs: int) -> Iterator[str]:
    """Yield both kinds so often, each pair in an order that nobody knows."""
    for _ in range(pairs):
        pair = ["foreign", "missing"]
        random.shuffle(pair)
        yield from pair


def compared(clock: Clock, build: Builder, pairs: int) -> tuple[float, float, float]:
    """Return the medians of foreign and missing, and the error of their difference."""
    took: dict[str, list[float]] = {"foreign": [], "missing": []}
    for number, kind in enumerate(in_turn(pairs)):
        ids = foreign(number % (THREADS - 1)) if kind == "foreign" else missing()
        seconds, status = clock.seconds(build(ids))
        assert status == 404
        took[kind].append(seconds)
    ours, none = took.values()
    return statistics.median(ours), statistics.median(none), error_of(ours, none)


def error_of(*samples: list[float]) -> float:
    """Return the standard error of a difference of medians, which no single slow answer moves."""
    squares = 0.0
    for sample in samples:
        middle = statistics.median(sample)
        spread = statistics.median(abs(one - middle) for one in sample) * 1.4826
        squares += (1.2533 * spread) ** 2 / len(sample)
    return float(squares**0.5)


@pytest.mark.soak
def test_foreign_and_missing_take_the_same_time(
    start_server: StartServer, auth: AuthServer, figures: Figures
) -> None:
    server = start_server(REQUESTS_PER_MINUTE="0", TURNS_PER_MINUTE="0")
    alice, mallory = auth.sign_up("Alice"), auth.sign_up("Mallory")
    give_alice(server.dsn, alice)
    clock, measured, apart = Clock(server.port, mallory), {}, []
    for name, build in TIMED.items():
        compared(clock, build, 20)
        ours, none, error = compared(clock, build, PAIRS_FULL)
        if abs(ours - none) >= max(MOST_ERRORS * error, UNSEEN):
            apart.append((name, ours, none, error))
        measured[f"{name}: foreign, missing, ms"] = f"{ours * 1000:.3f}, {none * 1000:.3f}"
    clock.close()
    assert not apart
    figures.tell(
        "I3",
        "Foreign and missing take the same time",
        {"pairs each": PAIRS_FULL, "requests that can be told apart": len(apart), **measured},
    )


def test_every_address_with_an_id_is_knocked_at(site: Site) -> None:
    app: Flask = site.app
    named = {rule.rule for rule in app.url_map.iter_rules() if "<" in rule.rule}
    knocked = {(knock.method, knock.path) for knock in (build(foreign(0)) for build in KNOCKS)}
    adapter = app.url_map.bind("localhost")
    found = {
        str(adapter.match(path.split("?")[0], method, return_rule=True)[0].rule)
        for method, path in knocked
    }
    assert named - found == FILES.keys()
