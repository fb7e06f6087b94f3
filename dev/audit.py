"""Ask whether a package that we pin has a known hole: `python -m dev.audit`.

pip-audit asks an advisory service about every pin of every lock. A service that cannot be reached
has not said that there is nothing: then the last line begins with NOT CHECKED, and the exit status
is 0, or 1 after `python -m dev.audit required`, which is what `./run audit` does. A further word
is the address of another service. See docs/decisions/0043.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import requests

ROOT: Final = Path(__file__).resolve().parent.parent
LOCKS: Final = tuple(
    ROOT / place
    for place in (
        "requirements.txt",
        "dev/requirements.txt",
        "dev/requirements-node.txt",
        "tests/requirements.txt",
    )
)
SERVICE: Final = "https://api.osv.dev/v1/query"
"""Where advisories are asked for; any other service has to speak OSV too."""
CONTROL: Final = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.10"}
"""A version with holes that are public since 2019: a service that knows of none knows nothing."""
ANSWER_SECONDS: Final = 10
AUDIT_SECONDS: Final = 300
PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
# What is installed on other systems, and by other Pythons, is to be audited as well.
MARKER: Final = re.compile(r" ; [^\\\n]*")


class NotChecked(Exception):
    """The advisory service said nothing that could be relied on; the message says what."""


def main(words: list[str]) -> int:
    """Audit all locks and tell what was found; return the exit status."""
    required = words[:1] == ["required"]
    services = words[1:] if required else words
    if len(services) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        problems = audit(LOCKS, services[0] if services else SERVICE)
    except NotChecked as exc:
        print("Nobody was asked whether the pinned packages have known holes:", file=sys.stderr)
        print(f"NOT CHECKED: {exc}; `./run audit` insists", file=sys.stderr)
        return 1 if required else 0
    for problem in problems:
        print(f"audit: {problem}", file=sys.stderr)
    if not problems:
        print(f"no known holes in {len(_pins(LOCKS))} pinned packages")
    return 1 if problems else 0


def audit(locks: tuple[Path, ...], service: str) -> list[str]:
    """Return what is wrong with the pins, a sentence each; raise NotChecked if nobody knows."""
    _try_out(service)
    audited, problems = set(), []
    for found in _pip_audit(locks, service):
        if "skip_reason" in found:
            problems.append(f"{found['name']} was not audited: {found['skip_reason']}")
            continue
        audited.add((found["name"], found["version"]))
        problems += [_hole(found, hole) for hole in found["vulns"]]
    for name, version in sorted(_pins(locks) - audited):
        problems.append(f"{name} {version} was not audited")
    return problems


def _hole(found: dict[str, Any], hole: dict[str, Any]) -> str:
    names = ", ".join(sorted({hole["id"], *hole.get("aliases", [])}))
    fixed = ", ".join(hole["fix_versions"]) or "no version yet"
    return f"{found['name']} {found['version']} has {names}, fixed in {fixed}"


def _try_out(service: str) -> None:
    """Raise NotChecked unless the service answers, and knows of a hole that everybody knows of."""
    try:
        answer = requests.post(service, json=CONTROL, timeout=ANSWER_SECONDS)
        answer.raise_for_status()
        known = answer.json().get("vulns")
    except (requests.RequestException, ValueError, AttributeError) as exc:
        raise NotChecked(f"{service} gave no answer ({type(exc).__name__})") from exc
    if not known:
        raise NotChecked(f"{service} knows of no hole in jinja2 2.10, which has some")


def _pip_audit(locks: tuple[Path, ...], service: str) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; raise NotChecked when it does not end."""
    words = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--aliases"]
    words += ["--vulnerability-service", "osv", "--osv-url", service, "--format", "json"]
    words += ["--progress-spinner", "off", "--timeout", str(ANSWER_SECONDS)]
    with tempfile.TemporaryDirectory() as place:
        for number, lock in enumerate(locks):
            everywhere = Path(place) / f"{number}.txt"
            everywhere.write_text(MARKER.sub(" ", lock.read_text()))
            words += ["--requirement", str(everywhere)]
        try:
            done = subprocess.run(
                words, capture_output=True, text=True, timeout=AUDIT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise NotChecked(f"pip-audit was not done after {AUDIT_SECONDS} s") from None
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        # The service has just answered, so this is not for want of a network.
        raise RuntimeError(f"pip-audit failed:\n{done.stderr[-2000:]}") from None
    return found


def _pins(locks: tuple[Path, ...]) -> set[tuple[str, str]]:
    return {pin for lock in locks for pin in PIN.findall(lock.read_text())}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
