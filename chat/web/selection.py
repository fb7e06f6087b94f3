"""Several threads at once: choosing them, what is done with them, and deleting everything."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chat.context import User
from chat.errors import InvalidRequest, NothingSelected, ThreadNotFound, TooManySelected
from chat.tables import deletions, thread_marks
from chat.web import parts
from chat.web.addresses import is_plain
from chat.web.export import export_selected
from chat.web.guard import current_user
from chat.web.manage import CONFIRMED, deletion_of_form, set_aside, where_from
from chat.web.services import services
from chat.web.thread_list import Shelf, ThreadPage, list_page

blueprint = Blueprint("selection", __name__)
blueprint.after_request(parts.vary)

MOST_SELECTED: Final = 1000
"""Threads that one form may change: a statement about them stays within its deadline."""
THE_WORD: Final = "delete"


@blueprint.route("/history/select", methods=["GET", "POST"])
def select() -> str:
    """Show the list with boxes to tick; a POST is a further page, which keeps what was ticked."""
    user = current_user()
    listed = _listed(user)
    if parts.wanted():
        return render_template("history/_threads.html", listed=listed, part=True, pick=True)
    ticked = _ticked() if request.method == "POST" else []
    here = {row.id for _, rows in listed.groups for row in rows}
    return render_template(
        "history/select.html",
        user=user,
        listed=listed,
        ticked=frozenset(ticked),
        elsewhere=[thread_id for thread_id in ticked if thread_id not in here],
    )


def _listed(user: User) -> ThreadPage:
    shelf: Shelf = "archived" if request.values.get("from") == "archived" else "newest"
    address = url_for("selection.select")
    if shelf == "archived":
        address += "?from=archived"
    return list_page(user, request.values.get("after"), shelf=shelf, address=address)


@blueprint.post("/history/selected")
def selected() -> AnyResponse | str:
    """Do with the threads in the form what its button says.

    Threads of others count like such as are not there. Raises NothingSelected, TooManySelected,
    and ThreadNotFound when none of them is there.
    """
    user = current_user()
    action = request.form.get("action", "")
    thread_ids = _ticked()
    if not thread_ids:
        raise NothingSelected("no id in the form")
    match action:
        case "delete" if request.form.get("confirm") == CONFIRMED:
            return set_aside(user, thread_ids)
        case "delete":
            return render_template(
                "history/delete_selected.html", user=user, ids=thread_ids, back=where_from()
            )
        case "archive" | "unarchive":
            return _put(user, thread_ids, action)
        case "export.md":
            return export_selected(user, thread_ids, "md")
        case "export.json":
            return export_selected(user, thread_ids, "json")
    raise InvalidRequest(f"action {action[:20]!a}")


def _ticked() -> list[str]:
    """Return the ids in the form, each once, without those that cannot be any."""
    found = list(dict.fromkeys(request.form.getlist("id")))
    if len(found) > MOST_SELECTED:
        raise TooManySelected(f"{len(found)} ids: the limit is {MOST_SELECTED}")
    return [thread_id for thread_id in found if is_plain(thread_id)]


def _put(user: User, thread_ids: list[str], action: str) -> AnyResponse:
    act = thread_marks.archive if action == "archive" else thread_marks.unarchive
    count = services().database.run(act, user_id=user.id, thread_ids=thread_ids)
    if not count:
        raise ThreadNotFound(thread_ids[0] if thread_ids else "")
    if parts.wanted():
        words = "archived" if action == "archive" else "back in your conversations"
        things = "1 conversation" if count == 1 else f"{count} conversations"
        return parts.changed(f"{things} {words}.", archived=action == "archive")
    return redirect(where_from(), code=303)


@blueprint.get("/history/delete-all")
def ask_delete_all() -> str:
    """Ask for the word that deletes everything."""
    return _ask_word(current_user(), None)


def _ask_word(user: User, typed: str | None) -> str:
    return render_template("history/delete_all.html", user=user, typed=typed)


@blueprint.post("/history/delete-all")
def delete_all() -> AnyResponse:
    """Delete all threads, archived ones too, if the form has the word; ask again otherwise."""
    user = current_user()
    typed = request.form.get("word", "")
    if typed.strip().lower() != THE_WORD:
        return Response(_ask_word(user, typed), status=InvalidRequest.status)
    deletion_id = deletion_of_form()
    run = services().database.run
    count = run(deletions.set_all_aside, user_id=user.id, deletion_id=deletion_id)
    services().upkeep.watch()
    if not count:
        return redirect(url_for("history.new"), code=303)
    return redirect(url_for("manage.deleted", deletion_id=deletion_id), code=303)
