"""Where to go after signing in, without ever leaving our own origin."""

from __future__ import annotations

import re
from typing import Final

# Browsers take tabs and line ends out of an address before they read it, so we do too.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
QUERY: Final = re.compile(r"[?#]")
LONGEST: Final = 2000


def return_path(value: str | None, default: str) -> str:
    r"""Return the value when it is a path on our own origin, else the default.

    Control characters are taken out first. Refused are whole addresses and what
    browsers read as one: `//evil`, `/\evil`, `/\t/evil`, `https:evil`.
    """
    path = CONTROL.sub("", value or "").strip()
    if not path.startswith("/") or len(path) > LONGEST or "\\" in path:
        return default
    # Two slashes further in count as well: dots before them are resolved by the browser.
    return default if "//" in QUERY.split(path, maxsplit=1)[0] else path
