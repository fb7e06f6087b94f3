"""The commands of `python -m chat.admin`: their words, the database that they share, their end.

A command is a module with `add(commands)`, which adds its parser and sets its `run`: a function of
the database and the words that returns the exit status. 0: done. 1: refused, and it says why.
2: asked in the wrong way.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import psycopg

from chat.admin import import_file, index_words
from chat.config import Settings
from chat.databases import database_of
from chat.errors import AccountGone, ChatError, Unavailable

COMMANDS: Final = (import_file, index_words)
USUAL: Final = {"BETTER_AUTH_URL": "http://localhost"}
"""Settings of the app that no command needs, for where they are not set."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that these words name, those of the process by default; return its status."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s", stream=sys.stderr)
    logging.getLogger("chat").setLevel(logging.INFO)
    args = _parser().parse_args(argv)
    try:
        return _run(args)
    except KeyboardInterrupt:
        return _refused("stopped")
    except AccountGone:
        return _refused("the auth server's table has no user of that id")
    except Unavailable as exc:
        return _refused(f"the database refused: {exc.__cause__ or exc}")
    except psycopg.Error as exc:
        return _refused(f"the database refused: {exc}")
    except ChatError as exc:
        return _refused(str(exc))


def _run(args: argparse.Namespace) -> int:
    settings = Settings.from_env({**USUAL, **os.environ})
    database = database_of(settings, pool_size=1)
    try:
        return int(args.run(database, args))
    finally:
        database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chat.admin",
        description="What operators do with the conversations in DATABASE_URL.",
    )
    commands = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser


def _refused(why: str) -> int:
    sys.stderr.write(f"{why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
