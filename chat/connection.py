"""One connection to PostgreSQL: it waits for nobody for ever, and sends what can be stored.

Works directly and through a transaction pooler (PgBouncer, Neon's `-pooler` hosts): autocommit, no
session state, no server-side prepared statements, no start-up options.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, Self

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.types.string import StrDumperUnknown

from chat.text import clean

CONNECT_TIMEOUT: Final = 3
"""Seconds to open one connection; libpq takes whole seconds and at least 2."""
STATEMENT_DEADLINE: Final = 3.0
"""Seconds that any one statement may keep its thread, whatever the server's host does."""


class _CleanStrDumper(StrDumperUnknown):
    """Sends text that PostgreSQL can always store: see `chat.text.clean`."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(clean(obj))


class DeadlineExceeded(psycopg.OperationalError):
    """The server said nothing for STATEMENT_DEADLINE seconds; the connection is closed."""


class Connection(psycopg.Connection[Any]):
    """A connection that a frozen server cannot hold for ever.

    TCP's own time-outs do not bound the wait (measured: 15 s with `tcp_user_timeout`), so every
    wait has a deadline here.
    """

    deadline = STATEMENT_DEADLINE
    walled = False
    """Whether PostgreSQL itself asks for the owner too: see `chat.wall`."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Connect as psycopg does, and never prepare a statement.

        Behind a transaction pooler the next statement may meet a server that has not prepared it,
        or one on which somebody else's has its name.
        """
        return super().connect(conninfo, prepare_threshold=None, **options)

    def execute_for_everybody(self, query: str, params: Any = None) -> psycopg.Cursor[Any]:
        """Run a statement that serves a worker and not a person; there are very few of them."""
        return self.execute(query, params)

    @contextlib.contextmanager
    def patient(self, seconds: float) -> Iterator[None]:
        """Let statements take longer: for work in the background, which keeps nobody waiting."""
        self.deadline = seconds
        try:
            yield
        finally:
            self.deadline = STATEMENT_DEADLINE

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does, until the deadline at most; raise DeadlineExceeded."""
        try:
            return super().wait(gen, interval, self.deadline if timeout is None else timeout)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise DeadlineExceeded(f"no answer within {self.deadline} s") from None


def configure(conn: Connection) -> None:
    """Let a new connection of the pool send clean text."""
    conn.adapters.register_dumper(str, _CleanStrDumper)
