"""`POST /chatkit`: the whole ChatKit protocol, JSON or server-sent events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from chatkit.types import StreamingReq, is_streaming_req
from flask import Blueprint, Response, request

from chat.context import RequestContext
from chat.errors import NotFound
from chat.stream import as_sync, reader_left, worker
from chat.web import body
from chat.web.errors import as_event
from chat.web.guard import request_context
from chat.web.services import services

blueprint = Blueprint("chatkit", __name__)

READ_TIMEOUT: Final = 30.0
"""Seconds that a reader may take to accept bytes before its stream is dropped."""

STREAM_HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-store, no-transform",
    # Tells nginx not to keep events back until it has a buffer full.
    "X-Accel-Buffering": "no",
}


@blueprint.post("/chatkit")
def chatkit() -> Response:
    """Answer one ChatKit request of the signed-in user.

    The first event is there before the status is sent, so that a thread that is not theirs, or a
    database that is down, is answered with its own status and not inside a stream.
    """
    context = request_context()
    parsed = body.parse(body.read_json(request))
    if is_streaming_req(parsed):
        return _stream(parsed, context)
    answer = services().loop.run(services().assistant.answer(parsed, context))
    return Response(answer, mimetype="application/json")


def _stream(parsed: StreamingReq, context: RequestContext) -> Response:
    events = as_sync(
        services().assistant.stream(parsed, context), services().loop, gone=_reader_gone()
    )
    first = next(events, None)
    if first is None:
        raise NotFound("nothing to answer")
    response = Response(_with_error_event(first, events), headers=STREAM_HEADERS)
    response.call_on_close(events.close)
    return response


def _with_error_event(first: bytes, events: Iterator[bytes]) -> Iterator[bytes]:
    """Finish a stream that breaks with an event that says so."""
    try:
        yield first
        yield from events
    except Exception as exc:
        yield as_event(exc)


def _reader_gone() -> Callable[[], bool]:
    """Tell when nobody will read on: the client has left, or the worker is stopping."""
    sock = request.environ.get("gunicorn.socket")
    if sock is None:
        return worker.stopping
    sock.settimeout(READ_TIMEOUT)
    left = reader_left(sock)
    return lambda: left() or worker.stopping()
