"""Names of downloads: what a person called it, as every file system can keep it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from chat.text import clean

NAMELESS: Final = "conversation"
LONGEST: Final = 80
"""Characters before the ending; with MOST_BYTES, what is left fits everywhere with a path."""
MOST_BYTES: Final = 180

_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\s]+')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
# Joiners hold emoji and Persian words together; every other invisible sign can be a disguise.
_JOINERS: Final = frozenset("\u200c\u200d")
_UNFIT: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def file_name(title: str, ending: str) -> str:
    """Return a name for a file like `Tax return.md`: safe wherever it is put, and never empty."""
    composed = unicodedata.normalize("NFC", clean(title[: 4 * LONGEST]))
    spaced = _FORBIDDEN.sub(" ", composed)
    shown = "".join(sign for sign in spaced if _fits(sign))
    name = _cut(" ".join(shown.split()))
    if not any(sign.isalnum() or unicodedata.category(sign) == "So" for sign in name):
        name = NAMELESS
    if _RESERVED.match(name):
        name = f"_{name}"
    return f"{name}.{ending}"


def disposition(name: str) -> str:
    """Return the Content-Disposition of a download of that name.

    Browsers take `filename*`, which spells every character; older programs take the plain one.
    """
    stem, _, ending = name.rpartition(".")
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = _cut(" ".join(_FORBIDDEN.sub(" ", plain).replace("%", " ").split()))
    if not any(map(str.isalnum, plain)):
        plain = NAMELESS
    if _RESERVED.match(plain):
        plain = f"_{plain}"
    return f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{quote(name, safe='')}"


def _fits(sign: str) -> bool:
    return sign in _JOINERS or unicodedata.category(sign) not in _UNFIT


def _cut(name: str) -> str:
    """Return as much of the name as fits, without what no name may begin or end with."""
    short = name[:LONGEST].encode()[:MOST_BYTES].decode(errors="ignore")
    return short.strip(" .~\u200c\u200d")
