"""What the tests in a browser share."""

from tests.browser.launcher_page import new_window, window
from tests.browser.widget_site import new_visitor, sites, visitor
from tests.fix_browser import (
    alice_at_home,
    chromium,
    lent_windows,
    new_person,
    new_talker,
    shared_server,
    talkative,
)
from tests.fix_hosts import host_site

__all__ = [
    "alice_at_home",
    "chromium",
    "host_site",
    "lent_windows",
    "new_person",
    "new_talker",
    "new_visitor",
    "new_window",
    "shared_server",
    "sites",
    "talkative",
    "visitor",
    "window",
]
