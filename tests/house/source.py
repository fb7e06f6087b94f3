"""The project's own files, as the rules of the house look at them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Module:
    """One Python file of the project, by its dotted name."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """The file as a person would name it."""
        return str(self.path.relative_to(ROOT))

    def walk(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)


@cache
def app_modules() -> tuple[Module, ...]:
    """Return what production runs: chat/, app.py and wsgi.py."""
    paths = [ROOT / "app.py", ROOT / "wsgi.py", *sorted((ROOT / "chat").rglob("*.py"))]
    return tuple(_module(path) for path in paths)


@cache
def all_modules() -> tuple[Module, ...]:
    """Return what production runs and what a developer's machine runs beside it."""
    more = [ROOT / "gunicorn.conf.py", *sorted((ROOT / "dev").rglob("*.py"))]
    return (*app_modules(), *(_module(path) for path in more if "node_modules" not in path.parts))


@cache
def text_files() -> tuple[Path, ...]:
    """Return every text file that is, or is about to be, part of the project."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / line for line in listed.splitlines()]
    return tuple(path for path in paths if path.is_file() and b"\0" not in path.read_bytes())


@cache
def documents() -> tuple[Path, ...]:
    """Return the Markdown files that people read."""
    return tuple(path for path in text_files() if path.suffix == ".md")


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


def number(found: list[str]) -> str:
    """Return the violations as lines for a failing test."""
    return "\n  ".join(["", *sorted(found)])


def table_words(markdown: str, heading: str) -> set[str]:
    """Return the words in code font in the first column of the tables below a heading."""
    _, _, below = markdown.partition(f"\n## {heading}\n")
    assert below, f"no heading '## {heading}'"
    section = re.split(r"\n## ", below)[0]
    rows = re.findall(r"^\|([^|]*)\|", section, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text()
    return Module(name, path, text, ast.parse(text))
