"""A request's body: read within bounds, parsed and checked before anything happens."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import IO, Any, Final, cast

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
from pydantic_core import from_json
from werkzeug.wsgi import get_input_stream

from chat import page_context
from chat.errors import (
    AttachmentsRefused,
    BodyTooLarge,
    EmptyMessage,
    InvalidRequest,
    NotJson,
    QuoteTooLong,
    UnsupportedRequest,
)
from chat.text import shows_something
from chat.web.senders import senders

LARGEST_BODY: Final = 1024 * 1024
"""Bytes; a million small content parts would keep a thread busy for 5 s (measured)."""
LARGEST_FORM: Final = 64 * 1024
"""Bytes of a form that names one thing; the largest has a name of 320 characters, a password."""
LARGEST_SELECTION: Final = 1024 * 1024
"""Bytes of a form about many threads, or with a title of any length, so that each is refused with
the sentence about it."""
LARGEST_DRAIN: Final = 8 * LARGEST_BODY
"""Bytes of a refused body that are read, so that the client sees the answer and no reset."""
BODY_SECONDS: Final = 30.0
"""How long a whole body may take: a megabyte over a slow line."""
DRAIN_SECONDS: Final = 2.0
"""How long the rest of a refused body is waited for, all of it together."""
INPUT: Final = "threadkeeper.input"
"""Where the environment keeps what the body is read from: `wsgi.input` becomes the form."""
LARGEST_LIMIT: Final = 1000
"""Rows that may be asked for; a page has 100 at most."""
MOST_VALUES: Final = 10_000
"""Values of a request where ChatKit fixes their form. Messages have some dozens, and each one that
does not fit takes 1.5 KB: a megabyte of such took 900 MB of memory and 10 s (measured)."""
FREE: Final = frozenset(
    {
        ("metadata",),
        ("params", "action"),
        ("params", "result"),
        ("params", "input", "content", "[]", "data"),
    }
)
"""Where a request may hold any JSON, which is taken as it is and never compared with a form."""
DEEPEST: Final = max(map(len, FREE)) + 1
"""A place this deep or deeper is told apart from those above, and no further."""
LONGEST_QUOTE: Final = 10_000
"""Code points of the text that a message quotes: some pages of a book."""

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
    return _read(request, LARGEST_BODY)


def take_form(request: Request, limit: int = LARGEST_FORM) -> None:
    """Read a form of at most `limit` bytes, for `request.form` to find.

    Raises BodyTooLarge, and InvalidRequest when it breaks off or takes longer than BODY_SECONDS.
    It is read before it is parsed: a parser writes large files to the disk.
    """
    form = _read(request, limit)
    # Flask has a bound of its own, which is lower.
    request.max_form_memory_size = limit
    request.environ["wsgi.input"] = io.BytesIO(form)
    request.environ["wsgi.input_terminated"] = True


def drain(request: Request) -> bool:
    """Read the rest of a refused body away; return False if it is too much or too slow.

    A connection that is closed with bytes unread is reset, and the client then never sees why.
    """
    left = LARGEST_DRAIN
    stream = _input(request)
    try:
        with senders.within(DRAIN_SECONDS):
            while chunk := stream.read(min(left, 65536)):
                left -= len(chunk)
                if left <= 0:
                    return False
    # Whatever the web server finds wrong with a chunk: the answer is there already.
    except Exception:
        return False
    return not senders.ended()


def _read(request: Request, limit: int) -> bytes:
    length = request.content_length or 0
    if length > limit:
        raise BodyTooLarge(f"{length} bytes: the limit is {limit}")
    try:
        with senders.within(BODY_SECONDS):
            body = _input(request).read(limit + 1)
    # The web server's own errors for a broken chunk have no class in common.
    except Exception as exc:
        raise InvalidRequest(f"the body broke off: {type(exc).__name__}") from exc
    if len(body) > limit:
        raise BodyTooLarge(f"more than {limit} bytes")
    if len(body) < length:
        raise InvalidRequest(f"the body broke off after {len(body)} of {length} bytes")
    return body


def _input(request: Request) -> IO[bytes]:
    """Return what the web server reads the body from, the same each time."""
    environ = request.environ
    if INPUT not in environ:
        environ[INPUT] = get_input_stream(environ)
    return cast(IO[bytes], environ[INPUT])


def parse(body: bytes) -> ChatKitReq:
    """Return the ChatKit request in the body; raise an InvalidRequest that says what is wrong."""
    _check_size(body)
    try:
        parsed = REQUEST.validate_json(body)
    except ValidationError as exc:
        raise _refusal(exc) from None
    _check_text(parsed.model_dump(warnings=False))
    _check(parsed)
    return parsed


def _check_size(body: bytes) -> None:
    """Refuse more values than are worth to be compared with what they should be."""
    try:
        pending: list[tuple[Any, tuple[str, ...]]] = [(from_json(body), ())]
    except ValueError as exc:
        raise InvalidRequest("no JSON") from exc
    count = 0
    while pending:
        value, place = pending.pop()
        if place in FREE or not isinstance(value, dict | list):
            continue
        count += len(value)
        if count > MOST_VALUES:
            raise InvalidRequest(f"more than {MOST_VALUES} values")
        named = value.items() if isinstance(value, dict) else (("[]", each) for each in value)
        pending += [(each, (*place, name)[:DEEPEST]) for name, each in named]


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
            page_context.sent_with(request.metadata)
        case _:
            return


def _check_message(message: UserMessageInput) -> None:
    if message.attachments:
        raise AttachmentsRefused(f"{len(message.attachments)} attachments in a message")
    if not any(shows_something(part.text) for part in message.content):
        raise EmptyMessage("no text in the message")
    if len(message.quoted_text or "") > LONGEST_QUOTE:
        raise QuoteTooLong(
            f"{len(message.quoted_text or '')} characters: the limit is {LONGEST_QUOTE}"
        )
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
