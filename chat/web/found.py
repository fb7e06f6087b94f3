"""What a search found, as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby
from typing import Any, Final

from chatkit.types import UserMessageItem
from flask import url_for

from chat.context import User
from chat.errors import InvalidPeriod, SearchTooLong, UnknownCursor
from chat.search_text import Piece, Query, TooMuch, marked, parse, snippet, text_of
from chat.tables import search
from chat.text import clean
from chat.web.addresses import is_plain, packed, unpacked
from chat.web.conversation import UNTITLED
from chat.web.days import day_words
from chat.web.services import services

PAGE_SIZE: Final = 20
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for: the words as they were typed, and days as they were written."""

    words: str
    since: str
    until: str
    after: str | None

    @property
    def empty(self) -> bool:
        """Return whether nothing was asked yet."""
        return not self.words.strip()

    def shown(self, text: str) -> str:
        """Return a day as a field for days shows it: one that is none cannot be shown there."""
        try:
            return str(_date(text) or "")
        except InvalidPeriod:
            return ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found; `pieces` is what of it is shown."""

    address: str
    moment: datetime
    day: str
    who: str
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Heading:
    """A thread as results name it, with what was looked for marked in its title."""

    address: str
    pieces: list[Piece]
    archived: bool
    day: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """One page of what was found: `next` is the address of the next page, None at the end.

    `said` tells in a sentence how much there is, `more_titles` that not all names are shown.
    Messages of a thread that follow each other stand under one heading.
    """

    said: str
    titles: list[Heading] = field(default_factory=list)
    threads: list[tuple[Heading, list[Hit]]] = field(default_factory=list)
    next: str | None = None
    more_titles: bool = False
    wordless: bool = False

    @property
    def nothing(self) -> bool:
        """Return whether nothing was found."""
        return not self.titles and not self.threads


def asked_for(args: Mapping[str, str]) -> Asked:
    """Return what these words of an address ask for."""
    return Asked(
        words=clean(args.get("q", "")),
        since=args.get("from", "").strip(),
        until=args.get("to", "").strip(),
        after=args.get("after"),
    )


def results_for(user: User, asked: Asked, zone: tzinfo) -> Results:
    """Return a page of the user's messages with all of the words, and at first titles too.

    Raises SearchTooLong, InvalidPeriod and UnknownCursor. Without any word nothing is looked for.
    """
    period = _period(asked, zone)
    place = None if asked.after is None else _place_of(asked.after)
    try:
        query = parse(asked.words)
    except TooMuch as exc:
        raise SearchTooLong(str(exc)) from exc
    if not query:
        return Results("", wordless=True)
    run, words = services().database.run, query.tsquery(user.id)
    titles = []
    if place is None:
        titles = run(search.titles, user_id=user.id, query=words, period=period)
    found = run(
        search.messages,
        user_id=user.id,
        query=words,
        limit=PAGE_SIZE + 1,
        period=period,
        after=place,
    )
    shown, has_more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    return Results(
        said=_said(len(titles), len(shown), has_more=has_more),
        titles=[_title(title, query, zone) for title in titles[: search.MOST_TITLES]],
        more_titles=len(titles) > search.MOST_TITLES,
        threads=_threads(shown, query, zone),
        next=_next(asked, shown[-1].place) if has_more else None,
    )


def _said(titles: int, messages: int, *, has_more: bool) -> str:
    said = []
    if titles:
        more = "more than " if titles > search.MOST_TITLES else ""
        number = min(titles, search.MOST_TITLES)
        said.append(f"{more}{number} conversation{'s' * (number > 1)} by name")
    if messages:
        more = "more than " if has_more else ""
        said.append(f"{more}{messages} message{'s' * (messages > 1)}")
    words = " and ".join(said) or "nothing found"
    return f"{words[0].upper()}{words[1:]}."


def _threads(
    found: list[search.Found], query: Query, zone: tzinfo
) -> list[tuple[Heading, list[Hit]]]:
    grouped = []
    for thread_id, group in groupby(found, lambda one: one.thread_id):
        hits = list(group)
        address = url_for("history.thread", thread_id=thread_id)
        title = marked(hits[0].title or UNTITLED, query)
        heading = Heading(address, title, hits[0].archived)
        grouped.append((heading, [_hit(one, query, zone) for one in hits]))
    return grouped


def _hit(found: search.Found, query: Query, zone: tzinfo) -> Hit:
    item, moment = found.item, _local(found.created_at, zone)
    return Hit(
        address=url_for("history.thread", thread_id=found.thread_id, at=item.id, _anchor=item.id),
        moment=moment,
        day=_day(moment),
        who="You" if isinstance(item, UserMessageItem) else "Assistant",
        pieces=snippet(text_of(item) or "", query),
    )


def _title(found: search.FoundTitle, query: Query, zone: tzinfo) -> Heading:
    return Heading(
        address=url_for("history.thread", thread_id=found.thread_id),
        pieces=marked(found.title, query),
        archived=found.archived,
        day=_day(_local(found.last_message_at, zone)),
    )


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment


def _day(moment: datetime) -> str:
    return day_words(moment.date(), datetime.now(moment.tzinfo).date())


def _period(asked: Asked, zone: tzinfo) -> search.Period:
    """Return the days from the first to the last, whole, as the reader's clock has them."""
    first, last = _date(asked.since), _date(asked.until)
    if first and last and first > last:
        raise InvalidPeriod(f"from {first} to {last}")
    after_last = None if last is None or last == date.max else last + timedelta(days=1)
    return search.Period(_midnight(first, zone), _midnight(after_last, zone))


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        if not DAY.fullmatch(text):
            raise ValueError("no date of a year, a month and a day")
        return date.fromisoformat(text)
    except ValueError as exc:
        raise InvalidPeriod(f"a date of {len(text)} characters") from exc


def _midnight(day: date | None, zone: tzinfo) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except (OverflowError, ValueError):
        # At the ends of the calendar there is no other zone to go to.
        return datetime.combine(day, time(), UTC)


def _next(asked: Asked, place: search.Place) -> str:
    words = f"{place.created_at.isoformat()} {place.position} {place.thread_id}"
    days: dict[str, Any] = {"from": asked.since or None, "to": asked.until or None}
    return url_for("search.page", q=asked.words, after=packed(words), **days)


def _place_of(cursor: str) -> search.Place:
    try:
        moment, position, thread_id = unpacked(cursor).split(" ", 2)
        place = search.Place(datetime.fromisoformat(moment), thread_id, int(position))
    except ValueError as exc:
        raise UnknownCursor(cursor) from exc
    possible = place.created_at.tzinfo is not None and 0 <= place.position <= search.LAST_POSITION
    if not possible or not is_plain(thread_id):
        raise UnknownCursor(cursor)
    return place
