"""What the tests in a browser share."""

from tests.fix_browser import (
    alice_at_home,
    chromium,
    new_person,
    new_talker,
    shared_server,
    talkative,
)

__all__ = [
    "alice_at_home",
    "chromium",
    "new_person",
    "new_talker",
    "shared_server",
    "talkative",
]
