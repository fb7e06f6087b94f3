"""A whole server whose way to the database can be broken, and who uses it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat.migrate import migrate
from dev.local_postgres import LocalPostgres
from tests.faults.processes import free_of_faults
from tests.fix_auth import AuthServer, Person
from tests.fix_model import ModelServer
from tests.fix_postgres import Databases
from tests.fix_proxy import Proxy, proxy
from tests.fix_server import Client, Server
from tests.folders import open_folder

__all__ = ["proxy"]


@contextlib.contextmanager
def seconds_of(proxy: Proxy, seconds: float) -> Iterator[Callable[[], bool]]:
    """An outage that lasts so long; the question is whether it still does."""
    until = time.monotonic() + seconds
    with proxy.away():
        yield lambda: time.monotonic() < until
        time.sleep(max(0.0, until - time.monotonic()))


@dataclass(frozen=True)
class Faulty:
    """A server in two workers, the model that it asks, and its way to the database."""

    server: Server
    model: ModelServer
    proxy: Proxy
    dsn: str
    """How to reach the database past the proxy."""


@contextlib.contextmanager
def faulty_server(dsn: str, auth: AuthServer, folder: Path) -> Iterator[Faulty]:
    """Have a server on that database until the block ends; its log is in the folder."""
    proxy, model = Proxy(dsn), ModelServer()
    settings = {
        "DATABASE_URL": proxy.dsn,
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
    }
    server = Server(settings, folder / "gunicorn.log", workers=2)
    try:
        server.start()
        yield Faulty(server, model, proxy, dsn)
    finally:
        server.kill()
        model.close()
        proxy.close()


@pytest.fixture(scope="module")
def _faulty(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Faulty]:
    dsn = databases.create("faults", template=migrated)
    with faulty_server(dsn, auth, tmp_path_factory.mktemp("faults")) as faulty:
        yield faulty
    databases.drop("faults")


@pytest.fixture
def faulty(_faulty: Faulty) -> Iterator[Faulty]:
    """One server for the module; afterwards nothing is broken any more."""
    _faulty.model.forget()
    yield _faulty
    free_of_faults(_faulty.server, _faulty.proxy)


@pytest.fixture
def alice(faulty: Faulty, alice_session: Person) -> Client:
    return faulty.server.client(alice_session)


@pytest.fixture
def own_postgres() -> Iterator[LocalPostgres]:
    """A server for this test alone, to be killed, with our tables in it.

    It is as safe as PostgreSQL is by itself: what it has confirmed survives its death.
    """
    with open_folder("killed") as folder:
        postgres = LocalPostgres(folder)
        migrate(postgres.start())
        yield postgres
        postgres.stop()
