"""What a load balancer asks: is the process alive, and can it serve."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from chat.migrate import check_current
from chat.web.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """Answer 200 as long as the process can answer at all; asks nothing of anybody else."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 when the database answers with all our migrations, otherwise 503 and its code."""
    services().database.run(check_current)
    return jsonify(status="ready")
