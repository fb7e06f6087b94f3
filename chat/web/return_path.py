"""Where to go after signing in: a path of ours, or an address on an origin that we trust."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final
from urllib.parse import urlsplit

from chat.config import origin_of

# Browsers take tabs and line ends out of an address before they read it, so we do too.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
QUERY: Final = re.compile(r"[?#]")
LONGEST: Final = 2000


def return_path(value: str | None, default: str, origins: Set[str] = frozenset()) -> str:
    r"""Return the value when it is a path on our own origin, else the default.

    A whole http(s) address counts too when its origin is one of `origins`, spelled as browsers
    spell them. Control characters are taken out first. Refused is all else that browsers read as
    an address: `//evil`, `/\evil`, `/\t/evil`, `https:evil`, `https://ours@evil`.
    """
    path = CONTROL.sub("", value or "").strip()
    if len(path) > LONGEST or "\\" in path:
        return default
    if not path.startswith("/"):
        return path if other_origin(path) in origins else default
    # Two slashes further in count as well: dots before them are resolved by the browser.
    return default if "//" in QUERY.split(path, maxsplit=1)[0] else path


def other_origin(path: str) -> str | None:
    """Return the origin that a whole http(s) address names, None for a path and for nonsense."""
    try:
        parts = urlsplit(path)
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return None
        return origin_of(path)
    except ValueError:
        return None
