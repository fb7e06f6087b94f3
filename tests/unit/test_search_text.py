"""What counts as a word, what a query asks for, and where a match is marked."""

from __future__ import annotations

import random
import unicodedata

import pytest
from chatkit.types import EndOfTurnItem, UserMessageItem

from chat.search_text import (
    LONGEST_QUERY,
    TooMuch,
    lexemes,
    marked,
    owner_of,
    parse,
    preview_of,
    snippet,
    text_of,
    words_of,
)
from chat.search_text.words import FOLDING, LONGEST_WORD, MOST_BYTES
from tests.fix_store import NOON, a_message, an_answer

EVERY_KIND = [
    "Die Straße ist naß, café or cafe\u0301, ﬁnish, İstanbul, ırmak, ÆSIR, Łódź, smørrebrød",
    "東京都に行く。がっこう、スーパー。iPhone用ケース",
    "ภาษาไทยเขียนติดกัน ພາສາລາວ ខ្មែរ မြန်မာ",
    "한국어를 배운다",
    "हिन्दी में लिखा",
    "مُحَمَّدٌ أحمد ة",
    "שָׁלוֹם עולם",
    "don't e-mail foo.bar v1.2.3 snake_case U.S.A. 1️⃣ x² ½",
]


def matches(text: str, query: str) -> bool:
    """Return whether a text is found, as PostgreSQL decides it: see tests/store/test_search.py."""
    words = words_of(text)

    def has(word: str, prefix: bool) -> bool:
        return any(known.startswith(word) if prefix else known == word for known in words)

    return all(
        all(has(term.word, term.prefix) for term in parts)
        or (whole is not None and has(whole.word, whole.prefix))
        for parts, whole in parse(query).groups
    )


def shown(text: str, query: str) -> str:
    """Return the snippet with its marked words in brackets."""
    pieces = snippet(text, parse(query))
    return "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Die Straße", "strasse"),
        ("DIE STRASSE", "Straße"),
        ("a café", "CAFE"),
        ("a cafe\u0301", "café"),
        ("ﬁnished", "finish"),
        ("İstanbul", "istanbul"),
        ("istanbul", "İSTANBUL"),
        ("ırmak", "IRMAK"),
        ("Łódź", "lodz"),
        ("smørrebrød", "Smorrebrod "),
        ("Ψυχή", "ψυχη"),
        ("Ёлка", "елка"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("שָׁלוֹם", "שלום"),
        ("हिन्दी में", "हिन्दी "),
        ("東京都に行く", "京都"),
        ("東京都に行く", "行く"),
        ("東京都に行く", "く"),
        ("がっこう", "か\u3099っこ"),
        ("ﾃｽﾄ", "テスト"),
        ("ภาษาไทย", "ไทย"),
        ("ខ្មែរ", "ែរ"),
        ("한국어를", "한국"),
        ("한국어를", "한구"),
        ("iPhone用ケース", "iphone "),
        ("iPhone用ケース", "ケース"),
        ("don't", "dont"),
        ("don\u2019t", "don't "),
        ("l\u2019eau", "eau "),
        ("e-mail", "email"),
        ("foo.bar.baz", "bar.baz "),
        ("foo.bar.baz", "foo"),
        ("v1.2.3", "v1.2"),
        ("snake_case", "case "),
        ("U.S.A.", "usa "),
        ("soft\u00adhyphen", "softhyphen "),
        ("ann@example.com", "example.com "),
        ("x²", "x2 "),
        ("threads", "thr"),
        ("threads and knots", "kno* threads "),
        ("w" * 300, "w" * 150),
    ],
)
def test_what_people_type_finds_what_they_mean(text: str, query: str) -> None:
    assert matches(text, query)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("threads", "thr "),
        ("threads", '"thr"'),
        ("threads", "reads"),
        ("threads", "threads knots"),
        ("running", "ran"),
        ("हिन्दी", "हिन्द "),
        ("東京", "京東"),
        ("e mail", "email"),
    ],
)
def test_and_not_what_they_do_not(text: str, query: str) -> None:
    assert not matches(text, query)


