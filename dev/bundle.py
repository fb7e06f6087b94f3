"""Build the widget's files: static/js/widget/ and what it imports become static/widget/.

python -m dev.bundle    build, and print what each file weighs

The built files are part of the project, so nobody needs Node to run it: see
docs/decisions/0033-the-widget-is-a-bundle-of-the-same-modules.md.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dev import node

STATIC: Final = Path(__file__).parent.parent / "static"
BUILT: Final = STATIC / "widget"
# What a first opening loads, and the list of conversations. What is loaded on use comes on top.
FIRST: Final = ("launcher.js", "panel.js", "history.js")
# With these, a thread is shown and messages are sent.
TALKING: Final = (*FIRST, "messages.js")
LAUNCHER_LIMIT: Final = 5_000
FIRST_LIMIT: Final = 30_000
# What was reached: whoever needs more of it says so here.
TALKING_LIMIT: Final = 50_000
BUILD_SECONDS: Final = 120


class BundleFailed(RuntimeError):
    """A source is missing or wrong; the message says which, and where."""


def main(words: list[str]) -> int:
    """Build static/widget/; return the exit status."""
    if words:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        build(BUILT, tell=lambda line: print(line, file=sys.stderr, flush=True))
    except (BundleFailed, node.NodeFailed) as error:
        print(f"./run bundle: {error}", file=sys.stderr)
        return 1
    finally:
        for path in sorted(BUILT.glob("*.js")):
            print(f"{path.stat().st_size:>8} {weight(path):>7} gzipped  {path.name}")
        print(f"{'':>8} {first_weight(BUILT):>7} gzipped  for a first opening: {', '.join(FIRST)}")
    return 0


def build(folder: Path, *, tell: Callable[[str], None] = lambda _line: None) -> None:
    """Make the folder anew with the widget's built files, the same bytes on every machine.

    Raises BundleFailed, after building what can be built, and NodeFailed.
    """
    program = node.ready_node(tell, folder=node.FRONT_FOLDER)
    done = subprocess.run(
        [str(program), str(node.FRONT_FOLDER / "build.mjs"), str(STATIC), str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_SECONDS,
    )
    if done.returncode:
        raise BundleFailed(done.stdout.strip())


def weight(path: Path) -> int:
    """Return how many bytes a file has on the wire."""
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))


def first_weight(folder: Path) -> int:
    """Return the bytes on the wire of what a first opening loads."""
    return sum(weight(folder / name) for name in FIRST if (folder / name).exists())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
