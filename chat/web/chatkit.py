"""`POST /chatkit`, the whole ChatKit protocol, and the turns that its clients come back to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Generator
from typing import Final

from chatkit.types import ItemsListReq, NonStreamingReq, StreamingReq, is_streaming_req
from flask import Blueprint, Response, jsonify, request

from chat.context import RequestContext
from chat.errors import InvalidRequest
from chat.tables import thread_lists, threads
from chat.tables import turns as table
from chat.tables.turns import TurnRow
from chat.turn_readers import join, live, replay
from chat.web import body, guard, streams
from chat.web.guard import request_context
from chat.web.services import services

blueprint = Blueprint("chatkit", __name__)

KEEP_HEADER: Final = "X-Threadkeeper-Turn"
"""`keep`: the turn goes on when its reader leaves. Our own clients send it with every request."""
KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@blueprint.post("/chatkit")
def chatkit() -> Response:
    """Answer one ChatKit request of the signed-in user.

    A streaming request is a turn. With an Idempotency-Key, the same request again is answered with
    the events of the same turn, from the first on.
    """
    context = request_context()
    sent = body.read_json(request)
    parsed = body.parse(sent)
    if is_streaming_req(parsed):
        return _stream(parsed, context, hashlib.sha256(sent).hexdigest())
    return _answer(parsed, context)


@blueprint.get("/chatkit/turns/<thread_id>")
def join_turn(thread_id: str) -> Response:
    """Join the turn that runs in the thread: its items so far, then live; 204 if none runs."""
    context = request_context()
    run = services().database.run
    row = run(table.find_running, user_id=context.user_id, thread_id=thread_id)
    if row is None:
        run(thread_lists.find, user_id=context.user_id, thread_id=thread_id)
        return Response(status=204)
    return streams.answer(
        context.user_id,
        lambda gone: join(services().turns, services().database, row, _or_signed_out(gone)),
    )


@blueprint.post("/chatkit/turns/<thread_id>/stop")
def stop_turn(thread_id: str) -> Response:
    """Stop the turn that runs in the thread, on whichever worker; safe to repeat."""
    context = request_context()
    stopping = services().loop.run(services().turns.stop(context, thread_id))
    if not stopping:
        services().database.run(thread_lists.find, user_id=context.user_id, thread_id=thread_id)
    return jsonify(stopping=stopping)


def _answer(parsed: NonStreamingReq, context: RequestContext) -> Response:
    ours = request.headers.get(KEEP_HEADER) == "keep"
    answer = services().loop.run(services().assistant.answer(parsed, context, with_marks=ours))
    if ours and isinstance(parsed, ItemsListReq) and parsed.params.after is None:
        thread_id = parsed.params.thread_id
        services().database.run(threads.mark_read, user_id=context.user_id, thread_id=thread_id)
    return Response(answer, mimetype="application/json")


def _stream(parsed: StreamingReq, context: RequestContext, request_hash: str) -> Response:
    key = _key()
    keep = request.headers.get(KEEP_HEADER) == "keep"
    turns, database, assistant = services().turns, services().database, services().assistant

    def begin(gone: Callable[[], bool]) -> Generator[bytes, None, None]:
        begun = services().loop.run(
            assistant.begin(parsed, context, key=key, request_hash=request_hash, keep=keep)
        )
        if isinstance(begun, TurnRow):
            return replay(turns, database, begun, _or_signed_out(gone))
        return live(turns, *begun, _or_signed_out(gone))

    return streams.answer(context.user_id, begin)


def _or_signed_out(gone: Callable[[], bool]) -> Callable[[], bool]:
    """Return the same question, which also raises once this request's session is over."""
    session = guard.watch_session()

    def question() -> bool:
        session.check()
        return gone()

    return question


def _key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequest("an Idempotency-Key is 1 to 255 printable characters without spaces")
    return key
