"""What waits for a database that does not answer is told so, however many have asked before."""

from __future__ import annotations

import asyncio
import time

from chat.connection import STATEMENT_DEADLINE, Connection
from chat.context import RequestContext
from chat.db import POOL_TIMEOUT, Database
from chat.errors import DatabaseBusy
from chat.neon_store import THREADS_EACH, NeonStore
from tests.fix_store import a_message, a_thread

MANY = 20


async def test_nobody_waits_for_all_who_asked_before(
    by_hand: Connection, dsn: str, alice: RequestContext
) -> None:
    database = Database(dsn, pool_size=1)
    store = NeonStore(database)
    await store.start_thread(a_thread(), a_message(), alice)
    with by_hand.transaction():
        by_hand.execute("SELECT FROM chatkit_thread FOR UPDATE")
        began = time.monotonic()
        asked = [store.rename_thread("thr_1", "New", alice) for _ in range(MANY * THREADS_EACH)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        took = time.monotonic() - began

    refused = [answer for answer in answers if isinstance(answer, DatabaseBusy)]
    assert len(refused) >= len(asked) - THREADS_EACH
    # One after the other it would be MANY times as long as one may wait for a connection.
    assert took < (MANY / 2) * POOL_TIMEOUT + STATEMENT_DEADLINE
    database.close()
