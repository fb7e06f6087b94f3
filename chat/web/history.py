"""The pages on which people find, read and delete their conversations."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Final, Literal
from zoneinfo import ZoneInfo

from chatkit.types import ThreadItem
from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from chat.context import User
from chat.errors import ThreadNotFound, UnknownCursor
from chat.tables import item_pages, items, threads
from chat.web.guard import current_user
from chat.web.pages import day_name
from chat.web.services import services

blueprint = Blueprint("history", __name__)

PAGE_SIZE: Final = 20
LONGEST_ID: Final = 200
UNTITLED: Final = "New conversation"
HIDDEN: Final = frozenset({"hidden_context_item", "sdk_hidden_context", "end_of_turn"})


@dataclass(frozen=True, slots=True)
class Row:
    """A thread as the list shows it; `moment` is in the reader's time zone.

    `state` says that an answer is being written, or was finished and not read yet.
    """

    id: str
    title: str
    moment: datetime
    state: Literal["writing", "unread", ""] = ""


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """One page of the list: rows under the name of their day, and the cursor of the next page."""

    groups: list[tuple[str, list[Row]]]
    next: str | None
    first: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """One page of a thread, oldest first; `earlier` is the item before which the next one ends.

    `outcomes` says of items by id how they ended when they did not end well.
    """

    id: str
    title: str
    status: str
    items: list[ThreadItem]
    outcomes: dict[str, str]
    writing: bool
    earlier: str | None
    newest: bool


@blueprint.get("/")
def home() -> Response:
    """Send everybody to their conversations."""
    return redirect(url_for("history.index"))


@blueprint.get("/history")
def index() -> str:
    """Show the list; in the browser, the page reopens the thread that was open last."""
    user = current_user()
    after = request.args.get("after")
    listed = _threads(user, after)
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
        listed=_threads(user, None),
        conversation=None,
        reopen=False,
    )


@blueprint.get("/history/<thread_id>")
def thread(thread_id: str) -> str:
    """Show the newest messages of a thread, or those before the item named by `before`."""
    user = current_user()
    return render_template(
        "history/index.html",
        user=user,
        conversation=_conversation(user, thread_id, request.args.get("before")),
        listed=_threads(user, None),
        reopen=False,
    )


@blueprint.post("/history/<thread_id>/delete")
def delete(thread_id: str) -> Response | str:
    """Delete the thread once the form says `confirm=yes`; ask first when it does not.

    A thread that is gone already reads like one that never was: 404.
    """
    user = current_user()
    _check_id(thread_id)
    if request.form.get("confirm") != "yes":
        found = services().database.run(threads.find, user_id=user.id, thread_id=thread_id)
        return render_template("history/delete.html", user=user, row=_row(found, UTC))
    if not services().database.run(threads.delete, user_id=user.id, thread_id=thread_id):
        raise ThreadNotFound(thread_id)
    return redirect(url_for("history.new"), code=303)


def _threads(user: User, after: str | None) -> ThreadPage:
    place = None if after is None else place_of(after)
    found = services().database.run(threads.newest, user_id=user.id, limit=PAGE_SIZE, after=place)
    zone = _time_zone()
    rows = [_row(row, zone) for row in found.rows]
    return ThreadPage(
        groups=list(_by_day(rows, datetime.now(zone))),
        next=None if found.next is None else cursor_of(found.next),
        first=after is None,
    )


def _by_day(rows: list[Row], now: datetime) -> Iterator[tuple[str, list[Row]]]:
    for name, group in groupby(rows, lambda row: day_name(row.moment, now.date())):
        yield name, list(group)


def _row(row: threads.ThreadRow, zone: tzinfo) -> Row:
    moment = row.last_message_at.astimezone(zone)
    return Row(row.id, row.title or UNTITLED, moment, _state(row))


def _state(row: threads.ThreadRow) -> Literal["writing", "unread", ""]:
    if row.writing:
        return "writing"
    return "unread" if row.unread else ""


def _conversation(user: User, thread_id: str, before: str | None) -> Conversation:
    _check_id(thread_id)
    if before is not None and not _is_plain(before):
        raise UnknownCursor(before)
    run = services().database.run
    found = run(threads.find, user_id=user.id, thread_id=thread_id)
    page = run(
        item_pages.page_desc, user_id=user.id, thread_id=thread_id, limit=PAGE_SIZE, after=before
    )
    shown = [item for item in reversed(page.data) if item.type not in HIDDEN]
    if found.unread and before is None:
        run(threads.mark_read, user_id=user.id, thread_id=thread_id)
    return Conversation(
        id=found.id,
        title=found.title or UNTITLED,
        status=found.status,
        items=shown,
        outcomes=_outcomes(user, thread_id, shown),
        writing=found.writing,
        earlier=page.after if page.has_more else None,
        newest=before is None,
    )


def _outcomes(user: User, thread_id: str, shown: list[ThreadItem]) -> dict[str, str]:
    ids = [item.id for item in shown]
    run = services().database.run
    return run(items.outcomes, user_id=user.id, thread_id=thread_id, item_ids=ids)


def cursor_of(place: threads.Place) -> str:
    """Return a place in the list as one word for an address."""
    words = f"{place.last_message_at.isoformat()} {place.id}"
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def place_of(cursor: str) -> threads.Place:
    """Return the place that `cursor_of` made the word from; raise UnknownCursor for others."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        words = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        moment, _, thread_id = words.partition(" ")
        place = threads.Place(datetime.fromisoformat(moment), thread_id)
    except (ValueError, binascii.Error) as exc:
        raise UnknownCursor(cursor) from exc
    if place.last_message_at.tzinfo is None or not _is_plain(thread_id):
        raise UnknownCursor(cursor)
    return place


def _check_id(thread_id: str) -> None:
    """Refuse what cannot be an id before the database does: a NUL byte would be an error there."""
    if not _is_plain(thread_id):
        raise ThreadNotFound(thread_id)


def _is_plain(word: str) -> bool:
    return 0 < len(word) <= LONGEST_ID and word.isprintable()


def _time_zone() -> tzinfo:
    """Return the reader's time zone, which the page keeps in a cookie; UTC until it is known."""
    name = request.cookies.get("timezone", "")
    try:
        return ZoneInfo(name) if len(name) <= LONGEST_ID and name.isascii() else UTC
    except (OSError, ValueError, KeyError):
        return UTC