@pytest.mark.parametrize("text", EVERY_KIND)
def test_every_word_of_a_text_finds_it_and_is_marked(text: str) -> None:
    for word in text.split():
        query = word.strip(",.。、")
        assert matches(text, query), query
        assert "[" in shown(text, query), query


@pytest.mark.parametrize("text", EVERY_KIND)
def test_a_part_of_a_text_without_spaces_finds_it(text: str) -> None:
    for start in range(len(text) - 1):
        part = text[start : start + 2]
        if all(0x3041 <= ord(sign) <= 0x9FFF for sign in part):
            assert matches(text, part), part


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "& | ! ( ) :*",
        '"',
        '""',
        "'''",
        "\\",
        "***",
        "❤️ 👩🏽‍💻",
        "\0",
        "\ud800",
        "—",
        "_",
        "-",
    ],
)
def test_a_query_without_words_asks_for_nothing(query: str) -> None:
    assert not parse(query)
    assert snippet("whatever", parse(query)) != []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tax", "'OWNtax':*"),
        ("tax ", "'OWNtax'"),
        ("tax return", "'OWNtax' & 'OWNreturn':*"),
        ("tax* return ", "'OWNtax':* & 'OWNreturn'"),
        ('"tax return"', "'OWNtax' & 'OWNreturn'"),
        ("\u201ctax return\u201d", "'OWNtax' & 'OWNreturn'"),
        ('"tax ret', "'OWNtax' & 'OWNret':*"),
        ('tax"', "'OWNtax'"),
        ("tax tax ", "'OWNtax'"),
        ("tax:*&!(x)|'y'\\ ", "'OWNtax' & 'OWNx' & 'OWNy'"),
        ("e-mail", "(('OWNe' & 'OWNmail':*) | 'OWNemail':*)"),
        ("東京都 ", "'OWN東京' & 'OWN京都'"),
        ("水 ", "'OWN水':*"),
    ],
)
def test_a_query_is_made_of_quoted_words_and_nothing_else(query: str, expected: str) -> None:
    assert parse(query).tsquery("user_alice").replace(owner_of("user_alice"), "OWN") == expected


def test_a_query_has_bounds() -> None:
    assert parse("a " * 10)
    assert parse(" ".join(f"w{number}" for number in range(10)))
    for query in (
        " ".join(f"w{number}" for number in range(11)),
        "w" * (LONGEST_QUERY + 1),
        "a-" * 100,
        "x" * 100_000,
    ):
        with pytest.raises(TooMuch):
            parse(query)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("Die Straße & mehr", "strasse", "Die [Straße] & mehr"),
        ("der cafe\u0301 dort", "caf", "der [cafe\u0301] dort"),
        ("in İstanbul, ja", "ist", "in [İstanbul], ja"),
        ("ganz ﬁne Dinge", "fine ", "ganz [ﬁne] Dinge"),
        ("今日は東京都に行く。京都", "東京都", "今日は[東京都]に行く。[京都]"),
        ("an e-mail and Email", "email", "an [e-mail] and [Email]"),
        ("send an e-mail", "e-mail", "send an [e]-[mail]"),
        ("한국어를 배운다", "한국", "[한국어를] 배운다"),
        ("thread threads unthread", "thread ", "[thread] threads unthread"),
        ("thread threads unthread", "thread", "[thread] [threads] unthread"),
        ("# Head\n\n**Bold** is [a link](https://x.example)", "bold", "Head [Bold] is a link"),
        ("see [docs](https://needle.example/)", "needle", "see [docs](https://[needle].example/)"),
        ("<script>alert(1)</script>", "script", "<[script]>alert(1)</[script]>"),
        ("turn \u202eback\u202c now\x07", "now", "turn back [now]"),
        ("nothing of it", "zebra", "nothing of it"),
    ],
)
def test_a_snippet_marks_whole_words_as_they_were_written(
    text: str, query: str, expected: str
) -> None:
    assert shown(text, query) == expected


