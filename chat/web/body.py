"""A request's body: read within bounds, parsed and checked before anything happens."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from chatkit.types import (
    AttachmentsCreateReq,
    AttachmentsDeleteReq,
    ChatKitReq,
    InputTranscribeReq,
    ItemsListReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsCustomActionReq,
    ThreadsListReq,
    ThreadsSyncCustomActionReq,
    UserMessageInput,
)
from flask import Request
from pydantic import TypeAdapter, ValidationError
from werkzeug.exceptions import ClientDisconnected

from chat.errors import (
    AttachmentsRefused,
    BodyTooLarge,
    EmptyMessage,
    InvalidRequest,
    NotJson,
    UnsupportedRequest,
)

LARGEST_BODY: Final = 1024 * 1024
"""Bytes; a million small content parts would keep a thread busy for 5 s (measured)."""
LARGEST_DRAIN: Final = 8 * LARGEST_BODY
"""Bytes of a refused body that are read, so that the client sees the answer and no reset."""
DRAIN_SECONDS: Final = 2.0
"""How long any piece of a refused body is waited for."""
LARGEST_LIMIT: Final = 1000
"""Rows that may be asked for; a page has 100 at most."""

REQUEST: Final[TypeAdapter[ChatKitReq]] = TypeAdapter(ChatKitReq)
"""Built once: the SDK builds it for every request, which takes 4 ms."""


def read_json(request: Request) -> bytes:
    """Return the body of a JSON request, at most LARGEST_BODY bytes.

    Raises NotJson for another content type or an encoded body, and BodyTooLarge.
    """
    if request.mimetype != "application/json":
        raise NotJson(f"content type of {len(request.mimetype)} characters")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise NotJson("the body is encoded")
    try:
        body: bytes = request.stream.read(LARGEST_BODY + 1)
    except (ClientDisconnected, OSError) as exc:
        raise InvalidRequest("the body broke off") from exc
    if len(body) > LARGEST_BODY:
        raise BodyTooLarge(f"more than {LARGEST_BODY} bytes")
    return body


def drain(request: Request) -> bool:
    """Read the rest of a refused body away; return False if it is too much or too slow.

    A connection that is closed with bytes unread is reset, and the client then never sees why.
    """
    sock = request.environ.get("gunicorn.socket")
    if sock is not None:
        sock.settimeout(DRAIN_SECONDS)
    left = LARGEST_DRAIN
    try:
        while chunk := request.stream.read(min(left, 65536)):
            left -= len(chunk)
            if left <= 0:
                return False
    except (ClientDisconnected, OSError):
        return False
    return True


def parse(body: bytes) -> ChatKitReq:
    """Return the ChatKit request in the body; raise an InvalidRequest that says what is wrong."""
    try:
        parsed = REQUEST.validate_json(body)
    except ValidationError as exc:
        raise _refusal(exc) from None
    _check_text(parsed.model_dump())
    _check(parsed)
    return parsed


def _check(request: ChatKitReq) -> None:
    match request:
        case AttachmentsCreateReq() | AttachmentsDeleteReq():
            raise AttachmentsRefused(request.type)
        case InputTranscribeReq() | ThreadsCustomActionReq() | ThreadsSyncCustomActionReq():
            raise UnsupportedRequest(request.type)
        case ThreadsListReq() | ItemsListReq():
            limit = request.params.limit
            if limit is not None and not 1 <= limit <= LARGEST_LIMIT:
                raise InvalidRequest(f"limit is {limit}: it must be 1 to {LARGEST_LIMIT}")
        case ThreadsCreateReq() | ThreadsAddUserMessageReq():
            _check_message(request.params.input)
        case _:
            return


def _check_message(message: UserMessageInput) -> None:
    if message.attachments:
        raise AttachmentsRefused(f"{len(message.attachments)} attachments in a message")
    if not any(part.text.strip() for part in message.content):
        raise EmptyMessage("no text in the message")
    if message.inference_options.model or message.inference_options.tool_choice:
        raise UnsupportedRequest("the model and its tools are the site's choice")


def _check_text(value: Any) -> None:
    """Refuse what no database can store as text, and numbers that are none."""
    for leaf in _leaves(value):
        if isinstance(leaf, str) and "\0" in leaf:
            raise InvalidRequest("a NUL character in a text")
        if isinstance(leaf, float) and not math.isfinite(leaf):
            raise InvalidRequest("a number that is not finite")


def _leaves(value: Any) -> Iterator[Any]:
    """Yield every leaf and every key, however deep: a stack of ours, because Python's is short."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending.extend(value.keys())
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
        else:
            yield value


def _refusal(exc: ValidationError) -> InvalidRequest:
    errors = exc.errors(include_input=False, include_context=False, include_url=False)[:5]
    kinds = ", ".join(error["type"] for error in errors)
    if any(error["type"] == "union_tag_invalid" and not error["loc"] for error in errors):
        return UnsupportedRequest(kinds)
    return InvalidRequest(f"{exc.error_count()} problems: {kinds}")
