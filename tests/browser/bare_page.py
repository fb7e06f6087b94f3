"""A bare page with the element, at a ChatKit server that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from dev.scripted_chatkit import ScriptedChatKit
from tests.fix_browser import PATIENCE_MS


@pytest.fixture(scope="module")
def chatkit() -> Iterator[ScriptedChatKit]:
    chatkit = ScriptedChatKit()
    yield chatkit
    chatkit.close()


@pytest.fixture
def page(chromium: Browser, chatkit: ScriptedChatKit) -> Iterator[Page]:
    """A bare page with the element, whose server says what a test tells it to."""
    with bare_page(chromium, chatkit.url) as page:
        yield page


@contextmanager
def bare_page(chromium: Browser, url: str) -> Iterator[Page]:
    """The page, whose console has to stay quiet."""
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE_MS)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "warning" else None)
    open_page(page, url)
    yield page
    page.close()
    assert not problems


def open_page(page: Page, url: str) -> None:
    """Go there, and wait for the element."""
    page.goto(url)
    page.locator("threadkeeper-chat[data-ready]").first.wait_for()
