"""Migrations are numbered without a gap, and named for the one change that each makes."""

from __future__ import annotations

import re

from chat.migrate import FOLDER, read_files
from tests.house.source import ROOT, number

VERBS = {"create", "add", "mark", "index", "drop", "rename", "move", "fill", "change", "split"}


def test_every_file_has_its_number_and_a_verb() -> None:
    names = [file.name for file in read_files(FOLDER)]
    wrong = [name for name in names if name.split("_")[1].removesuffix(".sql") not in VERBS]

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert not wrong, f"name it for what it does, like 0001_create_threads.sql:{number(wrong)}"


def test_the_folder_holds_nothing_else() -> None:
    others = [path.name for path in FOLDER.iterdir() if path.suffix != ".sql"]

    assert not others, f"migrations/ is for numbered SQL files alone: {others}"


def test_every_key_begins_with_the_owner() -> None:
    wrong = []
    for file in read_files(FOLDER):
        sql = re.sub(r"--[^\n]*", "", file.sql.decode())
        keys = re.findall(r"(?:PRIMARY KEY|FOREIGN KEY|UNIQUE)\s*\(([^)]*)\)", sql)
        wrong += [f"{file.name}: ({key})" for key in keys if not key.startswith("user_id")]

    assert not wrong, f"the owner leads every primary, foreign and unique key:{number(wrong)}"


def test_what_was_decided_about_them_is_written_down() -> None:
    assert (ROOT / "docs" / "operations.md").read_text().count("python -m chat.migrate")
