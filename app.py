"""The app factory: the only file that knows every part."""

from __future__ import annotations

import atexit
import logging
import os
from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from chat import logs
from chat.answers import Answers
from chat.assistant import Assistant
from chat.config import Settings
from chat.databases import database_of
from chat.db import Database
from chat.errors import ConfigError, Unavailable
from chat.limits import RequestLimit, TurnLimits, request_limit, turn_limits
from chat.model import ModelSource, load_assistant
from chat.neon_store import NeonStore
from chat.sessions import Sessions
from chat.stream import EventLoop
from chat.turn_keeper import TurnKeeper
from chat.turn_store import TurnStore
from chat.turns import Turns
from chat.upkeep import Upkeep
from chat.web import (
    chatkit,
    cors,
    demo,
    errors,
    export,
    guard,
    headers,
    health,
    history,
    launcher,
    manage,
    messages,
    pages,
    search,
    selection,
    sign_in,
    widget_api,
)
from chat.web.services import EXTENSION, Services

logger = logging.getLogger(__name__)

CHECKPOINT_CONNECTIONS: Final = 1
"""Of each worker, beside DATABASE_POOL_SIZE: leases are renewed however busy the others are."""
ROOMS: Final = (
    history,
    search,
    manage,
    selection,
    export,
    messages,
    sign_in,
    health,
    chatkit,
    widget_api,
    launcher,
)
"""Modules with a blueprint."""


def create_app(settings: Settings | None = None) -> Flask:
    """Return the app for these settings, or for those in the environment.

    Raises ConfigError when a setting is wrong, or the database's role does not fit it, and
    MigrationError when the database does not fit. A database that is down keeps nothing from
    starting: its tables are brought up to date at the first use that works.
    """
    settings = settings or Settings.from_env(os.environ)
    logs.configure()
    app = Flask(__name__)
    app.extensions[EXTENSION] = _services(settings)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    for part in (headers, cors, errors, guard, pages):
        part.install(app)
    for room in ROOMS:
        app.register_blueprint(room.blueprint)
    if settings.demo_page:
        app.register_blueprint(demo.blueprint)
    return app


def _services(settings: Settings) -> Services:
    database = database_of(settings, pool_size=settings.pool_size)
    loop = EventLoop()
    store = TurnStore(database)
    checkpoints = NeonStore(database_of(settings, pool_size=CHECKPOINT_CONNECTIONS, prepared=True))
    limits = TurnLimits(turn_limits(settings))
    turns = Turns(store, TurnKeeper(checkpoints, store), loop, limits)
    answers = Answers(
        store,
        load_assistant(settings),
        ModelSource.from_settings(settings),
        history_tokens=settings.history_tokens,
    )
    _open(database)
    atexit.register(loop.stop)
    return Services(
        settings=settings,
        database=database,
        sessions=Sessions(settings.auth_url),
        assistant=Assistant(store, turns, answers),
        turns=turns,
        upkeep=Upkeep(store, loop),
        requests=RequestLimit(database, request_limit(settings)),
        loop=loop,
    )


def _open(database: Database) -> None:
    """Bring the tables up to date, and leave no connection open for a fork to share."""
    try:
        database.open()
    except Unavailable as exc:
        logger.warning("starting without the database: code=%s", exc.code)
    finally:
        database.close()


__all__ = ["ConfigError", "create_app"]
