"""Everything that tests the store and the HTTP endpoints, through PgBouncer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from tests.fix_figures import Figures

ROOT: Final = Path(__file__).resolve().parents[2]
SUITES: Final = ("tests/store", "tests/web", "tests/turns", "tests/migrations")
LONGEST: Final = 3600


@pytest.mark.soak
def test_the_suites_of_store_and_endpoints_pass_through_pgbouncer(
    figures: Figures, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    words = ["-q", "-p", "no:cacheprovider", "--through-pgbouncer", f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *SUITES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )

    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    [counted] = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314 - our own.
    count = {what: int(counted.attrib[what]) for what in ("tests", "failures", "errors", "skipped")}
    failed = count["failures"] + count["errors"]
    assert (done.returncode, failed, count["skipped"]) == (0, 0, 0), done.stdout[-6000:]
    passed_on = re.search(r"PgBouncer passed on (\d+) transactions", done.stdout)
    assert passed_on
    transactions = int(passed_on[1])
    # Most tests ask the database for something, so fewer would mean that they went past it.
    assert transactions > count["tests"]
    figures.tell(
        "H2 E1",
        "Every test of the store (with one wall and with two), of the HTTP endpoints, of turns and "
        "of migrations passes through PgBouncer in transaction mode, 5 connections for a database",
        {"tests passed": count["tests"], "tests failed": failed, "transactions": transactions},
    )
