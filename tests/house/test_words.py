"""What people read stands in tables of words: none is missing, none unused, languages are whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, number

SCRIPTS = ROOT / "static" / "js"
ENGLISH = ("words.js", "message-words.js", "card-words.js", "official-words.js")
LANGUAGES = sorted((SCRIPTS / "chat" / "words").glob("*.js"))
ENTRY = re.compile(r'^  (?:"([\w.]+)"|(\w+)): "(.*)",$', re.MULTILINE)
ASKED = re.compile(r'"((?:[a-z]\w*)\.\w[\w.]*)"')
PARTLY = re.compile(r"`([a-z]\w*\.(?:\w+\.)?)\$\{")
PLACE = re.compile(r"\{(\w+)\}")
# Words that a person would read, in a place from which they are shown.
LITERAL = re.compile(
    r'(?:aria-label"?: |title: |placeholder: |alt: |label: |textContent = |data = |unseen\()"[A-Z]'
)


def table(path: Path) -> dict[str, str]:
    """Return the entries of a table; all of them are lines of the same form."""
    lines = path.read_text().split("{\n", 1)[1].split("\n}", 1)[0].splitlines()
    entries = ENTRY.findall(path.read_text())
    assert len(entries) == len(lines), f"{path.name}: one entry in each line"
    return {quoted or bare: words for quoted, bare, words in entries}


def english() -> dict[str, str]:
    return {key: words for name in ENGLISH for key, words in table(SCRIPTS / "chat" / name).items()}


def sources() -> dict[str, str]:
    """Return the modules that say something, without the tables."""
    paths = [*(SCRIPTS / "chat").rglob("*.js"), *(SCRIPTS / "widget").glob("*.js")]
    tables = {*LANGUAGES, *(SCRIPTS / "chat" / name for name in ENGLISH)}
    return {
        str(path.relative_to(SCRIPTS)): path.read_text() for path in paths if path not in tables
    }


def asked() -> tuple[set[str], set[str]]:
    """Return the keys that sources name, and the beginnings of those that they put together."""
    text = "\n".join(sources().values())
    return set(ASKED.findall(text)), set(PARTLY.findall(text))


def test_every_key_that_is_asked_for_has_words() -> None:
    known = english()
    groups = {key.split(".")[0] for key in known}
    whole, parts = asked()
    missing = {key for key in whole if key.split(".")[0] in groups} - known.keys()
    missing |= {
        part
        for part in parts
        if part.split(".")[0] in groups and not any(key.startswith(part) for key in known)
    }

    assert not missing, f"add them to static/js/chat/words.js:{number(sorted(missing))}"


def test_no_words_are_left_that_nobody_says() -> None:
    whole, parts = asked()
    text = "\n".join(sources().values())
    faults = {f"fault.{code}" for code in re.findall(r'fault\([^)]*?"(\w+)"', text)}
    faults |= {"fault.unreachable", "fault.offline", "locale"}
    unused = {
        key
        for key in english().keys() - whole - faults
        if not any(key.startswith(part) for part in parts - {"fault."})
    }

    assert not unused, f"nothing says these words any more:{number(sorted(unused))}"


def test_no_sentence_stands_outside_the_tables() -> None:
    found = [
        f"{place}: {line.strip()}"
        for place, text in sources().items()
        if place not in {"widget/words.js", "widget/loading.js", "widget/options.js"}
        for line in text.splitlines()
        if LITERAL.search(line)
    ]

    assert not found, f"say it through word(key), static/js/chat/words.js:{number(found)}"


@pytest.mark.parametrize("path", LANGUAGES, ids=lambda path: path.stem)
def test_a_language_has_all_words_with_their_places(path: Path) -> None:
    own, known = table(path), english()
    wrong = [key for key, words in own.items() if not words.strip()]
    wrong += sorted(known.keys() - own.keys())
    wrong += sorted(key for key in own.keys() - known.keys() if not key.startswith("error."))
    wrong += [
        key
        for key in own.keys() & known.keys()
        if sorted(PLACE.findall(own[key])) != sorted(PLACE.findall(known[key]))
    ]

    assert not wrong, f"{path.name} lacks these, or has them otherwise:{number(wrong)}"
    assert own["locale"] == path.stem


def test_all_languages_translate_the_same_errors_and_only_ours() -> None:
    codes = {
        path.stem: {key.removeprefix("error.") for key in table(path) if key.startswith("error.")}
        for path in LANGUAGES
    }
    documented = set(re.findall(r"`(\w+)`", _section("## Error codes")))
    every = set().union(*codes.values())

    assert len(codes) == 4
    assert every <= documented, every - documented
    lacking = {name: every - own for name, own in codes.items() if own != every}
    assert not lacking, f"add these to static/js/chat/words:{lacking}"


def test_each_language_is_loaded_and_documented() -> None:
    loader = (SCRIPTS / "chat" / "words.js").read_text()
    launcher = (SCRIPTS / "widget" / "words.js").read_text()
    told = (ROOT / "docs" / "embedding.md").read_text()
    names = [path.stem for path in LANGUAGES]

    assert [name for name in names if f'import("./words/{name}.js")' not in loader] == []
    assert [name for name in names if f"|{name}|" not in launcher] == []
    assert [name for name in names if f"`{name}`" not in told] == []


def _section(heading: str) -> str:
    text = (ROOT / "docs" / "architecture.md").read_text()
    return text.split(heading, 1)[1].split("\n## ", 1)[0]