def test_a_snippet_is_the_piece_where_most_of_the_words_are() -> None:
    filler = "and so on with it " * 60
    text = f"the beginning {filler} the long needle of the tree {filler}"

    found = shown(text, "the needle tree ")

    assert "the] long [needle] of [the] [tree]" in found
    assert found.startswith("…")
    assert found.endswith("…")
    assert len(found) < 220


def test_a_snippet_of_a_huge_text_finds_what_stands_at_its_end() -> None:
    assert "[needle]" in shown("haystack " * 60_000 + "needle", "needle")
    assert "[needle]" in shown("干" * 300_000 + " needle", "needle")
    assert shown("a-" * 200_000, "zebra").endswith("…")


def test_titles_are_shown_whole() -> None:
    pieces = marked("Über Knoten und Fäden", parse("uber fad"))

    assert [piece.text for piece in pieces if piece.marked] == ["Über", "Fäden"]
    assert "".join(piece.text for piece in pieces) == "Über Knoten und Fäden"


def test_marking_never_changes_a_text() -> None:
    dice = random.Random(4)  # noqa: S311
    signs = "aé\u0301ßﬁİ東京がไ\u0e34한\u200d\u00ad-._' \n<&\ud800\0\U0001f468ॐ्"
    for _ in range(2_000):
        text = "".join(dice.choices(signs, k=dice.randrange(1, 40)))
        query = parse("".join(dice.choices(signs, k=dice.randrange(1, 6))))
        pieces = marked(text, query)
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.text for piece in pieces)


def test_words_are_bounded_and_can_be_stored() -> None:
    text = " ".join(f"word{number}" for number in range(200_000)) + " " + "y" * 5_000
    found = lexemes("user_alice", text) or []

    assert sum(len(word.encode()) for word in found) < MOST_BYTES + 300
    assert lexemes("user_alice", None) is None
    assert lexemes("user_alice", "") == []
    assert words_of("y" * 5_000) == ["y" * LONGEST_WORD]


def test_no_sign_of_unicode_makes_a_word_that_cannot_be_quoted() -> None:
    for code in range(0x110000):
        folded = FOLDING[code]
        assert not set(folded) & set("'\"\\&|!:*<>()\0"), hex(code)
        assert not any(sign.isspace() and sign != " " for sign in folded), hex(code)
    assert len(FOLDING) < 25_000


def test_folding_twice_changes_nothing() -> None:
    for code in range(0x30000):
        folded = FOLDING[code]
        assert folded.translate(FOLDING) == folded, (hex(code), unicodedata.name(chr(code), "?"))


def test_what_is_no_message_has_no_words() -> None:
    end = EndOfTurnItem(id="end_1", thread_id="thr_1", created_at=NOON)

    assert text_of(end) is None
    assert preview_of(end) is None


def test_a_quotation_is_found_and_the_preview_begins_with_ones_own_words() -> None:
    said = a_message(text="Why is that?")
    item = UserMessageItem(**{**said.model_dump(), "quoted_text": "All cats are grey."})

    assert "grey" in words_of(text_of(item) or "")
    assert preview_of(item) == "Why is that?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Hello\n\n- [x] **one**\n- two `code`", "Hello one two code"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("see ![cat](cat.png) and [this](https://x.example)", "see cat and this"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a | b 1 | 2"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("???", "???"),
        ("  \n ", ""),
        ("a\x07b \u202ec", "ab c"),
    ],
)
def test_a_preview_is_one_line_without_marks(text: str, expected: str) -> None:
    assert preview_of(an_answer(text=text)) == expected


def test_a_preview_of_a_huge_message_is_short() -> None:
    assert len(preview_of(a_message(text="word " * 200_000)) or "") <= 120
