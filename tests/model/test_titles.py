"""Titles: one clean line, whatever people or models write."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import InvalidRequest
from chat.model import ModelSource, better_title, clean_title, title_from_message
from chat.model.naming import tidied
from tests.fix_model import ModelServer, Reply
from tests.model.turns import compatible, openai_like


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("How do I bake bread?", "How do I bake bread?"),
        ("\n\n  How\tdo   I bake?  \nSecond line", "How do I bake?"),
        ("# Heading", "Heading"),
        ("### Heading ###", "Heading"),
        ("> quoted **bold** and *soft* words", "quoted bold and soft words"),
        ("- [ ] buy `milk`", "buy milk"),
        ("2. second", "second"),
        ("see [the docs](https://a.example/x) now", "see the docs now"),
        ("![a cat](cat.png)", "a cat"),
        ("keep snake_case and 2*3*4 in C#", "keep snake_case and 2*3*4 in C#"),
        ("__strong__ _words_", "strong words"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("---\nafter the rule", "after the rule"),
        ("***", "***"),
        ("???", "???"),
        ("👍", "👍"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        ("a\u202egnp.exe\u200b\u2066b\u2069", "agnp.exeb"),
        ("bell\a and \x1b[31mred", "bell and [31mred"),
        ("nul \0 half \ud83d", "nul \ufffd half \ufffd"),
        ("你好，世界", "你好，世界"),
        ("", None),
        (" \n\t ", None),
        ("\u200b\u202e\u2066", None),
        ("\u200d", None),
    ],
)
def test_a_title_is_made_of_the_first_line(message: str, title: str | None) -> None:
    assert title_from_message(message) == title


def test_a_long_first_line_is_cut_at_a_word() -> None:
    title = title_from_message("word " * 100)

    assert title == "word " * 11 + "word…"
    assert len(title) <= 60


@pytest.mark.parametrize("text", ["x" * 500, "你" * 500, "😀" * 500])
def test_a_line_without_spaces_is_cut_where_it_is(text: str) -> None:
    assert title_from_message(text) == text[:59] + "…"


@pytest.mark.parametrize(
    "text",
    ["*" * 10**6, "[" * 10**6, "`" * 10**6, "_a" * 500_000, "\n" * 10**6, "x" + " " * 10**6 + "x"],
)
def test_a_megabyte_of_marks_costs_no_time(text: str) -> None:
    before = time.monotonic()

    title_from_message(text)

    assert time.monotonic() - before < 0.5


@given(st.text(max_size=300))
def test_every_title_is_one_short_visible_line(text: str) -> None:
    title = title_from_message(text)

    if title is not None:
        assert 0 < len(title) <= 60
        assert title == title.strip()
        assert len(title.splitlines()) == 1
        assert clean_title(title) == title


def test_a_name_is_cleaned_and_cut() -> None:
    assert clean_title("  Tax\n return\u202e 2026 ") == "Tax return 2026"
    assert clean_title("**stars** stay") == "**stars** stay"
    assert len(clean_title("long " * 30_000)) <= 200
    assert clean_title("x" * 200) == "x" * 200


@pytest.mark.parametrize("name", ["", "   ", "\n\t", "\u202e\u200b", "\x00"[:0], "\u00ad"])
def test_a_name_that_shows_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        clean_title(name)


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("Baking bread", "Baking bread"),
        ('"Baking bread."', "Baking bread"),
        ("Title: Baking bread", "Baking bread"),
        ("**Title:** “Baking bread”", "Baking bread"),
        ("# Baking bread\n\nHere is why …", "Baking bread"),
        ("« Faire du pain »", "Faire du pain"),
        ("\n\nBread\u202e", "Bread"),
        ("", None),
        ("...", None),
        ('""', None),
        (
            "I am sorry, but as a language model I cannot name this conversation for you at all.",
            None,
        ),
    ],
)
def test_a_models_reply_is_tidied(reply: str, title: str | None) -> None:
    assert tidied(reply) == title


@pytest.mark.parametrize("source", [compatible, openai_like])
async def test_the_model_names_a_conversation(model_server: ModelServer, source: Any) -> None:
    model_server.script_whole('"Baking bread."')
    model = source(model_server)

    title = await better_title(model, "How do I bake?", "With an oven. " * 5000)

    assert title == "Baking bread"
    [request] = model_server.requests
    assert len(str(request)) < 8_000
    assert not request.get("stream")
    assert not request.get("store")
    await model.aclose()


@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=429), Reply(status=401), Reply(pieces=[]), Reply(raw=b"{")],
)
async def test_a_title_that_fails_is_none_and_logs_no_text(
    model_server: ModelServer, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    model_server.script_whole(reply)
    model = compatible(model_server)

    assert await better_title(model, "canary", "canary") is None

    assert "canary" not in caplog.text
    await model.aclose()


async def test_a_title_is_not_waited_for_longer_than_its_time(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.model.naming.SECONDS", 0.2)
    model_server.script_whole(Reply(pieces=["late"], status=200, pause=30))
    model = compatible(model_server)
    before = time.monotonic()

    assert await better_title(model, "hello", "hi") is None

    assert time.monotonic() - before < 2
    await model.aclose()


async def test_cancelling_a_title_passes_through(model_server: ModelServer) -> None:
    model_server.script_whole(Reply(pieces=["late"], pause=30))
    model = compatible(model_server)
    naming = asyncio.create_task(better_title(model, "hello", "hi"))
    await asyncio.sleep(0.1)

    naming.cancel()

    with pytest.raises(asyncio.CancelledError):
        await naming
    await model.aclose()


async def test_without_a_model_there_is_no_better_title() -> None:
    assert await better_title(ModelSource("offline"), "hello", "hi") is None
