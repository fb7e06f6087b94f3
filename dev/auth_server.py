"""The local Better Auth server as an object: `LocalAuth(folder, dsn=...).start() -> url`."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from dev import node, processes

START_SECONDS = 40
# What node-postgres reads, and what the same thing is called in a dsn.
PG_VARIABLES = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "dbname",
    "PGPASSWORD": "password",
}


class AuthFailed(RuntimeError):
    """The auth server did not start; the message ends with the end of its log."""


class LocalAuth:
    """A real Better Auth on 127.0.0.1 whose tables live in the database of `dsn`.

    The folder keeps its secret, so that sessions outlive a restart, and its log. `base_url` is
    by default its own address. `env` is added to the server's environment; NODE_ENV=production
    turns Better Auth's rate limiter on.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        dsn: str,
        port: int = 0,
        base_url: str | None = None,
        trusted_origins: Iterable[str] = (),
        env: Mapping[str, str] | None = None,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.folder = Path(folder)
        self.log = self.folder / "auth.log"
        self.port = port
        self._dsn = dsn
        self._base_url = base_url
        self._origins = tuple(trusted_origins)
        self._env = dict(env or {})
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the server answers; the port is chosen at the first start when none was given."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The server's pid, or None when it was not started."""
        return self._process.pid if self._process else None

    def start(self) -> str:
        """Start the server, wait until it answers, and return its url. Raises AuthFailed."""
        process = self.spawn()
        if not processes.wait_until(
            lambda: process.poll() is not None or self.answers(), seconds=START_SECONDS
        ):
            self.stop()
            raise AuthFailed(f"no answer after {START_SECONDS} s\n{self._log_tail()}")
        if process.poll() is not None:
            self.stop()
            raise AuthFailed(f"the auth server ended at once\n{self._log_tail()}")
        return self.url

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting, for a supervisor that polls `answers`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        program = node.ready_node(self._tell)
        self.port = self.port or free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), str(node.AUTH_FOLDER / "server.mjs")],
                env=self._environment(),
                # The server ends when this pipe closes, also when we are killed.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    def answers(self) -> bool:
        """Return whether the server answers an HTTP request now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/api/auth/ok")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """End the server, also a frozen one. Again does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin:
                process.stdin.close()
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Stop the process with SIGSTOP: it accepts connections and says nothing."""
        if self._process:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        if self._process:
            self._process.send_signal(signal.SIGCONT)

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "BETTER_AUTH"))}
        parts = conninfo_to_dict(self._dsn)
        database = {name: str(parts[key]) for name, key in PG_VARIABLES.items() if key in parts}
        ours = {
            "AUTH_PORT": str(self.port),
            "AUTH_BASE_URL": self._base_url or self.url,
            "AUTH_SECRET": _secret(self.folder / "secret"),
            "AUTH_TRUSTED_ORIGINS": ",".join(self._origins),
            # A person's own NODE_ENV would turn the rate limiter on.
            "NODE_ENV": "development",
        }
        return {**inherited, **database, **ours, **self._env}

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _secret(path: Path) -> str:
    with contextlib.suppress(FileExistsError):
        # Made under a name of its own first: a kill in between leaves no empty secret behind.
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)
        finally:
            fresh.unlink()
    return path.read_text()
