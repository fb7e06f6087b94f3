"""What the pages of every list have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from chatkit.types import Page

T = TypeVar("T")

LARGEST: Final = 100
"""Rows in a page at most, whatever was asked for."""


def clamped(limit: int) -> int:
    """Return the number of rows that a page may have: 1 to LARGEST."""
    return max(1, min(limit, LARGEST))


def page_of(rows: Sequence[Any], limit: int, parse: Callable[[Any], T]) -> Page[T]:
    """Return ChatKit's page of at most `limit` rows; one row more than that means "has more".

    A row's first column is its id; `after` is the id of the last row shown, or None at the end.
    """
    shown = rows[:limit]
    has_more = len(rows) > limit
    return Page(
        data=[parse(row) for row in shown],
        has_more=has_more,
        after=shown[-1][0] if has_more else None,
    )
