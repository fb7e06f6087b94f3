"""Keep the packages that the browser loads: whole files in static/vendor/, checked by hash.

python -m dev.vendor check      compare the files with lock.json; needs no network
python -m dev.vendor refresh    fetch the versions below with npm, and write lock.json
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.parent / "static" / "vendor"
LOCK: Final = "lock.json"
NPM_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm, and which of its files we keep under which name."""

    name: str
    version: str
    licence: str
    files: dict[str, str]


PACKAGES: Final = (
    Package(
        "streaming-markdown",
        "0.2.15",
        "MIT",
        {
            "smd.min.js": "streaming-markdown-0.2.15.min.js",
            "license": "streaming-markdown-0.2.15.LICENSE",
        },
    ),
    Package(
        "htmx.org",
        "2.0.11",
        "0BSD",
        {
            "dist/htmx.min.js": "htmx-2.0.11.min.js",
            "LICENSE": "htmx-2.0.11.LICENSE",
        },
    ),
)


def main(words: list[str]) -> int:
    """Do what the word says; return the exit status."""
    if words == ["refresh"]:
        refresh(FOLDER)
    elif words != ["check"]:
        print(__doc__, file=sys.stderr)
        return 2
    problems = check(FOLDER)
    for problem in problems:
        print(f"static/vendor: {problem}", file=sys.stderr)
    return 1 if problems else 0


def check(folder: Path) -> list[str]:
    """Return what is wrong with the folder, a sentence each: nothing, if it is as locked."""
    locked: dict[str, dict[str, str]] = json.loads((folder / LOCK).read_text())["files"]
    present = {path.name for path in folder.iterdir()} - {LOCK}
    wanted = {kept for package in PACKAGES for kept in package.files.values()}
    problems = [f"{name} is not in {LOCK}" for name in sorted(present - set(locked))]
    problems += [f"{name} is missing" for name in sorted(set(locked) - present)]
    problems += [f"{name} is not in dev/vendor.py" for name in sorted(set(locked) ^ wanted)]
    for name in sorted(present & set(locked)):
        if _sha256(folder / name) != locked[name]["sha256"]:
            problems.append(f"{name} was changed: run `python -m dev.vendor refresh`")
    return problems


def refresh(folder: Path) -> None:
    """Fetch every package and write its files and the lock; others in the folder are removed."""
    for path in folder.iterdir():
        path.unlink()
    files = {}
    for package in PACKAGES:
        _fetch(package, folder)
        for source, kept in package.files.items():
            files[kept] = {
                "package": package.name,
                "version": package.version,
                "licence": package.licence,
                "source": source,
                "sha256": _sha256(folder / kept),
            }
    (folder / LOCK).write_text(json.dumps({"files": files}, indent=2) + "\n")


def _fetch(package: Package, folder: Path) -> None:
    """Let npm get the package, which checks it against the registry's own hash."""
    with tempfile.TemporaryDirectory() as place:
        wanted = f"{package.name}@{package.version}"
        subprocess.run(
            ["npm", "pack", "--silent", wanted],
            cwd=place,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=NPM_SECONDS,
        )
        [archive] = Path(place).glob("*.tgz")
        with tarfile.open(archive) as packed:
            for source, kept in package.files.items():
                member = packed.extractfile(f"package/{source}")
                if member is None:
                    raise FileNotFoundError(f"{wanted} has no file {source}")
                (folder / kept).write_bytes(member.read())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
