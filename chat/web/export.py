"""Conversations to take along: one, some or all, as Markdown for people and as JSON for programs.

The answer is a stream, read from the database as it is taken: see `chat.web.export_pages`. What
goes wrong before the first byte has a status. After it, the download breaks off without its end, so
that nobody takes a part for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, tzinfo
from itertools import chain
from typing import Final, Literal

from flask import Blueprint, Response, request

from chat import export_format
from chat.context import User
from chat.errors import ThreadNotFound
from chat.stream import reader_left
from chat.tables import thread_lists
from chat.web import errors, export_markdown
from chat.web.addresses import check_id, is_plain
from chat.web.conversation import UNTITLED
from chat.web.export_pages import Conversations, Pages
from chat.web.file_names import disposition, file_name
from chat.web.guard import current_user
from chat.web.services import services
from chat.web.streams import places
from chat.web.thread_list import time_zone

blueprint = Blueprint("export", __name__)

Form = Literal["md", "json"]
KINDS: Final = {"md": "text/markdown; charset=utf-8", "json": "application/json"}
PIECE: Final = 16 * 1024
"""Bytes that are sent at once: a reader that does not take them within 30 s is dropped."""


@blueprint.get("/history/<thread_id>/export.md", defaults={"form": "md"})
@blueprint.get("/history/<thread_id>/export.json", defaults={"form": "json"})
def thread(thread_id: str, form: Form) -> Response:
    """Send a thread; its title is the name of the file."""
    user = current_user()
    check_id(thread_id)
    found = services().database.run(thread_lists.find, user_id=user.id, thread_id=thread_id)
    return _download(user, [thread_id], form, found.title or UNTITLED)


@blueprint.get("/history/export.md", defaults={"form": "md"})
@blueprint.get("/history/export.json", defaults={"form": "json"})
def everything(form: Form) -> Response:
    """Send all threads of the user, archived ones too."""
    return _download(current_user(), None, form, _today())


def export_selected(user: User, ids: list[str], form: Form) -> Response:
    """Return those of these threads that are the user's; raise ThreadNotFound if none is."""
    return _download(user, [each for each in dict.fromkeys(ids) if is_plain(each)], form, _today())


def _today() -> str:
    return f"threadkeeper-{datetime.now(time_zone()).date().isoformat()}"


def _download(user: User, ids: list[str] | None, form: Form, title: str) -> Response:
    """Return the threads as a file; the first of them is read before the status is sent."""
    zone, left, begun = time_zone(), _gone(), False
    give_back = places.take(user.id)
    try:
        # Who leaves before the first piece is no failure of ours: no answer, and no line about it.
        pages = Pages(services().database, user.id, ids, lambda: begun and left())
        found = pages.conversations()
        if ids is not None:
            found = _some(found, ids)
        pieces = _pieces(_text(found, form, zone))
        first = next(pieces)
        begun = True
    except BaseException:
        give_back()
        raise
    response = Response(_to_the_end(first, pieces))
    response.call_on_close(pieces.close)
    response.call_on_close(give_back)
    response.headers["Content-Type"] = KINDS[form]
    response.headers["Content-Disposition"] = disposition(file_name(title, form))
    return response


def _gone() -> Callable[[], bool]:
    """Return a question that is answered True once the client of this request has left.

    Its socket waits 30 s for a client that accepts nothing, as that of every answer does.
    """
    sock = request.environ.get("gunicorn.socket")
    return (lambda: False) if sock is None else reader_left(sock)


def _some(found: Conversations, ids: list[str]) -> Conversations:
    """Return the conversations; raise ThreadNotFound if there are none."""
    first = next(found, None)
    if first is None:
        raise ThreadNotFound(", ".join(ids)[:200])
    return chain([first], found)


def _text(found: Conversations, form: Form, zone: tzinfo) -> Iterator[str]:
    return export_format.written(found) if form == "json" else export_markdown.written(found, zone)


def _pieces(texts: Iterator[str]) -> Generator[bytes, None, None]:
    """Yield the texts as bytes, PIECE at a time, however long or short each of them is."""
    waiting = bytearray()
    for text in texts:
        waiting += text.encode()
        start = 0
        while len(waiting) - start >= PIECE:
            yield bytes(waiting[start : start + PIECE])
            start += PIECE
        del waiting[:start]
    yield bytes(waiting)


def _to_the_end(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the whole download; what ends it early is raised, so that the server breaks it off."""
    yield first
    try:
        yield from pieces
    except BrokenPipeError:
        raise
    except Exception as exc:
        errors.log(exc)
        raise
