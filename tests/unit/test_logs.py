"""The log: one JSON object a line, with whom it concerns, and nothing of what anybody wrote."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextvars import Context, copy_context
from typing import Any

import pytest

from chat import logs

SECRET = "what Alice wrote"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    names = (logs.OURS, "chatkit", "openai.agents", "openai", "httpx", "httpx2")
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in names}
    level = root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def line(message: str, *words: object, exc: BaseException | None = None) -> dict[str, Any]:
    """Return what the formatter makes of a record, after checking that it is one line."""
    info = (type(exc), exc, exc.__traceback__) if exc else None
    record = logging.LogRecord("chat.db", logging.WARNING, "db.py", 1, message, words, info)
    written = logs.JsonFormatter().format(record)
    assert "\n" not in written
    fields: dict[str, Any] = json.loads(written)
    return fields


def broken(text: str) -> BaseException:
    """Return an exception that was really raised, and whose words quote somebody."""
    try:
        _raise_deep(text, 12)
    except ValueError as exc:
        return exc
    raise AssertionError


def _raise_deep(text: str, depth: int) -> None:
    if depth:
        _raise_deep(text, depth - 1)
    raise ValueError(text)


def test_a_record_is_one_json_object() -> None:
    fields = line("settled turn=%s after=%d", "turn_1", 3)

    assert fields["message"] == "settled turn=turn_1 after=3"
    assert (fields["level"], fields["logger"]) == ("warning", "chat.db")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["time"])


def test_a_message_cannot_forge_a_second_line() -> None:
    fields = line('x\n{"level": "info", "message": "forged"}')

    assert fields["level"] == "warning"
    assert fields["message"].startswith("x\n")


def test_a_line_names_its_request_and_its_user() -> None:
    def inside() -> dict[str, Any]:
        logs.request_id.set("req_1")
        logs.user_id.set("user_alice")
        return line("answered")

    fields = copy_context().run(inside)

    assert (fields["request_id"], fields["user_id"]) == ("req_1", "user_alice")
    # In an empty context: earlier tests of this process may have left their request in ours.
    fields = Context().run(line, "nobody asks")
    assert not {"request_id", "user_id"} & set(fields)


def test_an_exception_is_cut_down_to_its_type_and_its_places() -> None:
    fields = line("unexpected ValueError", exc=broken(SECRET))

    assert fields["error"] == "ValueError"
    assert len(fields["places"]) == 8
    assert all(re.fullmatch(r"test_logs\.py:\d+ _raise_deep", place) for place in fields["places"])
    assert SECRET not in json.dumps(fields)


def test_the_cause_of_an_exception_says_nothing_either() -> None:
    try:
        raise KeyError(SECRET) from broken(SECRET)
    except KeyError as exc:
        fields = line("unexpected KeyError", exc=exc)

    assert fields["error"] == "KeyError"
    assert SECRET not in json.dumps(fields)


def test_odd_characters_are_kept_and_stay_on_their_line() -> None:
    assert line("a\u2028b é😀 \x00")["message"] == "a\u2028b é😀 \x00"


def test_ours_is_heard_from_info_on_and_libraries_from_warning_on(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()

    logging.getLogger("chat.turns").info("ours")
    logging.getLogger("chat.turns").debug("ours, in detail")
    logging.getLogger("werkzeug").info("a library")
    logging.getLogger("werkzeug").warning("a library worries")
    written = capsys.readouterr().err.splitlines()

    assert [json.loads(line)["message"] for line in written] == ["ours", "a library worries"]


@pytest.mark.parametrize("name", ["chatkit", "openai.agents", "openai", "httpx"])
def test_libraries_that_quote_people_are_silent(
    name: str, root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()

    logging.getLogger(name).error("request failed: %s", SECRET, exc_info=broken(SECRET))

    assert capsys.readouterr().err == ""


def test_configuring_twice_writes_each_line_once(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure()
    logs.configure()

    logging.getLogger("chat.web").warning("once")

    assert capsys.readouterr().err.count("once") == 1
