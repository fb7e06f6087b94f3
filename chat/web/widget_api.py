"""What the widget asks beside ChatKit's own requests: who is signed in, and a search."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chatkit.types import UserMessageItem
from flask import Blueprint, Response, jsonify, request, url_for

from chat.errors import NotSignedIn
from chat.search_text import Piece, Query, marked, snippet, text_of
from chat.tables import item_marks, search
from chat.web import guard
from chat.web.asked import asked_for, look_for

blueprint = Blueprint("widget", __name__)


@blueprint.get("/chatkit/session")
def session() -> Response:
    """Tell who is signed in, nobody included, and where to sign in; raise AuthUnavailable.

    Nobody is no error here: the widget asks to find out.
    """
    try:
        user = guard.current_user()
        person = {"id": user.id, "name": user.name}
    except NotSignedIn:
        person = None
    return jsonify(user=person, sign_in_url=guard.own_origin() + url_for("sign_in.sign_in"))


@blueprint.get("/chatkit/search")
def find() -> Response:
    """Return what the person's conversations have of `q`: titles on the first page, then messages.

    Raises what the page of search shows as a sentence. Days are those of UTC here.
    """
    answer = look_for(guard.current_user(), asked_for(request.args), UTC)
    if answer is None:
        return jsonify(data=[], has_more=False, after=None)
    found = [_title(title, answer.query) for title in answer.titles]
    found += [_message(message, answer.query) for message in answer.messages]
    return jsonify(data=found, has_more=answer.after is not None, after=answer.after)


def _title(found: search.FoundTitle, query: Query) -> dict[str, Any]:
    return {
        "thread": {"id": found.thread_id, "title": found.title},
        "item_id": None,
        "created_at": _spelled(found.last_message_at),
        "role": None,
        "snippet": _pieces(marked(found.title, query)),
    }


def _message(found: search.Found, query: Query) -> dict[str, Any]:
    return {
        "thread": {"id": found.thread_id, "title": found.title},
        "item_id": found.item.id,
        "created_at": _spelled(found.created_at),
        "role": "user" if isinstance(found.item, UserMessageItem) else "assistant",
        "snippet": _pieces(snippet(text_of(found.item) or "", query)),
    }


def _pieces(pieces: list[Piece]) -> list[dict[str, Any]]:
    return [{"text": piece.text, "marked": piece.marked} for piece in pieces]


def _spelled(moment: datetime) -> str:
    return item_marks.spelled(moment.astimezone(UTC))
