"""What a search found, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

from chatkit.types import UserMessageItem
from flask import url_for

from chat.context import User
from chat.search_text import Piece, Query, marked, snippet, text_of
from chat.tables import search
from chat.web.asked import Answer, Asked, look_for
from chat.web.conversation import UNTITLED
from chat.web.days import day_words


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


def results_for(user: User, asked: Asked, zone: tzinfo) -> Results:
    """Return a page of what is found, as a reader in that zone sees it; raise like `look_for`."""
    answer = look_for(user, asked, zone)
    if answer is None:
        return Results("", wordless=True)
    return Results(
        said=_said(answer),
        titles=[_title(title, answer.query, zone) for title in answer.titles],
        more_titles=answer.more_titles,
        threads=_threads(answer.messages, answer.query, zone),
        next=_next(asked, answer.after),
    )


def _said(answer: Answer) -> str:
    said = []
    titles, messages = len(answer.titles), len(answer.messages)
    if titles:
        more = "more than " if answer.more_titles else ""
        said.append(f"{more}{titles} conversation{'s' * (titles > 1)} by name")
    if messages:
        more = "more than " if answer.after else ""
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
        day=_day(moment, found.read_at),
        who="You" if isinstance(item, UserMessageItem) else "Assistant",
        pieces=snippet(text_of(item) or "", query),
    )


def _title(found: search.FoundTitle, query: Query, zone: tzinfo) -> Heading:
    return Heading(
        address=url_for("history.thread", thread_id=found.thread_id),
        pieces=marked(found.title, query),
        archived=found.archived,
        day=_day(_local(found.last_message_at, zone), found.read_at),
    )


def _local(moment: datetime, zone: tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError):
        return moment


def _day(moment: datetime, now: datetime) -> str:
    return day_words(moment.date(), now.astimezone(moment.tzinfo).date())


def _next(asked: Asked, after: str | None) -> str | None:
    if after is None:
        return None
    days: dict[str, Any] = {"from": asked.since or None, "to": asked.until or None}
    return url_for("search.page", q=asked.words, after=after, **days)
