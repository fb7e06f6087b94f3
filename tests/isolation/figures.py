"""What a run counted: printed at its end, and kept as JSON for docs/reliability.md."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bench.machine import describe_machine

FOLDER = Path(__file__).resolve().parent.parent.parent / "var" / "reliability"


def tell(capsys: pytest.CaptureFixture[str], name: str, figures: dict[str, Any]) -> None:
    """Print the figures of a run, and store them with what they were measured on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    whole = {**figures, "machine": describe_machine()}
    path = FOLDER / f"{name}.json"
    # Several processes of a run may tell the same name.
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    draft.replace(path)
    with capsys.disabled():
        print(f"\n{name}", json.dumps(figures, sort_keys=True), sep="\n  ")  # noqa: T201
