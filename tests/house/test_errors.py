"""The errors are one drawn tree, and each tells a person something."""

from __future__ import annotations

import re
from collections import Counter

from chat import errors
from chat.errors import ChatError
from tests.house.source import ROOT, number, table_words

BRANCH = re.compile(r"^ {4}([│├└─ ]*)((?:[A-Z]\w+ *)+)", re.MULTILINE)


def everything(cls: type[ChatError] = ChatError) -> list[type[ChatError]]:
    """Return the class and all below it, those of chat/errors/ only."""
    below = [found for child in cls.__subclasses__() for found in everything(child)]
    return [found for found in [cls, *below] if found.__module__.startswith("chat.errors.")]


def drawn() -> dict[str, str]:
    """Return the drawing in chat/errors.py: each class's name, and its parent's."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for bars, names in BRANCH.findall(errors.__doc__ or ""):
        depth = len(bars) // 4
        for name in names.split():
            parents[name] = path[depth - 1] if depth else ""
            path[depth:] = [name]
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {cls.__name__: cls.__base__.__name__ for cls in everything() if cls.__base__}
    real["ChatError"] = ""
    tree = drawn()
    wrong = [
        f"{name}: drawn below {tree.get(name)}, is below {real.get(name)}"
        for name in real.keys() | tree.keys()
        if real.get(name) != tree.get(name)
    ]

    assert not wrong, f"bring the drawing at the top of chat/errors.py up to date:{number(wrong)}"


def test_a_code_belongs_to_one_class() -> None:
    codes = Counter(vars(cls)["code"] for cls in everything() if "code" in vars(cls))
    silent = [cls.__name__ for cls in everything() if "code" not in vars(cls)]

    assert not [code for code, count in codes.items() if count > 1], codes
    assert not silent, f"programs cannot tell these from their parent: give them a code: {silent}"


def test_what_people_are_told_is_a_sentence() -> None:
    wrong = [cls.__name__ for cls in everything() if not re.fullmatch(r"[A-Z].*[.?]", cls.public)]

    assert not wrong, f"`public` is a whole sentence that ends in . or ?: {wrong}"


def test_what_may_be_tried_again_says_when() -> None:
    wrong = [
        cls.__name__ for cls in everything() if cls.status in {429, 503} and cls.retry_after is None
    ]

    assert not wrong, f"a 429 or 503 carries Retry-After: set retry_after: {wrong}"


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    told = table_words(page, "Error codes")
    codes = {cls.code for cls in everything()}

    missing, gone = codes - told, told - codes
    assert not missing, f"add these to the table of error codes in docs/architecture.md: {missing}"
    assert gone <= {"method_not_allowed"}, f"these codes are gone: {gone}"
