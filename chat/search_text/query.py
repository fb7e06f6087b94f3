"""What a person types to find something: words, all of which a match has.

tax return      both words; the last one may go on, because it is still being typed
tax return_     with a space behind it, it is a whole word
tax* return     every word may be made a beginning
"tax return"    quotes make whole words; their order does not count
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chat.search_text.words import (
    LONGEST_WORD,
    compounds,
    is_unspaced,
    joined,
    owner_of,
    pairs,
)

LONGEST_QUERY: Final = 200
MOST_WORDS: Final = 10

_QUOTES: Final = str.maketrans("\u201c\u201d\u201e", '"""')
_CHUNK: Final = re.compile(r'"[^"]*"?|[^\s"]+')


class TooMuch(ValueError):
    """A query of more words or characters than one search takes."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word as the index holds it, or the beginning of one; `run` is what it was cut from."""

    word: str
    prefix: bool = False

    def lexeme(self, owner: str) -> str:
        """Return the term as PostgreSQL reads it in a tsquery."""
        quoted = (owner + self.word).replace("\\", "\\\\").replace("'", "''")
        return f"'{quoted}':*" if self.prefix else f"'{quoted}'"


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: of every group all words, or the one that they are written together as.

    `runs` are the signs in a row of a writing without spaces, for marking them as a whole.
    """

    groups: tuple[tuple[tuple[Term, ...], Term | None], ...]
    runs: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is any word in it."""
        return bool(self.groups)

    def terms(self) -> list[Term]:
        """Return every word that a match may have, each once."""
        found = [term for parts, whole in self.groups for term in (*parts, whole) if term]
        return list(dict.fromkeys(found))

    def tsquery(self, user_id: str) -> str:
        """Return the query for a column of `lexemes` of that user, as text for a cast."""
        owner = owner_of(user_id)
        return " & ".join(_group_words(owner, *group) for group in self.groups)


def parse(text: str) -> Query:
    """Return what the text asks for, without any word if it has none; raise TooMuch."""
    if len(text) > LONGEST_QUERY:
        raise TooMuch(f"a query of {len(text)} characters: the most is {LONGEST_QUERY}")
    groups: dict[tuple[tuple[Term, ...], Term | None], None] = {}
    runs: dict[str, None] = {}
    count = 0
    for parts, prefix in _words(text.translate(_QUOTES)):
        count += len(parts)
        if count > MOST_WORDS:
            raise TooMuch(f"a query of more than {MOST_WORDS} words")
        groups[_group(parts, prefix=prefix)] = None
        runs.update(dict.fromkeys(part for part in parts if is_unspaced(part)))
    return Query(tuple(groups), tuple(runs))


def _words(text: str) -> Iterator[tuple[list[str], bool]]:
    """Yield every word as its parts, and whether it may go on."""
    for found in _CHUNK.finditer(text):
        chunk = found[0]
        quoted = chunk.startswith('"')
        goes_on = found.end() == len(text) and not (quoted and chunk.endswith('"'))
        words = list(compounds(chunk))
        for number, parts in enumerate(words, 1):
            starred = chunk.endswith("*") and not quoted
            yield parts, number == len(words) and (goes_on or starred) and _open(text, chunk)


def _open(text: str, chunk: str) -> bool:
    # A space inside of quotes that are still open ends a word as any other does.
    return not (text.endswith(chunk) and chunk[-1:].isspace())


def _group(parts: list[str], *, prefix: bool) -> tuple[tuple[Term, ...], Term | None]:
    last = len(parts) - 1
    terms = [
        term
        for number, part in enumerate(parts)
        for term in _terms(part, prefix=prefix and number == last)
    ]
    whole = joined(parts)
    return tuple(dict.fromkeys(terms)), Term(whole, prefix) if whole else None


def _terms(part: str, *, prefix: bool) -> list[Term]:
    if not is_unspaced(part):
        return [Term(part[:LONGEST_WORD], prefix)]
    if len(part) == 1:
        # A single sign is in the index at the beginning of pairs.
        return [Term(part, prefix=True)]
    return [Term(pair) for pair in pairs(part)]


def _group_words(owner: str, parts: tuple[Term, ...], whole: Term | None) -> str:
    words = " & ".join(term.lexeme(owner) for term in parts)
    if whole is None:
        return words
    return f"(({words}) | {whole.lexeme(owner)})"
