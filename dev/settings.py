"""The settings of `./run`: DATA_DIR here, everything else as the app and its server read it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chat.config import ServerSettings, Settings
from chat.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
LOCAL = "127.0.0.1"
# What the app is told while it is only asked whether it likes the rest.
STAND_INS = {
    "DATABASE_URL": "host=/ user=app dbname=app",
    "BETTER_AUTH_URL": "http://127.0.0.1:1",
}


@dataclass(frozen=True)
class RunSettings:
    """What `./run` itself needs to know; `environ` is what the app will be started with.

    `database_url` and `auth_url` are None where an embedded part takes the place.
    """

    port: int
    data_dir: Path
    database_url: str | None
    auth_url: str | None
    environ: dict[str, str]

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the chat."""
        return f"http://localhost:{self.port}"

    @property
    def origins(self) -> list[str]:
        """Every origin that a browser may name when it signs in through us."""
        public = self.environ.get("PUBLIC_URL")
        return [self.url, f"http://127.0.0.1:{self.port}", *([public] if public else [])]


def read(environ: Mapping[str, str]) -> RunSettings:
    """Return the settings; raise ConfigError that names every wrong one, the app's included.

    Without HOST nobody but this machine reaches it. Where the accounts are in a database of ours
    and the conversations in another, LINK_AUTH_USERS is `leave`: a "user" table beside the
    conversations holds other people, such as those of the site that runs there.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    problems: list[str] = []
    server = ServerSettings()
    try:
        server = ServerSettings.from_env(given)
    except ConfigError as exc:
        problems.extend(exc.problems)
    data_dir = _data_dir(given.get("DATA_DIR", "var"), problems)
    try:
        Settings.from_env({**STAND_INS, **given})
    except ConfigError as exc:
        problems.extend(exc.problems)
    if problems:
        raise ConfigError(problems)
    ours = {"PORT": str(server.port), "DATA_DIR": str(data_dir)}
    if "DATABASE_URL" in given and "BETTER_AUTH_URL" not in given:
        ours["LINK_AUTH_USERS"] = "leave"
    return RunSettings(
        port=server.port,
        data_dir=data_dir,
        database_url=given.get("DATABASE_URL"),
        auth_url=given.get("BETTER_AUTH_URL"),
        environ={"HOST": LOCAL, "DEMO_PAGE": "on", **given, **ours},
    )


def _data_dir(value: str, problems: list[str]) -> Path:
    path = (ROOT / Path(value).expanduser()).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        problems.append(f"DATA_DIR is {value!r}: no folder can be made there ({exc.strerror})")
        return path
    if not os.access(path, os.W_OK | os.X_OK):
        problems.append(f"DATA_DIR is {value!r}: we are not allowed to write there")
    return path
