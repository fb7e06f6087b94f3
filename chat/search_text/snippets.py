"""Where in a text a query was found: the piece around it, with every matching word marked.

Texts are folded for looking and shown as they are, so the place of every folded sign is led back to
the sign that it comes from: "Straße" is marked whole where "strasse" was looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chat.search_text.marks import on_one_line
from chat.search_text.messages import shown
from chat.search_text.query import Query, Term
from chat.search_text.words import FOLDING, JOINER, LONGEST_WORD, UNSPACED, fold, is_unspaced

SNIPPET: Final = 160
"""Characters of a snippet, about: it ends with a word."""
_BEFORE: Final = 50
_AROUND: Final = 700
_STRETCH: Final = 4_000
_MOST_PLACES: Final = 300
_LOOKED_AT: Final = 65_536
"""Signs of a message that are read for its snippet; more only until there is a match."""
_SLACK: Final = 15

_PART: Final = f"[^ \\{JOINER}{UNSPACED}]"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a text; marked if it is a word that was looked for."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
    term: int


def snippet(text: str, query: Query) -> list[Piece]:
    """Return about SNIPPET characters of a message, from where most of the query's words are.

    In one line, without Markdown marks; "…" stands where something was left out. A text in which
    nothing of the query is found begins with its beginning.
    """
    looked_for = _pattern(query)
    places = _places(text, looked_for, query)
    at = _best(places).start if places else 0
    start = max(0, at - _AROUND)
    around = text[start : at + _AROUND]
    # Marks are read line by line, so a line that begins outside is shown as it is.
    for line in (shown(on_one_line(around)), shown(" ".join(around.split()))):
        found = _places(line, looked_for, query)
        if found or not places:
            break
    cut_before, cut_after = start > 0, at + _AROUND < len(text)
    return _cut(line, found, cut_before=cut_before, cut_after=cut_after)


def marked(text: str, query: Query) -> list[Piece]:
    """Return the whole text, say a title, with every matching word marked."""
    return list(_pieces(text, _merged(_places(text, _pattern(query), query)), 0, len(text)))


def _pattern(query: Query) -> re.Pattern[str]:
    """Return what finds, at any place in a folded text, the number of the term that is there."""
    words = [re.escape(run) for run in sorted(query.runs, key=len, reverse=True)]
    words += [_word(term) for term in query.terms()]
    return re.compile("(?=" + "|".join(f"({word})" for word in words) + ")")


def _word(term: Term) -> str:
    if is_unspaced(term.word):
        return re.escape(term.word)
    # The index also has "email" of an "e-mail".
    signs = f"{JOINER}*".join(map(re.escape, term.word))
    goes_on = term.prefix or len(term.word) == LONGEST_WORD
    return f"(?<!{_PART}){signs}" + (f"{_PART}*" if goes_on else f"(?!{_PART})")


def _places(text: str, looked_for: re.Pattern[str], query: Query) -> list[_Place]:
    """Return where terms are in the text, in order: the first few hundred places."""
    found: list[_Place] = []
    if not query:
        return found
    for begin in range(0, len(text), _STRETCH):
        # Stretches overlap by more than the longest word, so that none is cut in two.
        start = max(0, begin - 2 * LONGEST_WORD)
        found += _places_in(text, start, begin + _STRETCH, looked_for)
        if len(found) > _MOST_PLACES or (found and begin + _STRETCH >= _LOOKED_AT):
            break
    return found


def _places_in(text: str, start: int, end: int, looked_for: re.Pattern[str]) -> Iterator[_Place]:
    stretch = text[start:end]
    folded = fold(stretch)
    if not looked_for.search(folded):
        return
    origins = [at for at, sign in enumerate(stretch) for _ in FOLDING[ord(sign)]]
    for match in looked_for.finditer(folded):
        term = match.lastindex or 0
        first, last = origins[match.start(term)], origins[match.end(term) - 1] + 1
        # An accent that stands for itself belongs to the letter before it.
        while last < len(stretch) and not FOLDING[ord(stretch[last])]:
            last += 1
        yield _Place(start + first, start + last, term)


def _best(places: list[_Place]) -> _Place:
    """Return the place from which on a snippet holds the most different terms."""
    best, most = places[0], 0
    for number, place in enumerate(places):
        near = {
            other.term
            for other in places[number : number + 40]
            if other.end <= place.start + SNIPPET - _BEFORE
        }
        if len(near) > most:
            best, most = place, len(near)
    return best


def _cut(line: str, places: list[_Place], *, cut_before: bool, cut_after: bool) -> list[Piece]:
    first = _best(places) if places else _Place(0, 0, 0)
    start = _start_of_word(line, first.start - _BEFORE, first.start)
    end = _end_of_word(line, max(start + SNIPPET, first.end))
    pieces = list(_pieces(line, _merged(places), start, end))
    if (start > 0 or cut_before) and pieces:
        pieces.insert(0, Piece("…"))
    if (end < len(line) or cut_after) and pieces:
        pieces.append(Piece("…"))
    return pieces


def _start_of_word(line: str, at: int, latest: int) -> int:
    if at <= 0:
        return 0
    space = line.find(" ", at, min(at + _SLACK, latest))
    return space + 1 if space >= 0 else at


def _end_of_word(line: str, at: int) -> int:
    if at >= len(line):
        return len(line)
    space = line.rfind(" ", at - _SLACK, at + 1)
    return space if space > 0 else at


def _merged(places: list[_Place]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for place in sorted(places, key=lambda place: place.start):
        if spans and place.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], place.end))
        else:
            spans.append((place.start, place.end))
    return spans


def _pieces(text: str, spans: list[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    at = start
    for first, last in spans:
        first, last = max(first, at), min(last, end)
        if first >= last:
            continue
        if first > at:
            yield Piece(text[at:first])
        yield Piece(text[first:last], marked=True)
        at = last
    if at < end:
        yield Piece(text[at:end])
