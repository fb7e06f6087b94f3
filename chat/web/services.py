"""What a request handler works with, made once by the app factory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from chat.assistant import Assistant
from chat.config import Settings
from chat.db import Database
from chat.limits import RequestLimit
from chat.sessions import Sessions
from chat.stream import EventLoop
from chat.turns import Turns
from chat.upkeep import Upkeep

EXTENSION: Final = "threadkeeper"


@dataclass(frozen=True, slots=True)
class Services:
    """One of each for every process; the parts open their connections on first use."""

    settings: Settings
    database: Database
    sessions: Sessions
    assistant: Assistant
    turns: Turns
    upkeep: Upkeep
    requests: RequestLimit
    loop: EventLoop


def services() -> Services:
    """Return the services of the app that answers this request."""
    return cast(Services, current_app.extensions[EXTENSION])
