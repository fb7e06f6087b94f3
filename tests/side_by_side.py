"""How the tests are shared out among processes when `./run test` runs all of them.

Each process takes whole files, one after another, and has its own PostgreSQL, Better Auth and
gunicorn, so that nothing which they start has to be shared. What they do share is the machine, so
no test asserts how long something takes: seconds are told as figures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parent
# Most tests wait for something most of the time, so there may be more of them than cores.
PROCESSES: Final = 4
# Files are begun in this order, the others after them. These are the long ones: begun last,
# they would keep one process busy while the others have nothing to do. Those that
# wait and those that compute take turns, as neighbours in this list run at the same time.
FIRST: Final = (
    "browser/test_look.py",
    "turns/test_crashes.py",
    "attacks/test_stored_script.py",
    "dev/test_run_again.py",
    "store/test_items.py",
    "faults/test_auth_outages.py",
    "browser/test_turns.py",
    "store/test_threads.py",
    "faults/test_database.py",
    "browser/test_conversation.py",
    "faults/test_clocks.py",
    "faults/test_refusals.py",
    "isolation/test_fuzz.py",
    "dev/test_run.py",
    "browser/test_element_history.py",
    "turns/test_random_moments.py",
    "isolation/test_store_machine.py",
    "faults/test_auth_streams.py",
    "isolation/test_http_machine.py",
    "faults/test_history.py",
    "model/test_provider.py",
    "turns/test_turns.py",
    "load/test_thousand.py",
    "sessions/test_outages.py",
    "browser/test_widget_sign_in.py",
    "faults/test_outage.py",
    "browser/test_story.py",
    "admin/test_import.py",
    "browser/test_chat.py",
    "dev/test_local_postgres.py",
    "browser/test_history.py",
    "migrations/test_migrate.py",
    "web/test_start.py",
    "web/test_slow_senders.py",
    "web/test_bad_input.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Say what `-n auto` means: one process for what somebody has picked, and no detour to it."""
    picked = config.args != config.getini("testpaths") or config.option.keyword
    return 0 if picked else PROCESSES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the long files, in processes that share the tests out."""
    if hasattr(config, "workerinput"):
        turn = {TESTS / name: number for number, name in enumerate(FIRST)}
        items.sort(key=lambda item: turn.get(item.path, len(turn)))
