"""What one person may do in a minute or a day, on all workers together.

Turns are counted one by one, where they begin. Requests are counted in portions: a worker lets a
few through by itself and then asks for the next few, so that hardly anybody's requests cost a
statement. See docs/decisions/0041.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from chat.config import Settings
from chat.db import Database
from chat.errors import DatabaseBusy, DatabaseReadOnly, RateLimited
from chat.tables import limits as table
from chat.tables.limits import Limit

PORTIONS: Final = 20
"""Into how many portions a worker cuts a limit on requests. That is also how exact it is: two
portions a worker more or less."""
KNOWN_PEOPLE: Final = 10_000
"""Whom a worker remembers. To be forgotten gives somebody one portion too many."""
JOIN_SECONDS: Final = 6.0
"""Longer than it may take to ask for a portion, twice."""
MINUTE: Final = 60
DAY: Final = 24 * 3600


def request_limit(settings: Settings) -> Limit:
    """Return the limit on a person's requests; `most` is 0 if there is none."""
    return Limit(table.REQUESTS, settings.requests_per_minute, MINUTE)


def turn_limits(settings: Settings) -> list[Limit]:
    """Return the limits on a person's turns that are set."""
    limits = [
        Limit(table.TURNS, settings.turns_per_minute, MINUTE),
        Limit(table.TURNS_OF_A_DAY, settings.turns_per_day, DAY),
    ]
    return [limit for limit in limits if limit.most]


@dataclass(slots=True)
class _Person:
    """What a worker may still let through, until when, and who is asking for more.

    All of it is about the window that this worker knows of; `own` while it has not asked in it.
    """

    left: int = 0
    ends: float = 0.0
    own: bool = True
    refused: bool = False
    asking: Future[None] | None = None


class RequestLimit:
    """Counts the requests of everybody in this process; safe to use from any thread.

    Only time that has gone by is measured here: the clock of the database says when a window ends.
    """

    def __init__(self, database: Database, limit: Limit) -> None:
        self._database = database
        self._limit = limit
        self._portion = max(1, limit.most // PORTIONS)
        self._lock = threading.Lock()
        self._people: LRUCache[str, _Person] = LRUCache(KNOWN_PEOPLE)

    def count(self, user_id: str) -> None:
        """Count one request; raise RateLimited if there is no room for it.

        Asks the database for each portion but the first. Raises what it raises then; where nothing
        can be counted, each worker lets the limit's number through.
        """
        if not self._limit.most:
            return
        while True:
            mine = None
            with self._lock:
                person = self._people.setdefault(user_id, _Person())
                if self._passes(person):
                    return
                if person.asking is None:
                    mine = person.asking = Future()
                asking = person.asking
            if mine:
                self._ask(user_id, person, mine)
            else:
                _join(asking)

    def _passes(self, person: _Person) -> bool:
        """Take one of what is left; return whether there was one, raise RateLimited."""
        now = time.monotonic()
        if person.ends <= now:
            person.left, person.ends = self._portion, now + self._limit.seconds
            person.own, person.refused = True, False
        if person.left:
            person.left -= 1
            return True
        if person.refused:
            raise RateLimited(person.ends - now)
        return False

    def _ask(self, user_id: str, person: _Person, mine: Future[None]) -> None:
        """Ask for one more portion, one thread at a time for each person."""
        # The first time, what was let through before is counted as well.
        spent = self._portion if person.own else 0
        asked = time.monotonic()
        try:
            taken = self._database.run(
                table.take, user_id=user_id, limit=self._limit, number=spent + self._portion
            )
        except DatabaseReadOnly:
            # Nobody can count then, and reading goes on: this worker counts for itself.
            taken = table.Taken(spent + self._limit.most, self._limit.seconds)
        except BaseException as exc:
            with self._lock:
                person.asking = None
            mine.set_exception(exc)
            raise
        with self._lock:
            person.asking, person.own = None, False
            person.left = max(0, taken.granted - spent)
            person.refused = not person.left
            person.ends = asked + taken.seconds
        mine.set_result(None)


class TurnLimits:
    """The limits on a person's turns, and whom this process has seen at one. For one thread."""

    def __init__(self, limits: list[Limit]) -> None:
        self.limits = limits
        self._refused: LRUCache[str, tuple[float, type[RateLimited]]] = LRUCache(KNOWN_PEOPLE)

    @contextlib.contextmanager
    def kept(self, user_id: str) -> Iterator[None]:
        """Let a turn begin inside; raise RateLimited at once if the last one was refused lately.

        So a flood of turns is one statement in a window, and no transaction that is taken back.
        """
        now = time.monotonic()
        until, kind = self._refused.get(user_id, (0.0, RateLimited))
        if now < until:
            raise kind(until - now)
        try:
            yield
        except RateLimited as exc:
            # From before it was asked for: what is remembered ends no later than the window.
            self._refused[user_id] = (now + exc.seconds, type(exc))
            raise


def _join(asking: Future[None]) -> None:
    try:
        asking.result(timeout=JOIN_SECONDS)
    except TimeoutError:
        raise DatabaseBusy(f"no portion within {JOIN_SECONDS} s") from None
