"""Whether a page stays smooth while a megabyte of answer comes in: `python -m bench.smooth`.

Each scene runs on `<threadkeeper-chat>` in a real browser at a server on this machine, and the same
page is watched for as long while nothing happens: what its longest frame is beyond that one's, the
scene has made. `--ref` does the same with the front end of another commit, in turns.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from bench.machine import describe_machine
from dev.browser import find
from dev.scripted_chatkit import ScriptedChatKit, event, turn
from dev.settings import ROOT

RESULT: Final = Path(__file__).parent / "results" / "smooth.json"
MEGABYTE: Final = 1_000_000
CHUNKS: Final = 300_000
CHUNKS_A_SECOND: Final = 50
SECONDS: Final = 8
ROUNDS: Final = 3
PARAGRAPH: Final = (
    "## A heading\n\nSome **bold** words, `code` and a [link](https://example.com/a) in a row of "
    "words that is about as long as people write.\n\n- one\n- two\n  - three\n\n"
    "```python\nfor number in range(10):\n    print(number)\n```\n\n|a|b|\n|-|-|\n|1|2|\n\n"
)

WATCH: Final = """() => {
    window.watched = { frames: [], long: [] };
    new PerformanceObserver((list) => window.watched.long.push(...list.getEntries().map(
        (entry) => entry.duration))).observe({ entryTypes: ["longtask"] });
    let last = performance.now();
    const tick = (now) => {
        window.watched.frames.push(now - last);
        last = now;
        requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
}"""
BEGIN: Final = """() => {
    window.watched.frames.length = window.watched.long.length = 0;
    window.began = performance.now();
    window.over = new Promise((over) =>
        document.addEventListener("chatkit.response.end", over, { once: true }));
}"""
OVER: Final = "() => window.over.then(() => new Promise(requestAnimationFrame)).then(() => {})"
READ: Final = """() => ({
    seconds: (performance.now() - window.began) / 1000,
    frames: window.watched.frames,
    long: window.watched.long,
})"""


def megabyte(text: str) -> str:
    """Return a megabyte of this text."""
    return (text * (MEGABYTE // len(text) + 1))[:MEGABYTE]


def in_pieces(text: str, count: int) -> list[str]:
    """Return the text in so many pieces."""
    return [text[len(text) * n // count : len(text) * (n + 1) // count] for n in range(count)]


def paced(text: str) -> Iterator[bytes]:
    """Yield a long answer at once, and then what follows at its pace."""
    follows = [f"word{number} " for number in range(CHUNKS_A_SECOND * SECONDS)]
    for number, one in enumerate(turn([text, *follows])):
        yield event(one)
        if number > 3:
            time.sleep(1 / CHUNKS_A_SECOND)


def at_once(pieces: list[str]) -> Iterable[bytes]:
    """Return the whole stream, made beforehand and written as fast as the browser takes it."""
    whole = b"".join(map(event, turn(pieces)))
    return [whole[start : start + 65_536] for start in range(0, len(whole), 65_536)]


def scenes() -> dict[str, Callable[[], Iterable[bytes]]]:
    """Return what the server sends in each scene."""
    prose = megabyte(PARAGRAPH)
    many = at_once(in_pieces(prose, CHUNKS))
    whole = {
        "1 MB in one chunk": prose,
        "1 MB of one word": megabyte("word"),
        "1 MB of code": "```\n" + megabyte("x = 1\n"),
        "100 000 table cells": "|a|b|c|d|\n|-|-|-|-|\n" + "|1|2|3|4|\n" * 25_000,
        "10 000 nested lists": "- " * 10_000 + "words",
        "1 000 nested lists, indented": "".join("  " * n + "- a\n" for n in range(1000)),
        "10 000 nested quotes": "> " * 10_000 + "words",
        "30 000 table columns": megabyte("|a"),
        "unclosed links": megabyte("[a]("),
    }
    return {
        "50 chunks a second": lambda: paced("Some words."),
        "50 chunks a second after 50 kB": lambda: paced(prose[:50_000]),
        "50 chunks a second after 1 MB": lambda: paced(prose),
        "1 MB in 300 000 chunks": lambda: many,
        **{name: partial_stream(text) for name, text in whole.items()},
    }


def partial_stream(text: str) -> Callable[[], Iterable[bytes]]:
    """Return the script of an answer that comes in one chunk."""
    stream = at_once([text])
    return lambda: stream


def run(page: Page, chatkit: ScriptedChatKit, script: Callable[[], Iterable[bytes]]) -> Any:
    """Ask on a fresh page, wait for the whole answer, and return what the page noticed."""
    chatkit.script = script
    page.goto(chatkit.url)
    page.wait_for_selector("threadkeeper-chat[data-ready]")
    page.evaluate(WATCH)
    page.wait_for_timeout(500)
    page.evaluate(BEGIN)
    page.wait_for_timeout(1000)
    still = page.evaluate(READ)
    page.evaluate(BEGIN)
    page.get_by_role("textbox", name="Message").fill("Go on")
    page.keyboard.press("Enter")
    # Not by looking for a button: that walks through the whole page, and is seen in its frames.
    page.evaluate(OVER)
    seen = page.evaluate(READ)
    return {
        "longest_frame_ms": round(max(seen["frames"])),
        "longest_frame_at_rest_ms": round(max(still["frames"])),
        "frames_over_100_ms": sum(frame > 100 for frame in seen["frames"]),
        "longest_task_ms": round(max(seen["long"], default=0)),
        "seconds": round(seen["seconds"], 2),
    }


def measure(browser: Browser, roots: dict[str, Path], wanted: str) -> dict[str, Any]:
    """Return the medians of each scene for each front end, measured in turns."""
    found: dict[str, Any] = {}
    for name, script in scenes().items():
        if wanted not in name:
            continue
        rounds: dict[str, list[dict[str, float]]] = {which: [] for which in roots}
        for _ in range(ROUNDS):
            for which, root in roots.items():
                rounds[which].append(once(browser, root, script))
        found[name] = {which: medians(took) for which, took in rounds.items()}
        sys.stderr.write(f"{name:32} {found[name]}\n")
    return found


def once(browser: Browser, root: Path, script: Callable[[], Iterable[bytes]]) -> Any:
    """Run a scene in a window of its own."""
    chatkit = ScriptedChatKit(root)
    page = browser.new_page()
    try:
        return run(page, chatkit, script)
    finally:
        page.close()
        chatkit.close()


def medians(took: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure; of frames that were too long, the most."""
    worst = max(one["frames_over_100_ms"] for one in took)
    found = {key: statistics.median(one[key] for one in took) for key in took[0]}
    return {**found, "frames_over_100_ms": worst}


def main(words: list[str]) -> int:
    """Measure, and write the result unless only some scenes were wanted."""
    parser = argparse.ArgumentParser(prog="python -m bench.smooth")
    parser.add_argument("--ref", help="a commit whose front end is measured too")
    parser.add_argument("--scene", default="", help="only scenes with this in their name")
    wanted = parser.parse_args(words)
    program = str(find())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        roots = {"now": ROOT}
        if wanted.ref:
            roots[wanted.ref] = take_out(wanted.ref, Path(folder))
        browser = playwright.chromium.launch(executable_path=program)
        version = browser.version
        found = measure(browser, roots, wanted.scene)
        browser.close()
    result = {**describe_machine(), "chromium": version, "rounds": ROUNDS, "scenes": found}
    if not wanted.scene:
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return 0


def take_out(ref: str, folder: Path) -> Path:
    """Lay the static files of a commit into the folder, and return it."""
    words = [shutil.which("git") or "git", "archive", ref, "static"]
    packed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
