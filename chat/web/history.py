"""The pages on which people find and read their conversations."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from chat.context import User
from chat.tables import thread_lists
from chat.web import parts
from chat.web.addresses import check_id
from chat.web.conversation import conversation_page
from chat.web.guard import current_user
from chat.web.services import services
from chat.web.thread_list import list_page, row_of, time_zone

blueprint = Blueprint("history", __name__)
blueprint.after_request(parts.vary)


@blueprint.after_request
def keep_house(response: FlaskResponse) -> FlaskResponse:
    """Purge what was deleted, for as long as somebody looks at conversations.

    Only for who is signed in: any robot that passes by would keep the database awake.
    """
    if "user" in g:
        services().upkeep.watch()
    return response


@blueprint.get("/")
def home() -> Response:
    """Send everybody to their conversations."""
    return redirect(url_for("history.index"))


@blueprint.get("/history")
def index() -> str:
    """Show the list; in the browser, the page reopens the thread that was open last."""
    user = current_user()
    after = request.args.get("after")
    listed = list_page(user, after)
    if parts.wanted():
        return render_template("history/_threads.html", listed=listed, part=True)
    return render_template(
        "history/index.html", user=user, listed=listed, conversation=None, reopen=after is None
    )


@blueprint.get("/history/new")
def new() -> str:
    """Show an empty conversation, whatever was open before."""
    user = current_user()
    if parts.top_wanted():
        return render_template("history/_top.html", open=None)
    return render_template(
        "history/index.html",
        user=user,
        listed=list_page(user, None),
        conversation=None,
        reopen=False,
    )


@blueprint.get("/history/archived")
def archived() -> str:
    """Show what was put away, a page at a time."""
    user = current_user()
    listed = list_page(user, request.args.get("after"), shelf="archived")
    if parts.wanted():
        return render_template("history/_threads.html", listed=listed, part=True)
    return render_template("history/archived.html", user=user, listed=listed)


@blueprint.get("/history/<thread_id>")
def thread(thread_id: str) -> str:
    """Show the newest messages of a thread, or those that the address asks for."""
    user = current_user()
    if parts.top_wanted():
        return _top(user, thread_id)
    return render_template(
        "history/index.html",
        user=user,
        conversation=conversation_page(user, thread_id, request.args, time_zone()),
        listed=list_page(user, None),
        reopen=False,
    )


def _top(user: User, thread_id: str) -> str:
    check_id(thread_id)
    found = services().database.run(thread_lists.find, user_id=user.id, thread_id=thread_id)
    return render_template("history/_top.html", open=row_of(found, time_zone()))
