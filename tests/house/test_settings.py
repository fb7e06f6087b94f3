"""README names every setting, and every setting that it names exists."""

from __future__ import annotations

import ast
import re

from tests.house.source import ROOT, all_modules, table_words

READERS = {"required", "optional", "each", "get"}
NAME = re.compile(r"[A-Z][A-Z_]+")
PLACES = {"chat/config.py", "dev/settings.py", "dev/postgres_binaries.py"}


def read_names() -> dict[str, str]:
    """Return every variable that is read by name, and where."""
    found = {}
    for module in all_modules():
        for node in module.walk():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in READERS
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and NAME.fullmatch(str(node.args[0].value))
            ):
                found[str(node.args[0].value)] = module.place
    # Of the system, not of ours.
    found.pop("PATH", None)
    return found


def test_readme_has_every_setting_and_no_other() -> None:
    told = {word for word in _told() if NAME.fullmatch(word)}
    read = read_names()

    missing = {name: place for name, place in read.items() if name not in told}
    assert not missing, f"add these to the settings table in README.md: {missing}"
    assert not told - read.keys(), f"nobody reads these any more: {told - read.keys()}"


def test_settings_are_read_in_a_few_places_only() -> None:
    wrong = {name: place for name, place in read_names().items() if place not in PLACES}

    assert not wrong, f"read them in chat/config.py and pass them on: {wrong}"


def test_the_help_of_run_names_settings_that_readme_knows() -> None:
    text = (ROOT / "run").read_text()
    words = set(re.findall(r"^  ([A-Z_]{4,}) ", text, re.MULTILINE))

    assert words
    assert words <= _told()


def _told() -> set[str]:
    return table_words((ROOT / "README.md").read_text(), "Settings")
