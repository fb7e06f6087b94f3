"""Parts of pages: what htmx asks for, and what it is told when something has changed.

A part is made by the same template as its page. What changed is told as an event, which the page's
own modules hear: they bring the list up to date, say the words, and tell the person's other tabs.
"""

from __future__ import annotations

import json
from typing import Final

from flask import Response, request

TOP: Final = "stage-top"
"""The id of what stands above a conversation: its title, its menu, where it is kept."""


def wanted() -> bool:
    """Return whether htmx asks: for a part of a page, or for an answer without a page."""
    return request.headers.get("HX-Request") == "true"


def top_wanted() -> bool:
    """Return whether only what stands above the conversation is asked for."""
    return wanted() and request.headers.get("HX-Target") == TOP


def vary(response: Response) -> Response:
    """Say that the same address answers with a page or with a part of it."""
    response.vary.add("HX-Request")
    return response


def changed(said: str, **news: object) -> Response:
    """Return an answer without words that makes the page hear of a change.

    `said` is what a person is told. The header has ASCII only, whatever a title is made of.
    """
    answer = Response(status=204)
    answer.headers["HX-Trigger"] = json.dumps({"threads-changed": {"said": said, **news}})
    return answer
