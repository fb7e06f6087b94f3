"""The shipped server, a crowd that is signed in at it, and a model that answers all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from chatkit.types import InferenceOptions, ThreadMetadata, UserMessageItem, UserMessageTextContent

from chat.connection import Connection
from chat.db import Database
from chat.neon_store import new_id
from chat.stream import allow_descriptors
from chat.tables import threads
from tests.faults.processes import workers_of
from tests.fix_auth import AuthServer
from tests.fix_postgres import Databases
from tests.fix_server import ROOT, Server, StartServer
from tests.fix_store import NOON
from tests.fix_turns import eventually
from tests.load.crowd import Crowd
from tests.load.model import DESCRIPTORS
from tests.load.people import Somebody, signed_in
from tests.load.visits import Visits
from tests.load.weight import Scales

THREADS_EACH = 4


@dataclass
class Place:
    """A server with its defaults, and a crowd at it."""

    server: Server
    crowd: Crowd
    visits: Visits
    scales: Scales


FillPlace = Callable[..., Place]


@pytest.fixture
def fill_place(
    start_server: StartServer, auth: AuthServer, databases: Databases, dsn: str
) -> Iterator[FillPlace]:
    """Start two workers with further settings by name, and have so many people signed in."""
    with ExitStack() as stack:

        def fill(count: int, *, visits: float, pause: float, **settings: str) -> Place:
            allow_descriptors(DESCRIPTORS)
            people = signed_in(auth, databases.dsn("auth"), count)
            _give_threads(dsn, people)
            model_port = stack.enter_context(_model(pause))
            model = {
                "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
                "CHAT_MODEL": "test-model",
            }
            server = start_server(workers=2, **model, **settings)
            _warm(server)
            crowd = Crowd(server.port, model_port, people)
            return Place(server, crowd, Visits(crowd, visits), Scales(workers_of(server)))

        yield fill


class _model:
    """A model for many in a process of its own; inside, its port."""

    def __init__(self, pause: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.load.model", str(pause)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.communicate()


def _warm(server: Server) -> None:
    """Wait until all workers have been asked and are ready, as a load balancer does."""
    for _ in range(20):
        eventually(lambda: server.client().get("/readyz").status_code == 200, 20)


def _give_threads(dsn: str, people: list[Somebody]) -> None:
    """Have each of them own some threads already."""
    database = Database(dsn, pool_size=1)
    with database.connection() as conn:
        for one in people:
            for number in range(THREADS_EACH):
                _give_thread(conn, one, number)
    database.close()


def _give_thread(conn: Connection, one: Somebody, number: int) -> None:
    thread_id, title = new_id("thread"), f"Trip {number} of {one.mark}"
    message = UserMessageItem(
        id=new_id("message"),
        thread_id=thread_id,
        created_at=NOON,
        content=[UserMessageTextContent(text=f"{one.mark} plans trip {number}")],
        inference_options=InferenceOptions(),
    )
    thread = ThreadMetadata(id=thread_id, title=title, created_at=NOON)
    threads.start(conn, user_id=one.id, thread=thread, first_item=message)
    one.threads[thread_id] = title
