"""What people do with one thread besides talking: rename, pin, put away, delete, bring back.

A form that htmx sends is answered with news for the page; the same form without JavaScript is
answered with the page where the person was, or with one that asks.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC
from typing import Final, Protocol

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chat.connection import Connection
from chat.context import User
from chat.errors import EmptyTitle, ThreadNotFound, TitleTooLong, UndoTooLate
from chat.model.titles import typed_title
from chat.tables import deletions, thread_lists, thread_marks, threads
from chat.text import clean
from chat.web import errors, parts
from chat.web.addresses import check_id, is_plain
from chat.web.guard import current_user, own_origin
from chat.web.return_path import return_path
from chat.web.services import services
from chat.web.thread_list import Row, row_of

blueprint = Blueprint("manage", __name__)
blueprint.after_request(parts.vary)

CONFIRMED: Final = "yes"
DELETION: Final = re.compile(r"[0-9a-f]{32}")


class Put(Protocol):
    """A table function that puts threads of a user somewhere, and returns how many."""

    def __call__(self, conn: Connection, *, user_id: str, thread_ids: list[str]) -> int:
        """Put those of the threads that are the user's."""


@blueprint.get("/history/<thread_id>/rename")
def ask_name(thread_id: str) -> str:
    """Show a form with the thread's name in it."""
    row = _find(current_user(), thread_id)
    return render_template("history/rename.html", row=row, title=row.title, problem=None)


@blueprint.post("/history/<thread_id>/rename")
def rename(thread_id: str) -> AnyResponse:
    """Give the thread the name in the form, which no model replaces from then on.

    A name that cannot be one is shown again with a sentence.
    """
    user = current_user()
    row = _find(user, thread_id)
    typed = request.form.get("title", "")
    try:
        title = typed_title(typed)
    except (EmptyTitle, TitleTooLong) as exc:
        if parts.wanted():
            raise
        errors.log(exc)
        page = render_template("history/rename.html", row=row, title=clean(typed), problem=exc)
        return Response(page, status=exc.status)
    services().database.run(threads.rename, user_id=user.id, thread_id=thread_id, title=title)
    if parts.wanted():
        return parts.changed("Renamed.", id=thread_id, title=title)
    return redirect(url_for("history.thread", thread_id=thread_id), code=303)


@blueprint.post("/history/<thread_id>/pin")
def pin(thread_id: str) -> AnyResponse:
    """Put the thread above all others; out of the archive, if it is there."""
    user = current_user()
    check_id(thread_id)
    services().database.run(thread_marks.pin, user_id=user.id, thread_id=thread_id)
    return _done("Pinned.", thread_id, pinned=True, archived=False)


@blueprint.post("/history/<thread_id>/unpin")
def unpin(thread_id: str) -> AnyResponse:
    """Put the thread back among the others."""
    user = current_user()
    check_id(thread_id)
    services().database.run(thread_marks.unpin, user_id=user.id, thread_id=thread_id)
    return _done("Unpinned.", thread_id, pinned=False)


@blueprint.post("/history/<thread_id>/archive")
def archive(thread_id: str) -> AnyResponse:
    """Put the thread away; it keeps everything, and a message in it brings it back."""
    return _put(thread_marks.archive, thread_id, "Archived.", archived=True)


@blueprint.post("/history/<thread_id>/unarchive")
def unarchive(thread_id: str) -> AnyResponse:
    """Bring the thread back into the list."""
    return _put(thread_marks.unarchive, thread_id, "Back in your conversations.", archived=False)


def _put(put: Put, thread_id: str, said: str, *, archived: bool) -> AnyResponse:
    user = current_user()
    check_id(thread_id)
    if not services().database.run(put, user_id=user.id, thread_ids=[thread_id]):
        raise ThreadNotFound(thread_id)
    return _done(said, thread_id, archived=archived)


@blueprint.post("/history/<thread_id>/delete")
def delete(thread_id: str) -> AnyResponse | str:
    """Delete the thread: for good with `confirm=yes`, with ten seconds to undo with `undo=yes`.

    Asks first when the form says neither. A thread that is gone already reads like one that never
    was: 404.
    """
    user = current_user()
    check_id(thread_id)
    run = services().database.run
    if request.form.get("undo") == CONFIRMED:
        return set_aside(user, [thread_id])
    if request.form.get("confirm") != CONFIRMED:
        row = _find(user, thread_id)
        return render_template("history/delete.html", user=user, row=row)
    if not run(deletions.delete, user_id=user.id, thread_id=thread_id):
        raise ThreadNotFound(thread_id)
    return redirect(url_for("history.new"), code=303)


def set_aside(user: User, thread_ids: list[str]) -> AnyResponse:
    """Delete those of the threads that are the user's, and say how it can be undone.

    Raises ThreadNotFound when none is.
    """
    deletion_id = deletion_of_form()
    count = services().database.run(
        deletions.set_aside, user_id=user.id, thread_ids=thread_ids, deletion_id=deletion_id
    )
    if not count:
        raise ThreadNotFound(thread_ids[0] if thread_ids else "")
    services().upkeep.watch()
    said = "Deleted." if count == 1 else f"{count} conversations deleted."
    if parts.wanted():
        return parts.changed(said, deletion=deletion_id)
    return redirect(url_for("manage.deleted", deletion_id=deletion_id), code=303)


@blueprint.app_template_global("new_deletion")
def new_deletion() -> str:
    """Return the id of a deletion that a form may ask for: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def deletion_of_form() -> str:
    """Return the deletion that the form names, so that sending it twice is one; or a new one."""
    given = request.form.get("deletion", "")
    return given if DELETION.fullmatch(given) else new_deletion()


@blueprint.get("/history/deletions/<deletion_id>")
def deleted(deletion_id: str) -> str:
    """Show that something was deleted, and the button that undoes it; raise UndoTooLate."""
    user = current_user()
    run = services().database.run
    if not is_plain(deletion_id) or not run(
        deletions.waiting, user_id=user.id, deletion_id=deletion_id
    ):
        raise UndoTooLate("nothing is left of that deletion")
    return render_template("history/deleted.html", user=user, deletion_id=deletion_id)


@blueprint.post("/history/deletions/<deletion_id>/undo")
def undo(deletion_id: str) -> AnyResponse:
    """Bring back what that deletion took; raise UndoTooLate when there is nothing to bring."""
    user = current_user()
    count = 0
    if is_plain(deletion_id):
        count = services().database.run(deletions.restore, user_id=user.id, deletion_id=deletion_id)
    if not count:
        raise UndoTooLate("nothing is left of that deletion")
    if parts.wanted():
        return parts.changed("Restored.", restored=True)
    return redirect(url_for("history.new"), code=303)


def _find(user: User, thread_id: str) -> Row:
    check_id(thread_id)
    found = services().database.run(thread_lists.find, user_id=user.id, thread_id=thread_id)
    return row_of(found, UTC)


def _done(said: str, thread_id: str, **news: bool) -> AnyResponse:
    if parts.wanted():
        return parts.changed(said, id=thread_id, **news)
    return redirect(where_from(), code=303)


def where_from() -> str:
    """Return the page of ours on which the person was, or the list."""
    own, page = own_origin(), request.referrer or ""
    path = page.removeprefix(own) if own and page.startswith(f"{own}/") else None
    return return_path(path, url_for("history.index"))
