"""The table of promises says what the tests told, and every test in it is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.source import ROOT, number
from tests.reliability import FIGURES, PAGE, page, told

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_the_table_is_what_the_tests_told() -> None:
    text = PAGE.read_text()

    assert page(text) == text, "write it anew: .venv/bin/python -m tests.reliability"


def test_every_test_in_the_table_is_there() -> None:
    wrong = []
    for one in told():
        file, _, name = one["test"].partition("::")
        path = ROOT / file
        plain = re.escape(name.partition("[")[0])
        if not path.exists() or not re.search(rf"def {plain}\(", path.read_text()):
            wrong.append(one["test"])

    assert not wrong, f"remove what is gone from {FIGURES.name}/:{number(wrong)}"


def test_every_test_that_tells_figures_is_in_the_table() -> None:
    known = {one["test"].partition("[")[0] for one in told()}
    wrong = [test for test in _tests_that_tell() if test not in known]

    assert not wrong, f"run these with ./run soak, which keeps what they tell:{number(wrong)}"


def test_every_long_test_tells_figures() -> None:
    telling = set(_tests_that_tell())
    # Those of a module that is long as a whole may be there for what it needs, and tell nothing.
    wrong = [
        test
        for test, node, _ in _tests()
        if "pytest.mark.soak" in _marks(node) and test not in telling
    ]

    assert not wrong, f"let these tell what they counted, with `figures`:{number(wrong)}"


def _tests_that_tell() -> list[str]:
    return [
        test
        for test, node, marks in _tests()
        if {"pytest.mark.soak", "pytest.mark.measured"} & (marks | _marks(node))
        and "figures" in [each.arg for each in node.args.args]
    ]


def _marks(node: Function) -> set[str]:
    return set(map(ast.unparse, node.decorator_list))


def _tests() -> Iterator[tuple[str, Function, set[str]]]:
    """Yield each test's name, the function, and the mark of its whole module."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text())
        marks = {
            ast.unparse(line.value)
            for line in module.body
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "pytestmark"
        }
        for node in ast.walk(module):
            if isinstance(node, Function):
                yield f"{path.relative_to(ROOT)}::{node.name}", node, marks
