"""Words as they are compared: small, without accents, and found in any language.

Every sign is folded for itself, so that a place in the folded text leads back to the text. What is
no part of a word becomes a space, and what joins the parts of a word a hyphen.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

LONGEST_WORD: Final = 60
"""Signs of a word that count; what comes after them makes no difference."""
MOST_PARTS: Final = 5
"""Parts of a word such as "e-mail" that are also found written together."""
MOST_BYTES: Final = 400_000
"""Of all words of one text: a tsvector holds a megabyte. What comes after them is not found."""
JOINER: Final = "-"

# Written without spaces: Thai and Lao, Burmese, Khmer, kana, Han, and their neighbours.
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    "\u3038-\u303c\u3041-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_RUNS: Final = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
_IS_UNSPACED: Final = re.compile(f"[{UNSPACED}]")

_JOINERS: Final = frozenset("-'_.\u2019\u02bc\u2010\u2011\u00b7")
# Letters with a stroke and the like, which Unicode does not take apart.
_LETTERS: Final = dict(
    zip("øłđıæœþðħŧŋ", ["o", "l", "d", "i", "ae", "oe", "th", "d", "h", "t", "ng"], strict=True)
)
# Accents of Latin, Greek and Cyrillic; vowel points of Hebrew and Arabic, which are rarely typed.
# Marks of other scripts are letters to their readers.
_DROPPED_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed\ufe00-\ufe0f]"
)
_SPACE_LIKE: Final = frozenset("\u200b\u2028\u2029")
_MOST_KNOWN: Final = 20_000


class _Folding(dict[int, str]):
    """Every sign and what it is folded to, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_sign(chr(code))
        if len(self) < _MOST_KNOWN:
            self[code] = folded
        return folded


def _fold_sign(sign: str) -> str:
    small = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", sign).casefold())
    plain = _DROPPED_MARKS.sub("", small.casefold())
    return "".join(map(_word_sign, plain))


def _word_sign(sign: str) -> str:
    if sign in _LETTERS:
        return _LETTERS[sign]
    if sign.isalnum():
        return sign
    if sign in _JOINERS:
        return JOINER
    category = unicodedata.category(sign)
    if category == "Me" or (category == "Cf" and sign not in _SPACE_LIKE):
        return ""
    return sign if category[0] == "M" else " "


FOLDING: Final = _Folding()


def fold(text: str) -> str:
    """Return the text with every sign folded: words, spaces, and joiners inside of words."""
    return text.translate(FOLDING)


def compounds(text: str) -> Iterator[list[str]]:
    """Yield the words of a text, each as the parts that punctuation inside of it leaves.

    A part is a run of one kind of writing: letters and digits, or signs without spaces.
    """
    for chunk in fold(text).split():
        parts = [run for part in chunk.split(JOINER) if part for run in _runs(part)]
        if parts:
            yield parts


def _runs(part: str) -> list[str]:
    return [part] if part.isascii() else _RUNS.findall(part)


def joined(parts: list[str]) -> str | None:
    """Return a word of several parts written together; None where that would be no word."""
    if 1 < len(parts) <= MOST_PARTS and not any(is_unspaced(part) for part in parts):
        return "".join(parts)[:LONGEST_WORD]
    return None


def is_unspaced(part: str) -> bool:
    """Return whether the part is of a kind of writing that puts no spaces between words."""
    return _IS_UNSPACED.match(part) is not None


def pairs(run: str) -> list[str]:
    """Return the overlapping pairs of signs of a run; a single sign as it is."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def words_of(text: str) -> list[str]:
    """Return the words by which a text is found, each once, in the order of the text."""
    found: dict[str, None] = {}
    for parts in compounds(text):
        for part in parts:
            if is_unspaced(part):
                found.update(dict.fromkeys([*pairs(part), part[-1]]))
            else:
                found[part[:LONGEST_WORD]] = None
        together = joined(parts) if len(parts) > 1 else None
        if together:
            found[together] = None
    return list(found)


def lexemes(user_id: str, text: str | None) -> list[str] | None:
    """Return a text's words as the index holds them, behind their owner; None without a text."""
    if text is None:
        return None
    owner, left, found = owner_of(user_id), MOST_BYTES, list[str]()
    for word in words_of(text):
        found.append(owner + word)
        left -= len(found[-1].encode())
        if left < 0:
            break
    return found


def owner_of(user_id: str) -> str:
    """Return the eight digits that stand before a user's words in the index.

    Two users may share them: every statement asks for the owner itself as well.
    """
    return hashlib.blake2s(user_id.encode(errors="replace"), digest_size=4).hexdigest()
