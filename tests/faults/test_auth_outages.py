"""An auth server that is away: 503 for all, nobody signed out or let in, and back by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import pytest
import requests

from tests.faults.auth_outage import Measured, live_through, serve_everybody
from tests.fix_auth import AuthServer
from tests.fix_auth_faults import Between
from tests.fix_auth_variants import VariantServer
from tests.fix_figures import Figures
from tests.fix_postgres import Databases
from tests.fix_proxy import Proxy
from tests.fix_server import Server

SLOW = 4.0
"""Seconds that an answer of the slow server takes: one more than is waited for."""
LIMIT = {"enabled": True, "window": 2, "max": 50, "customRules": {"/sign-up/email": False}}


@dataclass(frozen=True)
class Town:
    """An app, the auth server that it asks, and that one's way to its database."""

    server: Server
    auth: AuthServer
    database: Proxy


@dataclass(frozen=True)
class Village:
    """An app, and an auth server with a rate limiter behind something that can get in the way."""

    server: Server
    auth: AuthServer
    between: Between


@pytest.fixture(scope="module")
def town(
    databases: Databases, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """The app in front of an auth server whose database can be taken away."""
    folder = tmp_path_factory.mktemp("auth-outages")
    database = Proxy(databases.create("auth_outages"))
    auth = AuthServer(folder, dsn=database.dsn)
    auth.start()
    settings = {
        "DATABASE_URL": databases.create("outages", template=migrated),
        "BETTER_AUTH_URL": auth.url,
    }
    server = Server(settings, folder / "gunicorn.log", workers=2)
    server.start()
    yield Town(server, auth, database)
    server.stop()
    auth.stop()
    database.close()


@pytest.fixture(scope="module")
def village(
    databases: Databases, migrated: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Village]:
    folder = tmp_path_factory.mktemp("auth-limits")
    auth = VariantServer(folder, dsn="", env={"AUTH_OPTIONS": json.dumps({"rateLimit": LIMIT})})
    auth.start()
    with Between(auth.url) as between:
        settings = {
            "DATABASE_URL": databases.create("limits", template=migrated),
            "BETTER_AUTH_URL": between.url,
        }
        server = Server(settings, folder / "gunicorn.log", workers=2)
        server.start()
        yield Village(server, auth, between)
        server.stop()
    auth.stop()


def down(town: Town) -> Callable[[], None]:
    town.auth.stop()
    return partial(_start, town.auth)


def frozen(town: Town) -> Callable[[], None]:
    town.auth.freeze()
    return town.auth.thaw


def without_database(town: Town) -> Callable[[], None]:
    stack = ExitStack()
    stack.enter_context(town.database.away())
    return stack.close


def with_a_frozen_database(town: Town) -> Callable[[], None]:
    town.database.freeze()
    return town.database.heal


def _id(one: object) -> str:
    return one.replace(" ", "_") if isinstance(one, str) else ""


def tell(figures: Figures, words: str, measured: Measured) -> None:
    figures.tell(
        "E1 E2", f"An auth server {words}: 503, nobody signed out, nobody in", measured.figures()
    )


@pytest.mark.parametrize(
    ("words", "outage"),
    [
        ("that is down", down),
        ("that is frozen", frozen),
        ("whose database is gone", without_database),
        pytest.param("whose database is frozen", with_a_frozen_database, marks=pytest.mark.soak),
    ],
    ids=_id,
)
@pytest.mark.measured
def test_an_auth_server_signs_nobody_out_and_lets_nobody_in(
    town: Town, figures: Figures, words: str, outage: Callable[[Town], Callable[[], None]]
) -> None:
    measured = live_through(town.server, town.auth, lambda: outage(town), figures.room(4))

    tell(figures, words, measured)


def breaking(village: Village) -> Callable[[], None]:
    village.between.status = 500
    return lambda: setattr(village.between, "status", None)


def slow(village: Village) -> Callable[[], None]:
    village.between.delay = SLOW
    return lambda: setattr(village.between, "delay", 0.0)


def limiting(village: Village) -> Callable[[], None]:
    """Use up what Better Auth's own limiter gives this machine; it opens when nobody may ask."""
    while _status_of_limiter(village) != 429:
        pass

    def end() -> None:
        while _status_of_limiter(village) == 429:
            time.sleep(0.05)

    return end


def _start(auth: AuthServer) -> None:
    auth.start()


def _status_of_limiter(village: Village) -> int:
    url = f"{village.auth.url}/api/auth/get-session"
    return requests.get(url, headers={"X-Forwarded-For": "127.0.0.1"}, timeout=30).status_code


@pytest.mark.parametrize(
    ("words", "outage"),
    [
        ("that answers 500", breaking),
        ("that takes longer than we wait", slow),
        ("whose own rate limiter refuses us", limiting),
    ],
    ids=_id,
)
@pytest.mark.measured
def test_an_auth_server_that_fails_otherwise_does_the_same(
    village: Village, figures: Figures, words: str, outage: Callable[[Village], Callable[[], None]]
) -> None:
    measured = live_through(village.server, village.auth, lambda: outage(village), figures.room(4))

    tell(figures, words, measured)


def test_a_restart_that_nobody_notices_costs_nobody_an_answer(town: Town, figures: Figures) -> None:
    """The connections that were kept are dead afterwards, in every worker."""
    before = [town.auth.sign_up(f"Early {number}") for number in range(4)]
    after = [town.auth.sign_up(f"Late {number}") for number in range(8)]
    for person in before:
        assert town.server.client(person).get("/chatkit/session").json()["user"] is not None

    town.auth.stop()
    town.auth.start()
    answers = [town.server.client(person).get("/chatkit/session") for person in after]

    failed = [each.text for each in answers if not (each.ok and each.json()["user"])]
    assert not failed
    serve_everybody(town.server, after[0])
    figures.tell(
        "E2 R2",
        "An auth server that was restarted between two requests costs nobody an answer",
        {
            "first requests after it": len(answers),
            "failed": len(failed),
            "slowest, s": round(max(each.elapsed.total_seconds() for each in answers), 2),
        },
    )
