"""Run a module so that it ends when whoever started it ends: `python -m dev.tied gunicorn …`.

On Linux the kernel sends SIGTERM, also when the starter was killed. Elsewhere there is no such
thing, and the next `./run` ends what was left.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> None:
    """Tie this process to its parent and become the module that the words name."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        # It may have died before the kernel was told.
        if os.getppid() != parent:
            sys.exit(0)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
