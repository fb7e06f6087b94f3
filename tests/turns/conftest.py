"""What the tests of turns share: Alice, at a server whose model is the local model server."""

from __future__ import annotations

import pytest

from tests.fix_auth import Person
from tests.fix_model import ModelServer
from tests.fix_server import Client, Talking


@pytest.fixture
def alice(talking: Talking, alice_session: Person) -> Client:
    return talking.server.client(alice_session)


@pytest.fixture
def model(talking: Talking) -> ModelServer:
    return talking.model
