"""From exception to answer: JSON for programs, a page for people, an event in a stream."""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, Response, g, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from chat.errors import ChatError, ConfigError, NotSignedIn
from chat.running_turn import coded
from chat.turn_log import as_line, as_sse
from chat.web import parts

logger = logging.getLogger(__name__)

HTTP_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
SENTENCES: Final = {
    400: "That request could not be understood.",
    404: "We couldn't find that page.",
    405: "That can't be done here.",
    413: "That is too much to send at once.",
}
LONGEST_WORDS: Final = 200
JSON_PATHS: Final = ("/chatkit", "/livez", "/readyz")


def install(app: Flask) -> None:
    """Answer every exception of the app honestly, with a stable code and the request's id."""
    app.register_error_handler(ChatError, _on_chat_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_bug)


def as_event(exc: Exception) -> bytes:
    """Return the exception as ChatKit's `error` event, for a stream that has begun."""
    log(exc)
    return as_sse(as_line(coded(exc)))


def log(exc: BaseException) -> None:
    """Log an exception: a line for what we expect, the places in the code for a bug.

    The words of a ChatError are ours: ids, values and limits. They are cut, because an id may
    have been made up by whoever sent it; those about settings are for operators, and whole.
    """
    words = ascii(str(exc) if isinstance(exc, ConfigError) else str(exc)[:LONGEST_WORDS])
    if not isinstance(exc, ChatError):
        logger.error("unexpected %s", type(exc).__name__, exc_info=exc)
    elif exc.status >= 500:
        logger.warning("failed code=%s why=%s", exc.code, words)
    else:
        logger.info("refused code=%s status=%d why=%s", exc.code, exc.status, words)


def _on_chat_error(exc: ChatError) -> AnyResponse:
    log(exc)
    if isinstance(exc, NotSignedIn) and not _wants_json():
        return _to_sign_in()
    return _answer(exc.status, exc.code, exc.public, exc.retry_after)


def _on_http_exception(exc: HTTPException) -> AnyResponse:
    """Answer what Werkzeug raises; its redirects keep their headers."""
    status = exc.code or 500
    if status < 400:
        return exc.get_response(request.environ)
    answer = _answer(
        status,
        HTTP_CODES.get(status, "invalid_request"),
        SENTENCES.get(status, SENTENCES[400]),
        None,
    )
    if status == 405:
        answer.headers["Allow"] = ", ".join(sorted(getattr(exc, "valid_methods", None) or ()))
    return answer


def _on_bug(exc: Exception) -> AnyResponse:
    log(exc)
    return _answer(500, ChatError.code, ChatError.public, None)


def _answer(status: int, code: str, message: str, retry_after: int | None) -> Response:
    request_id = g.get("request_id", "")
    if _wants_json():
        answer = jsonify(error={"code": code, "message": message, "request_id": request_id})
    else:
        answer = Response(
            render_template(
                "error.html",
                status=status,
                code=code,
                message=message,
                request_id=request_id,
                retry_after=retry_after,
            )
        )
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def _to_sign_in() -> AnyResponse:
    """Send a person to sign in, and back to where they were."""
    here = request.full_path.rstrip("?") if request.method == "GET" else url_for("history.index")
    return redirect(url_for("sign_in.sign_in", next=here), code=303)


def _wants_json() -> bool:
    return parts.wanted() or request.path.startswith(JSON_PATHS)
