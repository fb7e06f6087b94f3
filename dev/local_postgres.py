"""PostgreSQL in a folder: started on demand, shared by processes, stopped by the last one.

    dsn = LocalPostgres("var/postgres").start()

It survives kill -9 of anything. Who uses the server holds a shared flock, which the kernel drops
with the process, and a lock file that a dead server left behind is recognised even when its pid
is now a zombie or belongs to another program.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import locale
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import make_conninfo

from dev import postgres_binaries, processes
from dev.postgres_account import Account, choose_account, socket_folder

# Above the largest pid of Linux (2^22) and of macOS (99999), so it is never alive.
DEAD_PID = 4194305
SETTINGS = {
    "listen_addresses": "''",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}


class PostgresFailed(RuntimeError):
    """One of PostgreSQL's programs failed; the message ends with what it and the log said."""


class LocalPostgres:
    """A server whose data, log and locks live in one folder, reached through a Unix socket only.

    `settings` are further lines of postgresql.conf, values quoted as that file wants them; they
    count when this object is the one that really starts the server.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        user: str = "app",
        dbname: str = "app",
        settings: Mapping[str, str] | None = None,
        timeout: int = 60,
    ) -> None:
        self.root = Path(folder).resolve()
        self.data = self.root / "data"
        self.log = self.root / "server.log"
        self.user, self.dbname, self.timeout = user, dbname, timeout
        self._settings = dict(settings or {})
        self._reference: IO[str] | None = None
        self._holder = 0
        self._account = Account()
        self._binaries: postgres_binaries.Binaries | None = None

    @property
    def dsn(self) -> str:
        """How to reach the database; known before the server runs."""
        folder = str(socket_folder(self.root))
        return make_conninfo(host=folder, port=5432, user=self.user, dbname=self.dbname)

    @property
    def account(self) -> Account:
        """Who runs the server, and so who can reach its socket; known once it has started."""
        return self._account

    def start(self) -> str:
        """Have the server running and return its dsn; again is allowed, and restarts a dead one."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._gate():
            self._hold()
            try:
                self._prepare()
                if self._postmaster() is None:
                    self._launch()
                self._wait()
            except BaseException:
                self._leave()
                raise
        return self.dsn

    def stop(self) -> None:
        """Give up this user's share; the server ends with the last one. Again does nothing."""
        # A forked child leaves the share to its parent, who still uses it.
        if self._reference is None or self._holder != os.getpid():
            return
        with self._gate():
            self._leave()

    def postmaster(self) -> int | None:
        """Return the pid of the running server, or None."""
        return self._postmaster()

    @contextlib.contextmanager
    def _gate(self) -> Iterator[None]:
        with (self.root / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _hold(self) -> None:
        if self._reference is None:
            self._reference = (self.root / "users.lock").open("a")
            self._holder = os.getpid()
            atexit.register(self.stop)
        fcntl.flock(self._reference, fcntl.LOCK_SH)

    def _leave(self) -> None:
        reference, self._reference = self._reference, None
        if reference is None:
            return
        atexit.unregister(self.stop)
        with reference, contextlib.suppress(BlockingIOError):
            # It blocks while somebody else still uses the server.
            fcntl.flock(reference, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._shut_down()

    def _prepare(self) -> None:
        version = self.data / "PG_VERSION"
        # The marker outlives a kill in the middle of initdb, and then it is begun again.
        whole = version.exists() and not (self.root / "initialising").exists()
        self._binaries = postgres_binaries.choose(int(version.read_text()) if whole else None)
        self._account = choose_account(self.root, self._binaries.folder)
        if not whole:
            self._initialise(self._binaries.major)

    def _initialise(self, major: int) -> None:
        marker = self.root / "initialising"
        marker.touch()
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        self._account.give(self.data)
        words = ["-D", str(self.data), "-U", self.user, "--encoding=UTF8", *_locale_words(major)]
        self._run("initdb", *words, "--auth-local=trust", "--auth-host=reject")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'local.conf'\n")
        create = f'CREATE DATABASE "{self.dbname}";\n'
        self._run("postgres", "--single", "-D", str(self.data), "postgres", stdin=create)
        marker.unlink()

    def _launch(self) -> None:
        self._end_orphans()
        self._bury_lock_files()
        self._configure()
        words = ["-D", str(self.data), "-w", "-t", str(self.timeout), "-l", str(self.log)]
        self._run("pg_ctl", "start", *words)

    def _shut_down(self) -> None:
        if self._postmaster() is None:
            return
        words = ["-D", str(self.data), "-m", "fast", "-w", "-t", "30"]
        self._run("pg_ctl", "stop", *words)
        # It may be in the temporary folder, where nobody else would ever remove it.
        with contextlib.suppress(OSError):
            socket_folder(self.root).rmdir()

    def _configure(self) -> None:
        folder = socket_folder(self.root)
        self._account.give_folder(folder)
        quoted = str(folder).replace("'", "''")
        lines = {**SETTINGS, "unix_socket_directories": f"'\"{quoted}\"'", **self._settings}
        conf = self.data / "local.conf"
        conf.write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
        self.log.touch()
        for path in (conf, self.log):
            self._account.give(path)

    def _postmaster(self) -> int | None:
        try:
            pid = int((self.data / "postmaster.pid").read_text().partition("\n")[0])
        except (OSError, ValueError):
            return None
        process = processes.find(pid)
        ours = process and "postgres" in process.command and str(self.data) in process.command
        return pid if ours else None

    def _end_orphans(self) -> None:
        # Backends of a killed postmaster keep the shared memory, and the next start is refused
        # while a busy one lives. Idle ones are gone by themselves within milliseconds.
        def orphans() -> list[int]:
            return [
                process.pid
                for process in processes.everything()
                if process.command.startswith("postgres:") and process.folder == self.data
            ]

        if processes.wait_until(lambda: not orphans(), seconds=0.3):
            return
        for pid in orphans():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        processes.wait_until(lambda: not orphans(), seconds=5)

    def _bury_lock_files(self) -> None:
        # They get a pid that cannot exist and are not deleted: PostgreSQL then still checks that
        # nobody holds the shared memory named in them.
        socket_lock = socket_folder(self.root) / ".s.PGSQL.5432.lock"
        for path in (self.data / "postmaster.pid", socket_lock):
            with contextlib.suppress(FileNotFoundError):
                path.write_text(f"{DEAD_PID}\n{path.read_text().partition(chr(10))[2]}")

    def _wait(self) -> None:
        def answers() -> bool:
            try:
                psycopg.connect(self.dsn, connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        if not processes.wait_until(answers, seconds=self.timeout):
            raise PostgresFailed(f"no answer after {self.timeout} s\n{self._log_tail()}")

    def _run(self, program: str, *words: str, stdin: str = "") -> None:
        if self._binaries is None:
            raise PostgresFailed("start() has to come first")
        # A file, not a pipe: the server inherits it, and a pipe would never close.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [*self._account.prefix, self._binaries.folder / program, *words],
                input=stdin.encode(),
                stdout=said,
                stderr=subprocess.STDOUT,
                env=_plain_environment(),
                cwd="/",
                timeout=self.timeout + 30,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=None if self._account.uid is None else [],
            )
            said.seek(0)
            text = said.read().strip()
        if done.returncode:
            tail = self._log_tail()
            raise PostgresFailed(f"{program} failed ({done.returncode}): {text[-800:]}\n{tail}")

    def _log_tail(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])


def _plain_environment() -> dict[str, str]:
    # The person's own PGHOST, PGOPTIONS or locale would bend the server.
    bent = ("PG", "LC_", "LANG")
    return {k: v for k, v in os.environ.items() if not k.startswith(bent)} | {"LC_ALL": "C"}


def _locale_words(major: int) -> list[str]:
    words = [f"--locale={_utf8_locale()}"]
    if major >= 17:
        # The order of words then depends on PostgreSQL alone, whatever libc does.
        words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return words


def _utf8_locale() -> str:
    # Without UTF-8 in LC_CTYPE, lower() and ILIKE know ASCII letters only.
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8", "UTF-8"):
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_CTYPE, name)
                return name
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
