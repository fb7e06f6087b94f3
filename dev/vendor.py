"""Keep the packages that the browser loads: whole files in static/vendor/, checked by hash.

python -m dev.vendor check      compare the files with lock.json; needs no network
python -m dev.vendor compare    fetch the packages too, and compare them with both
python -m dev.vendor refresh    fetch the versions below with npm, and write lock.json

lock.json names each package with its version, its licence and the integrity that npm's registry
publishes for it, and each file with its place in the package and its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
    problems = {"check": check, "refresh": check, "compare": compare}.get(" ".join(words))
    if problems is None:
        print(__doc__, file=sys.stderr)
        return 2
    found = problems(FOLDER)
    for problem in found:
        print(f"static/vendor: {problem}", file=sys.stderr)
    return 1 if found else 0


def check(folder: Path) -> list[str]:
    """Return what is wrong with the folder, a sentence each: nothing, if it is as locked."""
    lock = json.loads((folder / LOCK).read_text())
    locked: dict[str, dict[str, str]] = lock["files"]
    present = {path.name for path in folder.iterdir()} - {LOCK}
    wanted = {kept: _described(package, source) for package, source, kept in _files()}
    problems = [f"{name} is not in {LOCK}" for name in sorted(present - set(locked))]
    problems += [f"{name} is missing" for name in sorted(set(locked) - present)]
    problems += [f"{name} is not in dev/vendor.py" for name in sorted(set(locked) ^ set(wanted))]
    for name in sorted(set(locked) & set(wanted)):
        if locked[name] != {**wanted[name], "sha256": locked[name]["sha256"]}:
            problems.append(f"{name} is another one in dev/vendor.py than in {LOCK}")
    for name in sorted(present & set(locked)):
        if _sha256(folder / name) != locked[name]["sha256"]:
            problems.append(f"{name} was changed: run `python -m dev.vendor refresh`")
    if {_title(package) for package in PACKAGES} != set(lock["packages"]):
        problems.append(f"the packages are others in dev/vendor.py than in {LOCK}")
    return problems


def compare(folder: Path) -> list[str]:
    """Return also what differs from the packages as they are published now."""
    with tempfile.TemporaryDirectory() as place:
        published = Path(place)
        refresh(published)
        problems = check(folder)
        for path in sorted(published.iterdir()):
            ours = folder / path.name
            if not ours.exists() or ours.read_bytes() != path.read_bytes():
                problems.append(f"{path.name} is not what is published")
    return problems


def refresh(folder: Path) -> None:
    """Fetch every package and write its files and the lock; others in the folder are removed."""
    for path in folder.iterdir():
        path.unlink()
    packages = {_title(package): {"integrity": _fetch(package, folder)} for package in PACKAGES}
    files = {
        kept: {**_described(package, source), "sha256": _sha256(folder / kept)}
        for package, source, kept in _files()
    }
    lock: dict[str, Any] = {"packages": packages, "files": files}
    (folder / LOCK).write_text(json.dumps(lock, indent=2) + "\n")


def _files() -> list[tuple[Package, str, str]]:
    return [
        (package, source, kept) for package in PACKAGES for source, kept in package.files.items()
    ]


def _described(package: Package, source: str) -> dict[str, str]:
    return {
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "source": source,
    }


def _title(package: Package) -> str:
    return f"{package.name}@{package.version}"


def _fetch(package: Package, folder: Path) -> str:
    """Let npm get the package, keep our files of it, and return its integrity.

    npm checks what it gets against what the registry publishes; the integrity is of these bytes.
    """
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(
            ["npm", "pack", "--silent", _title(package)],
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
                    raise FileNotFoundError(f"{_title(package)} has no file {source}")
                (folder / kept).write_bytes(member.read())
        return "sha512-" + b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
