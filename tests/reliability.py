"""The table of docs/reliability.md, from what tests told: `python -m tests.reliability`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FIGURES: Final = ROOT / "docs" / "figures"
PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures: written by ./run soak -->"
END: Final = "<!-- end of figures -->"
HEAD: Final = "| rows | promise | measured | test | commit |\n|---|---|---|---|---|"


def told() -> list[dict[str, Any]]:
    """Return what is kept in docs/figures/, in the order of the product's rows."""
    kept = [json.loads(path.read_text()) for path in FIGURES.glob("*.json")]
    return sorted(kept, key=lambda one: (_order(one["rows"]), one["test"]))


def table() -> str:
    """Return the table, without an end of line at its end."""
    return "\n".join([HEAD, *map(_line, told())])


def page(text: str) -> str:
    """Return the page with the table as it has to be now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def write_table() -> None:
    """Write the table into the page; safe to repeat."""
    PAGE.write_text(page(PAGE.read_text()))


def _line(one: dict[str, Any]) -> str:
    measured = "<br>".join(
        f"{name}: **{_figure(value)}**" for name, value in one["measured"].items()
    )
    file, _, name = one["test"].partition("::")
    test = f"[`{_short(name)}`](../{file})"
    return (
        f"| {one['rows']} | {one['promise']} | {measured} | {test} | {one['machine']['commit']} |"
    )


def _figure(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_figure(part)}" for name, part in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return str(value)


def _short(name: str) -> str:
    return name.replace("|", "\\|")


def _order(rows: str) -> list[tuple[str, int]]:
    return [(row[0], int(row[1:])) for row in re.findall(r"[A-Z]\d+", rows)]


if __name__ == "__main__":
    write_table()
