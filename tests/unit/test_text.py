"""Clean text: what comes out can be stored, sent and shown, and nothing else changes."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from chatkit.types import AssistantMessageContent, AssistantMessageItem
from hypothesis import given
from hypothesis import strategies as st

from chat.text import StreamCleaner, clean, clean_json, clean_model
from tests.fix_store import an_answer

ANY_TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("\0\ud83d\ude00\udfff\ud800aé😀")), max_size=30
)


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("", ""),
        ("plain é 😀 \n\t", "plain é 😀 \n\t"),
        ("a\0b", "a\ufffdb"),
        ("\ud83d", "\ufffd"),
        ("\ude00", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd😀"),
    ],
)
def test_nul_and_lone_surrogates_become_replacement_characters(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


@given(ANY_TEXT)
def test_clean_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)

    assert "\0" not in cleaned
    cleaned.encode()
    assert clean(cleaned) is cleaned


@given(ANY_TEXT, st.lists(st.integers(0, 30)))
def test_a_text_in_pieces_is_cleaned_like_the_whole(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    cleaner = StreamCleaner()

    pieces = [cleaner.feed(text[a:b]) for a, b in pairwise(edges)]

    assert "".join(pieces) + cleaner.finish() == clean(text)


def test_half_a_character_waits_for_its_other_half() -> None:
    cleaner = StreamCleaner()

    assert [cleaner.feed("a\ud83d"), cleaner.feed("\ude00b")] == ["a", "😀b"]


def test_every_text_in_a_document_is_cleaned_keys_included() -> None:
    dirty = {"k\0": ["a\0", ("\ud83d", 1, None, 2.5, True)], "deep": {"er": ["\0"]}}

    cleaned = clean_json(dirty)

    assert cleaned == {
        "k\ufffd": ["a\ufffd", ("\ufffd", 1, None, 2.5, True)],
        "deep": {"er": ["\ufffd"]},
    }
    assert dirty["deep"] == {"er": ["\0"]}
    json.dumps(cleaned, ensure_ascii=False).encode()


def test_what_is_clean_already_is_not_copied() -> None:
    document, item = {"a": [1, "b", {"c": ("d",)}]}, an_answer()

    assert clean_json(document) is document
    assert clean_model(item) is item


def test_an_item_is_cleaned_through_all_its_parts() -> None:
    item = an_answer(text="a\0")
    item.content.append(AssistantMessageContent(text="\ud83d"))

    cleaned = clean_model(item)

    assert isinstance(cleaned, AssistantMessageItem)
    assert [part.text for part in cleaned.content] == ["a\ufffd", "\ufffd"]
    assert item.content[0].text == "a\0"
    assert clean_model(cleaned) is cleaned
