"""One store for all tests of the model: they take ids from it and never write to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chat.db import Database
from chat.neon_store import NeonStore
from tests.fix_postgres import Databases


@pytest.fixture(scope="session")
def quiet_store(databases: Databases, migrated: str) -> Iterator[NeonStore]:
    database = Database(databases.create("model", template=migrated), pool_size=2)
    yield NeonStore(database)
    database.close()
    databases.drop("model")


@pytest.fixture
def store(quiet_store: NeonStore) -> NeonStore:
    return quiet_store
