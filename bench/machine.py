"""On what a measurement was made, as far as it matters and tells nobody's secrets."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

ROOT: Final = Path(__file__).resolve().parent.parent
ALL: Final = (".", ":!docs/reliability.md", ":!docs/figures", ":!bench/results")
"""Whatever may change a measurement: all but what measurements write."""


def describe(dsn: str) -> dict[str, Any]:
    """Return the machine, the versions and the commit; `+` marks a changed work tree."""
    with psycopg.connect(dsn) as conn:
        postgres = conn.info.parameter_status("server_version") or "?"
    return {**describe_machine(), "postgresql": postgres.split(" ")[0]}


def describe_machine() -> dict[str, Any]:
    """Return the same without a database."""
    changed = "+" if _git("status", "--porcelain", "--untracked-files=no", "--", *ALL) else ""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": f"{_git('rev-parse', '--short=12', 'HEAD')}{changed}",
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _git(*words: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run([git, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
