"""The database of the settings: which connections it has, and what comes before its first use."""

from __future__ import annotations

from functools import partial

from chat.config import Settings
from chat.connection import Connection
from chat.db import Database
from chat.migrate import migrate
from chat.wall import WalledConnection, check_wall


def database_of(settings: Settings, *, pool_size: int, prepared: bool = False) -> Database:
    """Return the database, which is opened on first use.

    Unless somebody else has `prepared` it, its tables are brought up to date before, and the wall
    of row level security is looked at. What that raises, the first use raises: MigrationError,
    and ConfigError when the wall is not what the settings say.
    """
    return Database(
        settings.database_url,
        pool_size=pool_size,
        before_first_use=None if prepared else partial(_prepare, settings),
        connection_class=WalledConnection if settings.row_level_security else Connection,
    )


def _prepare(settings: Settings, dsn: str) -> None:
    migrate(
        dsn,
        link_auth_users=settings.link_auth_users,
        row_level_security=settings.row_level_security,
    )
    check_wall(dsn, wanted=settings.row_level_security)
