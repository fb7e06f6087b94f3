"""`python -m chat.admin index`: gives words to everything that was stored before there was search.

The app does the same while it runs, slowly and in the background; this is for whoever would rather
have it done. Both may run at once, and either may be stopped at any moment.
"""

from __future__ import annotations

import argparse
import logging
import time
from typing import Any, Final

from chat.db import Database
from chat.tables import search_words

logger = logging.getLogger(__name__)

TELL_SECONDS: Final = 2.0


def add(commands: Any) -> None:
    """Add this command to those of the program."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "index",
        help="make everything findable at once",
        description="Gives words to messages and titles that were stored before there was search. "
        "The app does so too while it runs, but slowly.",
    )
    parser.set_defaults(run=run)


def run(database: Database, _args: argparse.Namespace) -> int:
    """Give words to all that has none; return 0."""
    told = _Teller()
    # A transaction for each batch, which is safe to repeat after a lost connection.
    while done := database.run(search_words.fill_some):
        told.add(done)
    logger.info("%d messages and titles can be found that could not", told.total)
    return 0


class _Teller:
    def __init__(self) -> None:
        self.total = 0
        self._next = time.monotonic() + TELL_SECONDS

    def add(self, done: int) -> None:
        self.total += done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_SECONDS
            logger.info("%d so far", self.total)
