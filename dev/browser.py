"""Find the Chromium that the browser tests drive, or say how to get one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
DOWNLOAD_SECONDS = 300


class BrowserMissing(RuntimeError):
    """There is no Chromium here; the message holds the command that installs one."""


def find() -> Path:
    """Return the program: from PATH first, then the one that playwright has downloaded."""
    found = [Path(program) for name in NAMES if (program := shutil.which(name))]
    for place in (*found, MAC_CHROME, _playwrights_own()):
        if place.exists():
            return place
    raise BrowserMissing(
        "the browser tests need Chromium: sudo apt-get install chromium-headless-shell, "
        "or .venv/bin/python -m playwright install --with-deps chromium"
    )


def main() -> int:
    """Have a Chromium, downloading one if need be; return the exit status."""
    try:
        find()
    except BrowserMissing:
        _say("no Chromium on PATH: downloading one with playwright (110 MB)")
        _download()
    try:
        find()
    except BrowserMissing as exc:
        _say(f"./run: {exc}")
        return 1
    return 0


def _playwrights_own() -> Path:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _download() -> None:
    words = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        _say(f"the download took more than {DOWNLOAD_SECONDS} s")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
