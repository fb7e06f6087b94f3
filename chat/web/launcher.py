"""`GET /widget.js`: the one script that a page names to have the chat on it."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response

from chat.errors import NotFound
from chat.web import gzipped
from chat.web.pages import asset_folder, static_folder

blueprint = Blueprint("launcher", __name__)

BUILT: Final = Path("widget", "launcher.js")
PANEL: Final = '"__PANEL__"'
"""What stands in the built script for the folder that the rest of the widget is loaded from."""
CACHE: Final = "public, max-age=300, stale-while-revalidate=86400"
"""The address never changes, so a deployment has to reach people by itself: within five minutes, or
at the next page but one for those who were there within a day. Until then the older script works,
as today's files are served under the older version too."""


@blueprint.get("/widget.js")
def script() -> Response:
    """Serve the launcher, which knows under which version the rest of the widget is."""
    folder = f"{asset_folder()}/widget"
    content = _content(static_folder(), folder)
    response = Response(content, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = CACHE
    response.set_etag(hashlib.sha256(content).hexdigest()[:16])
    return gzipped.conditional(response)


@lru_cache(maxsize=4)
def _content(static: str, folder: str) -> bytes:
    """Return the script; the version in the folder stands for what is in the file."""
    try:
        built = Path(static, BUILT).read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise NotFound(f"{BUILT} is not built: ./run bundle") from exc
    return built.replace(PANEL, json.dumps(folder)).encode()
