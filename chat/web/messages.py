"""Sending a message with a plain form, and reading its answer once it is there.

Nobody follows the turn that such a form begins: it belongs to the server, and the page shows what
there is of it. See docs/decisions/0028.
"""

from __future__ import annotations

import hashlib
import queue
import re
import secrets
import time
from typing import Final

from chatkit.types import (
    InferenceOptions,
    StreamingReq,
    ThreadAddUserMessageParams,
    ThreadCreateParams,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    UserMessageInput,
    UserMessageTextContent,
)
from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chat.context import RequestContext
from chat.errors import (
    BodyTooLarge,
    ChatError,
    CrossSiteRequest,
    EmptyMessage,
    InvalidRequest,
    Overloaded,
    ThreadClosed,
    ThreadNotFound,
    TooManyStreams,
)
from chat.running_turn import END, Ready
from chat.tables.turns import TurnRow
from chat.text import clean, shows_something
from chat.web import errors
from chat.web.addresses import check_id
from chat.web.guard import request_context
from chat.web.services import services
from chat.web.streams import places

blueprint = Blueprint("messages", __name__)

WAIT_SECONDS: Final = 2.0
"""How long the page waits for its answer; a longer one is shown when the person asks for it."""
LONGEST_TEXT: Final = 20_000
"""Characters, as the box counts them; three bytes each at most, so that a form has room for it."""
KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


@blueprint.app_template_global("form_key")
def form_key() -> str:
    """Return the key of a form: the same words sent twice with it are one message."""
    return secrets.token_hex(16)


@blueprint.app_template_global("longest_text")
def longest_text() -> int:
    """Return how many characters a form's message may have."""
    return LONGEST_TEXT


@blueprint.post("/history/messages")
def start() -> AnyResponse:
    """Begin a thread with the message in the form."""
    return _send(None)


@blueprint.post("/history/<thread_id>/messages")
def send(thread_id: str) -> AnyResponse:
    """Send the message in the form into a thread."""
    return _send(thread_id)


def _send(thread_id: str | None) -> AnyResponse:
    text = clean(request.form.get("text", "").replace("\r\n", "\n"))
    try:
        context = request_context()
        sent_to = _begin(context, thread_id, text)
    except CrossSiteRequest:
        raise
    except ChatError as exc:
        errors.log(exc)
        return _unsent(exc, thread_id, text)
    return redirect(url_for("history.thread", thread_id=sent_to), code=303)


def _begin(context: RequestContext, thread_id: str | None, text: str) -> str:
    """Begin to answer the text; return the id of its thread, after a moment for the answer."""
    if thread_id is not None:
        check_id(thread_id)
    parsed, key = _request(thread_id, text), _key(thread_id, text)
    begun = services().loop.run(
        services().assistant.begin(parsed, context, key=key, request_hash=key, keep=True)
    )
    if isinstance(begun, TurnRow):
        return begun.thread_id
    turn, ready = begun
    try:
        _wait(context, ready)
    finally:
        # From here on the turn has no reader: what it streams is kept for nobody.
        services().turns.leave(turn, ready)
    return turn.new.thread_id


def _request(thread_id: str | None, text: str) -> StreamingReq:
    if not shows_something(text):
        raise EmptyMessage("no text in the form")
    if len(text) > LONGEST_TEXT:
        raise BodyTooLarge(f"{len(text)} characters: the limit is {LONGEST_TEXT}")
    message = UserMessageInput(
        content=[UserMessageTextContent(text=text)],
        attachments=[],
        quoted_text=None,
        inference_options=InferenceOptions(),
    )
    if thread_id is None:
        return ThreadsCreateReq(params=ThreadCreateParams(input=message))
    params = ThreadAddUserMessageParams(thread_id=thread_id, input=message)
    return ThreadsAddUserMessageReq(params=params)


def _key(thread_id: str | None, text: str) -> str | None:
    """Return what makes the same words from the same form one message.

    Other words are another message: who goes back in the browser has the old form before them.
    """
    given = request.form.get("key")
    if given is None:
        return None
    if not KEY.fullmatch(given):
        raise InvalidRequest(f"a form's key of {len(given)} characters")
    words = "\n".join([given, thread_id or "", text])
    return f"form-{hashlib.sha256(words.encode()).hexdigest()}"


def _wait(context: RequestContext, ready: Ready) -> None:
    """Wait for the end of the turn, WAIT_SECONDS at most, in a place as a stream has one."""
    try:
        give_back = places.take(context.user_id)
    except (Overloaded, TooManyStreams):
        return
    until = time.monotonic() + WAIT_SECONDS
    try:
        while (left := until - time.monotonic()) > 0:
            if ready.get(timeout=left) == END:
                return
    except queue.Empty:
        return
    finally:
        give_back()


def _unsent(exc: ChatError, thread_id: str | None, text: str) -> Response:
    """Return a page that says why, with the words still in their box.

    It asks nothing of the database, which may be what is missing.
    """
    elsewhere = isinstance(exc, ThreadClosed | ThreadNotFound)
    page = render_template(
        "history/unsent.html",
        problem=exc,
        text=text,
        thread_id=None if elsewhere else thread_id,
        back=None if isinstance(exc, ThreadNotFound) else thread_id,
        key=request.form.get("key", "") if exc.allow_retry else form_key(),
        request_id=g.request_id,
    )
    answer = Response(page, status=exc.status)
    if exc.retry_after is not None:
        answer.headers["Retry-After"] = str(exc.retry_after)
    return answer
