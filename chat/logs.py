"""Structured logs: one JSON object a line, with the request's id and user.

Messages carry ids, codes and durations. What people write, cookies, tokens and parameters never
reach a logger, so there is nothing to take out here but libraries' tracebacks: those are cut down
to the places, because an exception's text may quote its input.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from contextvars import ContextVar
from typing import Any, Final

request_id: ContextVar[str] = ContextVar("request_id", default="")
user_id: ContextVar[str] = ContextVar("user_id", default="")

OURS: Final = "chat"


class JsonFormatter(logging.Formatter):
    """One line of JSON: time in UTC, level, logger, message, and the request it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON."""
        fields: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in (("request_id", request_id.get()), ("user_id", user_id.get())):
            if value:
                fields[name] = value
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            fields["places"] = _places(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def configure() -> None:
    """Send everything from INFO on to standard error as JSON; libraries from WARNING on."""
    handler = logging.StreamHandler()
    formatter = JsonFormatter()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logging.INFO)
    # ChatKit and the Agents SDK write exceptions, and with them what the model was sent.
    for name in ("chatkit", "openai.agents", "openai", "httpx", "httpx2"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _places(exc_info: Any) -> list[str]:
    frames = traceback.extract_tb(exc_info[2])[-8:]
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
