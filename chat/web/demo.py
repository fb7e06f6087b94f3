"""The page on which a developer tries the widget; only where the setting DEMO_PAGE is on."""

from __future__ import annotations

from flask import Blueprint, render_template

blueprint = Blueprint("demo", __name__)


@blueprint.get("/demo")
def page() -> str:
    """Show a made-up shop with the widget on it; it is the same for everybody."""
    return render_template("demo.html")
