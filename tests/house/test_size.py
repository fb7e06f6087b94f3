"""Modules and functions of a size that one can hold in mind, each with its contract."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import Module, all_modules, app_modules, number

LONGEST_MODULE = 299
LONGEST_FUNCTION = 40

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def test_a_module_holds_one_concept_in_under_300_lines() -> None:
    sizes = {module.place: len(module.text.splitlines()) for module in all_modules()}
    wrong = [f"{place}: {lines}" for place, lines in sizes.items() if lines > LONGEST_MODULE]

    assert not wrong, f"split these modules by what they are about:{number(wrong)}"


def test_a_function_has_at_most_40_lines() -> None:
    wrong = []
    for module in all_modules():
        for node in module.walk():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    wrong.append(f"{module.place}:{node.lineno} {node.name}: {lines}")

    assert not wrong, f"give a part of it a name of its own:{number(wrong)}"


def test_every_public_thing_says_what_it_promises() -> None:
    wrong = []
    for module in all_modules():
        if not ast.get_docstring(module.tree):
            wrong.append(f"{module.place}: the module")
        for node in _public(module):
            if not ast.get_docstring(node):
                wrong.append(f"{module.place}:{node.lineno} {node.name}")

    assert not wrong, f"write one imperative sentence, then the contract:{number(wrong)}"


def test_the_app_prints_nothing() -> None:
    wrong = [
        f"{module.place}:{node.lineno}"
        for module in app_modules()
        for node in module.walk()
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "pprint"}
    ]

    assert not wrong, f"use the module's logger:{number(wrong)}"


def _public(module: Module) -> Iterator[Definition]:
    for node in module.tree.body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Definition) and not inner.name.startswith("_"):
                    yield inner
