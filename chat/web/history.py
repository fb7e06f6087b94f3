"""The pages on which people find, read and delete their conversations."""

from __future__ import annotations

from datetime import UTC

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from chat.errors import ThreadNotFound
from chat.tables import deletions, thread_lists
from chat.web.addresses import check_id
from chat.web.conversation import conversation_page
from chat.web.guard import current_user
from chat.web.services import services
from chat.web.thread_list import list_page, row_of, time_zone

blueprint = Blueprint("history", __name__)


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
    if request.headers.get("X-Part") == "threads":
        return render_template("history/_threads.html", listed=listed)
    return render_template(
        "history/index.html", user=user, listed=listed, conversation=None, reopen=after is None
    )


@blueprint.get("/history/new")
def new() -> str:
    """Show an empty conversation, whatever was open before."""
    user = current_user()
    return render_template(
        "history/index.html",
        user=user,
        listed=list_page(user, None),
        conversation=None,
        reopen=False,
    )


@blueprint.get("/history/<thread_id>")
def thread(thread_id: str) -> str:
    """Show the newest messages of a thread, or those that the address asks for."""
    user = current_user()
    return render_template(
        "history/index.html",
        user=user,
        conversation=conversation_page(user, thread_id, request.args, time_zone()),
        listed=list_page(user, None),
        reopen=False,
    )


@blueprint.post("/history/<thread_id>/delete")
def delete(thread_id: str) -> Response | str:
    """Delete the thread once the form says `confirm=yes`; ask first when it does not.

    A thread that is gone already reads like one that never was: 404.
    """
    user = current_user()
    check_id(thread_id)
    if request.form.get("confirm") != "yes":
        found = services().database.run(thread_lists.find, user_id=user.id, thread_id=thread_id)
        return render_template("history/delete.html", user=user, row=row_of(found, UTC))
    if not services().database.run(deletions.delete, user_id=user.id, thread_id=thread_id):
        raise ThreadNotFound(thread_id)
    return redirect(url_for("history.new"), code=303)
