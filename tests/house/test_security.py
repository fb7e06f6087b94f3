"""docs/security.md names the test that holds each promise, and each of them is there."""

from __future__ import annotations

import re

from tests.house.source import ROOT, number

PAGE = (ROOT / "docs" / "security.md").read_text()
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
HOLDS = re.compile(rf"{TEST.pattern}|`./run check`|this page")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+.*?) \|.*\| (.*?) \|$", re.MULTILINE)


def test_every_test_that_the_page_names_is_there() -> None:
    named = set(TEST.findall(PAGE))
    wrong = [f"{file}::{test}" for file, test in sorted(named) if not _is_there(file, test)]

    assert named
    assert not wrong, f"docs/security.md promises these tests:{number(wrong)}"


def test_every_requirement_says_what_holds_it() -> None:
    rows = ROW.findall(PAGE)
    wrong = [requirement for requirement, held_by in rows if not HOLDS.search(held_by)]

    assert len(rows) > 50
    assert not wrong, f"name what holds each of these:{number(wrong)}"


def _is_there(file: str, test: str) -> bool:
    path = ROOT / "tests" / file
    return path.exists() and re.search(rf"def {test}\(", path.read_text()) is not None
