"""What a load balancer asks: is the process alive, and can it serve."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, jsonify

from chat.db import Connection
from chat.web.services import services

blueprint = Blueprint("health", __name__)

PING: Final = """
    -- chat.health.ping
    SELECT 1
"""


@blueprint.get("/livez")
def livez() -> Response:
    """Answer 200 as long as the process can answer at all; asks nothing of anybody else."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 when the database answers and has our tables, otherwise 503 and its code."""
    services().database.run(_ping)
    return jsonify(status="ready")


def _ping(conn: Connection) -> None:
    conn.execute(PING)
