"""What all pages share: the addresses of static files, and how values are shown."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Flask, Response, current_app, request, send_from_directory, url_for
from markupsafe import Markup

from chat.errors import NotFound
from chat.web import gzipped, markdown, widgets

blueprint = Blueprint("pages", __name__)

A_YEAR: Final = 365 * 24 * 3600
PICTURES: Final = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))


def install(app: Flask) -> None:
    """Give the app's templates their filters and `asset()`, and serve what `asset()` names."""
    app.register_blueprint(blueprint)
    app.add_template_global(asset)
    app.add_template_global(asset_folder)
    app.add_template_filter(message_html)
    app.add_template_filter(widgets.widget_card, "widget_card")
    app.add_template_filter(readable_json)
    app.add_template_filter(markdown.safe_link, "safe_link")
    app.add_template_filter(image_source)
    app.add_template_filter(short_time)


def asset(filename: str) -> str:
    """Return the address of a file in static/, which changes whenever any of them does.

    The version stands in the path, so modules that import each other by relative path, and style
    sheets that name a picture, carry it along.
    """
    return url_for("pages.asset_file", version=asset_version(), filename=filename)


def asset_folder() -> str:
    """Return the address under which static/ is served, without a slash at its end."""
    return asset("x").removesuffix("/x")


@blueprint.get("/assets/<version>/<path:filename>")
def asset_file(version: str, filename: str) -> Response:
    """Serve a file of static/: for a year under its own version, for now under another one.

    A page that was loaded before a deployment asks for the version before; the file of today
    serves it, but must not be kept under that name.
    """
    current = version == asset_version()
    if filename.endswith("/"):
        raise NotFound("a file, with a slash after it")
    response = send_from_directory(
        static_folder(), filename, max_age=A_YEAR if current else 0, conditional=False
    )
    if current:
        response.cache_control.public = True
        response.cache_control.immutable = True
    return gzipped.conditional(response)


def asset_version() -> str:
    """Return twelve digits that stand for the content of static/, read once unless debugging."""
    if current_app.debug:
        _version_of.cache_clear()
    return _version_of(static_folder())


def static_folder() -> str:
    """Return where the files of static/ are."""
    folder = current_app.static_folder
    if folder is None:
        raise RuntimeError("the app has no static folder: leave Flask's static_folder set")
    return folder


@cache
def _version_of(folder: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def message_html(text: str) -> Markup:
    """Return a message's Markdown as safe HTML, with images of our own origin only."""
    return markdown.render(text, origin=request.host_url.rstrip("/").lower())


def image_source(address: str) -> str | None:
    """Return the address of a picture if a page may show it: our own, or one that is all data."""
    if address.startswith(PICTURES):
        return address
    return markdown.safe_image(address, origin=request.host_url.rstrip("/").lower())


def readable_json(value: object) -> str:
    """Return a tool's input or output as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def day_name(moment: datetime, today: date) -> str:
    """Return the heading under which a thread of that local moment is listed."""
    day = moment.date()
    age = (today - day).days
    if age <= 0:
        return "Today"
    if age == 1:
        return "Yesterday"
    if age <= 7:
        return "Previous 7 days"
    if age <= 30:
        return "Previous 30 days"
    return f"{day:%B}" if day.year == today.year else f"{day:%B %Y}"


def short_time(moment: datetime, heading: str) -> str:
    """Return a row's date as short as its heading allows: a time, a weekday, or a day."""
    if heading in {"Today", "Yesterday"}:
        return f"{moment:%H:%M}"
    return f"{moment:%a}" if heading == "Previous 7 days" else f"{moment.day} {moment:%b}"
