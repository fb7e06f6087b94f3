"""Our app in front of a real auth server, and a browser at it, without gunicorn in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.test import TestResponse

from app import create_app
from chat.config import Settings
from chat.web.services import EXTENSION
from tests.fix_auth import PASSWORD, AuthServer
from tests.fix_postgres import Databases

OWN = "http://localhost"
StartSite = Callable[..., "Site"]
_numbers = count(1)


class Compiled(BytecodeCache):
    """Templates that an app of this process has compiled; it takes longer than all else they do."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class Site:
    """A browser at one app, and `bare`: a client that sends the headers that it is given."""

    def __init__(self, settings: Settings, origin: str = OWN) -> None:
        self.origin = origin
        self.app = create_app(settings)
        self.app.jinja_env.bytecode_cache = COMPILED
        self.browser: FlaskClient = self.app.test_client()
        self.bare: FlaskClient = self.app.test_client(use_cookies=False)

    def get(self, path: str, **named: Any) -> TestResponse:
        """Open a page."""
        return self.browser.get(path, base_url=self.origin, **named)

    def post(self, path: str, form: dict[str, str], **headers: str) -> TestResponse:
        """Send a form from a page of the site."""
        words = {"Origin": self.origin, **headers}
        return self.browser.post(path, base_url=self.origin, data=form, headers=words)

    def sign_up(self, **more: str) -> TestResponse:
        """Send the form for a new account, by default Alice's."""
        email = f"alice-{next(_numbers)}@example.com"
        form = {"name": "Alice", "email": email, "password": PASSWORD, **more}
        return self.post("/sign-up", form)


@pytest.fixture(scope="session")
def site_auth(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthServer]:
    """A real auth server that trusts the origin of the site."""
    server = AuthServer(
        Path(tmp_path_factory.mktemp("site-auth")),
        dsn=databases.create("site_auth"),
        trusted_origins=(OWN,),
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def site_dsn(databases: Databases, migrated: str) -> str:
    """One database for all sites: their people are different each time."""
    return databases.create("site", template=migrated)


@pytest.fixture
def start_site(site_dsn: str, site_auth: AuthServer) -> Iterator[StartSite]:
    """Start the app with these settings; by default in front of the auth server above."""
    started: list[Site] = []

    def start(origin: str = OWN, **settings: Any) -> Site:
        defaults = {"database_url": site_dsn, "auth_url": site_auth.url}
        started.append(Site(Settings(**{**defaults, **settings}), origin))
        return started[-1]

    yield start
    for site in started:
        services = site.app.extensions[EXTENSION]
        services.loop.stop()
        services.turns.keeper._store.database.close()
        services.database.close()


@pytest.fixture
def site(start_site: StartSite) -> Site:
    """The app with its defaults, and a fresh browser."""
    return start_site()
