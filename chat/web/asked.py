"""What somebody looks for, as an address says it, and what the tables have of that: one page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from chat.context import User
from chat.errors import InvalidPeriod, SearchTooLong, UnknownCursor
from chat.search_text import Query, TooMuch, parse
from chat.tables import search
from chat.text import clean
from chat.web.addresses import is_plain, packed, unpacked
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
class Answer:
    """What was found: `after` is the cursor of the next page of messages, None at the end.

    Titles come with the first page only; `more_titles` says that there are others.
    """

    query: Query
    titles: list[search.FoundTitle]
    messages: list[search.Found]
    more_titles: bool
    after: str | None


def asked_for(args: Mapping[str, str]) -> Asked:
    """Return what these words of an address ask for."""
    return Asked(
        words=clean(args.get("q", "")),
        since=args.get("from", "").strip(),
        until=args.get("to", "").strip(),
        after=args.get("after"),
    )


def look_for(user: User, asked: Asked, zone: tzinfo) -> Answer | None:
    """Return a page of the user's messages with all of the words, and at first titles too.

    None when there is no word in what was asked, and then nothing is looked for. Raises
    SearchTooLong, InvalidPeriod and UnknownCursor.
    """
    period = _period(asked, zone)
    place = None if asked.after is None else _place_of(asked.after)
    try:
        query = parse(asked.words)
    except TooMuch as exc:
        raise SearchTooLong(str(exc)) from exc
    if not query:
        return None
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
    return Answer(
        query=query,
        titles=titles[: search.MOST_TITLES],
        messages=shown,
        more_titles=len(titles) > search.MOST_TITLES,
        after=_cursor_of(shown[-1].place) if has_more else None,
    )


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


def _cursor_of(place: search.Place) -> str:
    return packed(f"{place.created_at.isoformat()} {place.position} {place.thread_id}")


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
