"""Which pages of other origins may talk to the chat, and read what it answers.

Only the origins of ALLOWED_ORIGINS, each by its exact name, and only at the chat's own addresses
and at the files that the widget is made of. `*` and `null` are never answered. A browser asks in
advance (a preflight, which carries nobody's credential) and is answered before anything else looks.
"""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, Response, request

from chat.web.services import services

logger = logging.getLogger(__name__)

CHAT: Final = "/chatkit"
SCRIPT: Final = "/widget.js"
FILES: Final = "/assets/"
METHODS: Final = ("GET", "POST")
HEADERS: Final = (
    "Content-Type",
    "Authorization",
    "Idempotency-Key",
    "X-Threadkeeper-Turn",
    "X-Threadkeeper-User",
)
READABLE: Final = ("X-Request-Id", "Retry-After")
"""Headers of answers that scripts of a listed origin may read, beside those that all may."""
MAX_AGE: Final = 600
"""Seconds that a browser may remember a permission: a page sends its first messages with one."""
LONGEST_ORIGIN: Final = 100
"""Characters of an origin that the log shows."""


def install(app: Flask) -> None:
    """Answer preflights first, and mark every answer of the open addresses, errors too."""
    app.before_request(_answer_preflight)
    app.after_request(_permit)


def listed_origin() -> str | None:
    """Return the origin of the page that sent this, if it is listed; byte by byte, as it came."""
    origin = request.headers.get("Origin")
    return origin if origin in services().settings.allowed_origins else None


def is_chat() -> bool:
    """Return whether the request is to the chat, there or not: the one place that others change."""
    return request.path == CHAT or request.path.startswith(f"{CHAT}/")


def _is_open() -> bool:
    # By the path and not by the endpoint: an address that does not exist is answered as well.
    return is_chat() or request.path == SCRIPT or request.path.startswith(FILES)


def _answer_preflight() -> Response | None:
    """Answer whether a request may follow; without the headers that say so, it may not.

    No request follows one that is refused, so this line in the log is all that an operator sees.
    """
    method = request.headers.get("Access-Control-Request-Method")
    if request.method != "OPTIONS" or method is None or not _is_open():
        return None
    answer = Response(status=204)
    if not listed_origin():
        origin = request.headers.get("Origin", "")[:LONGEST_ORIGIN]
        logger.warning("no permission for origin=%a: ALLOWED_ORIGINS would give it", origin)
    elif method in METHODS and _named() <= {name.lower() for name in HEADERS}:
        answer.headers["Access-Control-Allow-Methods"] = ", ".join(METHODS)
        answer.headers["Access-Control-Allow-Headers"] = ", ".join(HEADERS)
        answer.headers["Access-Control-Max-Age"] = str(MAX_AGE)
    return answer


def _named() -> set[str]:
    """Return the headers that the request to come would carry, in small letters."""
    words = request.headers.get("Access-Control-Request-Headers", "").lower().split(",")
    return {word.strip() for word in words} - {""}


def _permit(response: Response) -> Response:
    if not _is_open():
        return response
    # Whether or not it is listed: a cache must not give one origin's answer to another.
    response.vary.add("Origin")
    origin = listed_origin()
    if origin and not _is_refused_preflight(response):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Expose-Headers"] = ", ".join(READABLE)
    return response


def _is_refused_preflight(response: Response) -> bool:
    asked = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return asked and "Access-Control-Allow-Methods" not in response.headers
