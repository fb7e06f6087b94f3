"""The headers that every answer carries, and the line that every request leaves in the log."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Final

from flask import Flask, Response, g, request

from chat import logs
from chat.config import origin_of
from chat.stream import worker
from chat.web.body import drain
from chat.web.services import services

logger = logging.getLogger(__name__)

SOCKET_SECONDS: Final = 30.0
"""How long a client may accept nothing of an answer, so that it holds no thread for ever."""
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")

# No page of ours may be framed: the widget lives in the host page itself, not in a frame.
# What a form leads to counts as its target: signing out may end at the site's own sign-in page.
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'{targets}; base-uri 'none'; frame-ancestors 'none'"
)


SHARED: Final = frozenset({"static", "pages.asset_file", "launcher.script"})
"""Endpoints whose answers are the same for everybody, on whatever site they are shown."""


def install(app: Flask) -> None:
    """Give every request an id and a nonce, and every answer its headers."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.jinja_env.globals["csp_nonce"] = lambda: g.csp_nonce


def let_forms_lead_to(origin: str) -> None:
    """Let the forms of this answer end at another origin, as the way back from signing in may."""
    g.led_to = origin


def _begin() -> None:
    """Take the proxy's request id if it is a plain word, so that both logs can be read together."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    g.csp_nonce = secrets.token_urlsafe(16)
    g.began = time.monotonic()
    logs.request_id.set(g.request_id)
    logs.user_id.set("")
    sock = request.environ.get("gunicorn.socket")
    if sock is not None:
        sock.settimeout(SOCKET_SECONDS)


def _finish(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Content-Security-Policy"] = _policy()
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if (services().settings.public_url or "").startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    # A site that isolates itself (COEP) takes a script of another origin only with this word.
    shared = request.endpoint in SHARED
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-origin"
    if not shared:
        # Every page is somebody's own: no cache may keep it, not even the browser's.
        headers.setdefault("Cache-Control", "no-store")
        headers.add("Vary", "Cookie")
    if response.status_code >= 400 and request.method == "POST" and not drain(request):
        worker.close_connection()
    logger.info(
        "answered method=%s route=%s status=%d ms=%d",
        request.method,
        request.url_rule or "none",
        response.status_code,
        (time.monotonic() - g.began) * 1000,
    )
    return response


def _policy() -> str:
    sign_in_url = services().settings.sign_in_url
    found = [origin_of(sign_in_url)] if sign_in_url else []
    found += [g.led_to] if "led_to" in g else []
    targets = "".join(f" {origin}" for origin in found)
    return POLICY.format(nonce=g.csp_nonce, targets=targets)
