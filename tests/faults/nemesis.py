"""What breaks workers, database and network, at moments and in an order that a seed chooses."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import psycopg

from dev import processes
from dev.local_postgres import LocalPostgres
from tests.faults.processes import workers_of
from tests.fix_proxy import Proxy
from tests.fix_server import Server

LOST_ANSWERS: Final = (
    (b"COMMIT", b"-- chat.turns.begin"),
    (b"COMMIT", b"-- chat.turn_ends.end"),
    (b"-- chat.turn_logs.checkpoint", b""),
    (b"-- chat.turns.find_by_key", b""),
)
"""What PostgreSQL does without the app hearing of it, and the statement before it."""
TERMINATE: Final = """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE backend_type = 'client backend'
       AND pid <> pg_backend_pid()
"""


class Nemesis:
    """Does one thing after the other to a server, its PostgreSQL and the way between them."""

    def __init__(
        self,
        server: Server,
        proxy: Proxy,
        postgres: LocalPostgres,
        rng: random.Random,
        *,
        longest: float,
    ) -> None:
        self._longest = longest
        self.struck: Counter[str] = Counter()
        self._server, self._proxy, self._postgres, self._rng = server, proxy, postgres, rng
        self._faults: dict[str, Callable[[], None]] = {
            "kill -9 of a worker": self._kill_worker,
            "kill -9 of gunicorn": self._kill_server,
            "kill -9 of PostgreSQL": self._kill_postgres,
            "immediate stop of PostgreSQL": self._stop_postgres,
            "all backends terminated": self._terminate,
            "all connections cut": proxy.cut,
            "database refused": self._refuse,
            "database frozen": self._freeze,
            "database slow": self._slow,
            "an answer lost": self._lose_answer,
        }

    @property
    def kinds(self) -> list[str]:
        """The names of all faults, in an order of this run's own."""
        return self._rng.sample(list(self._faults), len(self._faults))

    def strike(self, kind: str) -> None:
        """Let it happen; returns when what was down is up again, though hardly anybody knows."""
        self._faults[kind]()
        self.struck[kind] += 1

    def _kill_worker(self) -> None:
        workers = workers_of(self._server)
        # There is none while the last one that was killed is being replaced.
        if workers:
            os.kill(self._rng.choice(workers), signal.SIGKILL)

    def _kill_server(self) -> None:
        self._server.kill()
        self._server.start()

    def _kill_postgres(self) -> None:
        """SIGKILL the postmaster and all its children, and start it again."""
        postmaster = self._postgres.postmaster()
        assert postmaster is not None
        family = [
            process.pid
            for process in processes.everything()
            if "postgres" in process.command and process.folder == self._postgres.data
        ]
        for pid in {postmaster, *family}:
            # Children go by themselves too, when they find their parent gone.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._start_postgres()

    def _stop_postgres(self) -> None:
        """Do what `pg_ctl stop -m immediate` does, and start it again."""
        postmaster = self._postgres.postmaster()
        assert postmaster is not None
        os.kill(postmaster, signal.SIGQUIT)
        self._start_postgres()

    def _start_postgres(self) -> None:
        assert processes.wait_until(lambda: self._postgres.postmaster() is None, seconds=30)
        self._postgres.start()

    def _terminate(self) -> None:
        with psycopg.connect(self._postgres.dsn) as conn:
            conn.execute(TERMINATE)

    def _refuse(self) -> None:
        with self._proxy.away():
            self._wait()

    def _freeze(self) -> None:
        self._proxy.freeze()
        self._wait()
        self._proxy.thaw()

    def _slow(self) -> None:
        self._proxy.delay(self._rng.uniform(0.02, 0.2))
        self._wait()
        self._proxy.delay(0)

    def _lose_answer(self) -> None:
        trip, after = self._rng.choice(LOST_ANSWERS)
        self._proxy.drop_one_answer(trip, after=after)
        lost = processes.wait_until(lambda: self._proxy.answer_dropped, seconds=60)
        assert lost, f"nothing was asked of the database: {trip!r}"

    def _wait(self) -> None:
        time.sleep(self._rng.uniform(0.5, self._longest))
