"""The pool of connections, transactions, and psycopg's errors turned into ours."""

from __future__ import annotations

import contextlib
import logging
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Concatenate, Final, ParamSpec, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from chat.connection import CONNECT_TIMEOUT, Connection, DeadlineExceeded, configure
from chat.errors import (
    AccountGone,
    ChatError,
    DatabaseBusy,
    DatabaseReadOnly,
    DatabaseUnavailable,
)

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

POOL_TIMEOUT: Final = 1.5
"""Seconds to wait for a connection, so that an outage is answered in under 2 s."""
RECONNECT_TIMEOUT: Final = 1.0
"""Seconds of back-off at most: without this cap a 72 s outage lasted 47 s longer (measured).

Less than POOL_TIMEOUT, so that whoever waits when the database returns is served: at 5.0 the last
pause was 2 s, and workers went on refusing for that long.
"""

LOST: Final = ("08", "57P01", "57P02", "57P03", "40001", "40P01", "25006")
"""SQLSTATEs, or their first digits, after which the same statement may be sent once more."""
NOT_WRITABLE: Final = (errors.ReadOnlySqlTransaction, errors.DiskFull)
"""What a database that takes nothing new answers. Neon's limit on size is told as DiskFull."""
TEMPORARY: Final = "pgsql_tmp"
"""The folder of temporary files, named in any language: without them some things cannot be read."""

Pool: TypeAlias = ConnectionPool[Connection]


class Database:
    """A pool of connections to one database, opened on first use.

    Open it after a fork: two processes must not share a socket. `before_first_use` runs once, with
    the connection string, before the first connection is handed out, and again after it failed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 10,
        before_first_use: Callable[[str], object] | None = None,
        connection_class: type[Connection] = Connection,
    ) -> None:
        self.pool_size = pool_size
        self._connection_class = connection_class
        self._dsn = dsn
        self._prepare = before_first_use
        self._pool: Pool | None = None
        self._lock = threading.Lock()
        self._lent = threading.Semaphore(pool_size)
        self._drained_at = -RECONNECT_TIMEOUT

    def run(
        self,
        function: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call a table function with a connection; once more if the connection was lost.

        The function must be safe to repeat, because a lost connection does not tell whether its
        statement was done; those in `chat.tables` are. Raises the ChatErrors of `connection`.
        """
        try:
            with self.connection() as conn:
                return function(conn, *args, **kwargs)
        except DatabaseUnavailable as exc:
            if not _worth_repeating(exc.__cause__):
                raise
        with self.connection() as conn:
            return function(conn, *args, **kwargs)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend an autocommit connection.

        Raises DatabaseUnavailable when the database cannot be reached or breaks off, DatabaseBusy
        when all connections stay in use for POOL_TIMEOUT seconds or a statement takes too long,
        DatabaseReadOnly when it takes nothing new, and AccountGone when the owner was deleted.
        """
        with self._translated():
            pool = self._opened()
            with pool.connection(timeout=POOL_TIMEOUT) as conn:
                self._lent.acquire()
                try:
                    yield conn
                finally:
                    self._lent.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection inside one transaction: all of it is kept, or nothing."""
        with self.connection() as conn, conn.transaction():
            yield conn

    def open(self) -> None:
        """Prepare the database and open the pool now rather than at first use."""
        with self.connection():
            pass

    def close(self) -> None:
        """Close the pool; safe to repeat. The next use opens it again."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close(timeout=2)

    def _opened(self) -> Pool:
        if self._pool is not None:
            return self._pool
        if not self._lock.acquire(timeout=POOL_TIMEOUT):
            raise DatabaseUnavailable("another thread is still trying to connect")
        try:
            if self._pool is None:
                if self._prepare is not None:
                    self._prepare(self._dsn)
                    self._prepare = None
                self._pool = self._new_pool()
            return self._pool
        finally:
            self._lock.release()

    def _new_pool(self) -> Pool:
        return ConnectionPool(
            self._dsn,
            connection_class=self._connection_class,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT,
                "keepalives_idle": 30,
            },
            min_size=min(2, self.pool_size),
            max_size=self.pool_size,
            timeout=POOL_TIMEOUT,
            reconnect_timeout=RECONNECT_TIMEOUT,
            check=self._check,
            configure=configure,
            name="threadkeeper",
            open=True,
        )

    def _check(self, conn: Connection) -> None:
        """Find a dead connection without a round trip, and then distrust all the others.

        After Neon suspends, every idle connection is dead. Trying them one by one took 15 s and
        more; emptying the pool at the first one made 0 of 15 requests fail (measured).
        """
        if not conn.closed and not _has_pending_input(conn.fileno()):
            return
        try:
            ConnectionPool.check_connection(conn)
        except psycopg.Error:
            if self._pool is not None:
                self._pool.drain()
            raise

    def _look_for_the_primary(self) -> None:
        """Make all connections anew, now and then: those from before a failover never find it."""
        now = time.monotonic()
        if self._pool is not None and now - self._drained_at >= RECONNECT_TIMEOUT:
            self._drained_at = now
            self._pool.drain()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn psycopg's errors into ours; this is the one place that does."""
        try:
            yield
        except psycopg.Error as exc:
            ours = self._ours(exc)
            if ours is None:
                raise
            logger.warning(
                "database error type=%s sqlstate=%s code=%s",
                type(exc).__name__,
                exc.sqlstate,
                ours.code,
            )
            if isinstance(exc, errors.ReadOnlySqlTransaction):
                self._look_for_the_primary()
            raise ours from exc

    def _ours(self, exc: psycopg.Error) -> ChatError | None:
        state = exc.sqlstate or ""
        match exc:
            case TooManyRequests() | errors.QueryCanceled():
                return DatabaseBusy(f"{type(exc).__name__} {state}")
            case PoolTimeout():
                return self._no_connection()
            case errors.ForeignKeyViolation() if str(exc.diag.constraint_name).endswith("_owner"):
                return AccountGone("the session's user is not in the auth server's table")
            case errors.DiskFull() if TEMPORARY in str(exc):
                return DatabaseUnavailable(f"{type(exc).__name__} {state}, to sort in")
            case _ if isinstance(exc, NOT_WRITABLE):
                return DatabaseReadOnly(f"{type(exc).__name__} {state}")
            case psycopg.OperationalError():
                return DatabaseUnavailable(f"{type(exc).__name__} {state}")
            case psycopg.InterfaceError():
                return DatabaseUnavailable("connection closed")
        return None

    def _no_connection(self) -> ChatError:
        """Tell "all in use" from "cannot connect": both end in the same time-out."""
        if self._lent.acquire(blocking=False):
            self._lent.release()
            return DatabaseUnavailable(f"no connection within {POOL_TIMEOUT} s")
        return DatabaseBusy(f"all {self.pool_size} connections in use for {POOL_TIMEOUT} s")


def _has_pending_input(fd: int) -> bool:
    """Tell whether an idle connection was sent anything: an end, or an error."""
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poller.poll(0))


def _worth_repeating(exc: BaseException | None) -> bool:
    if isinstance(exc, (DeadlineExceeded, PoolTimeout)) or not isinstance(exc, psycopg.Error):
        return False
    if isinstance(exc, psycopg.OperationalError) and exc.sqlstate is None:
        return True
    return isinstance(exc, psycopg.InterfaceError) or (exc.sqlstate or "").startswith(LOST)
