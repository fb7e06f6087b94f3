"""What a newcomer does with `./run`: everything is still there after whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dev import processes
from tests.dev.runs import Run
from tests.fix_figures import Figures
from tests.folders import open_folder
from tests.ports import kept_port

START_MS = 30_000


@pytest.fixture
def begin() -> Iterator[Callable[[], Run]]:
    """Starts `./run`, again and again on the same folder and port."""
    port = kept_port()
    runs: list[Run] = []
    with open_folder("story") as folder:

        def begin() -> Run:
            runs.append(Run(folder / "var", port=port).started())
            return runs[-1]

        yield begin
        for run in runs:
            run.end()


@pytest.fixture
def windows(chromium: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Opens browser windows of people who do not know each other."""
    contexts: list[BrowserContext] = []

    def window() -> BrowserContext:
        contexts.append(chromium.new_context())
        contexts[-1].set_default_timeout(START_MS)
        return contexts[-1]

    yield window
    for context in contexts:
        context.close()


def sign_up(context: BrowserContext, url: str, name: str) -> Page:
    page = context.new_page()
    page.goto(url)
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Email").fill(f"{name.lower()}@example.com")
    page.get_by_label("Password").fill("correct-horse-battery")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("No conversations yet.")).to_be_visible()
    return page


def words_of(page: Page) -> str:
    """The answer without its white space: between blocks it differs while streaming."""
    return "".join((page.locator(".item-assistant .prose").text_content() or "").split())


def everything_is_there(page: Page, answer: str) -> None:
    """Signed in, the same thread, the same messages."""
    expect(page.locator(".bubble")).to_have_text("What is twine?")
    assert words_of(page) == answer
    expect(page.locator(".thread-row")).to_have_count(1)


def kill_everything(run: Run) -> None:
    """SIGKILL the supervisor first, or it would go on starting parts again; then the parts."""
    run.process.kill()
    for process in run.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    run.process.wait()
    assert processes.wait_until(lambda: not run.processes(), seconds=60), run.processes()


@pytest.mark.measured
def test_a_newcomer_chats_and_it_is_all_still_there(
    begin: Callable[[], Run], windows: Callable[[], BrowserContext], figures: Figures
) -> None:
    began = time.monotonic()
    run = begin()
    url = f"http://localhost:{run.port}"
    alice, mallory = (sign_up(windows(), url, name) for name in ("Alice", "Mallory"))

    alice.get_by_role("textbox", name="Message").fill("What is twine?")
    alice.keyboard.press("Enter")
    expect(alice.locator(".item-assistant .prose")).not_to_be_empty()
    beginning = words_of(alice)
    alice.get_by_role("button", name="Send").wait_for()
    answer = words_of(alice)
    assert answer.startswith(beginning[:5])
    assert len(answer) > len(beginning), "the answer came at once instead of streaming in"
    address = alice.url

    alice.reload()
    everything_is_there(alice, answer)

    run.process.send_signal(signal.SIGINT)
    run.process.wait(60)
    run = begin()
    alice.goto(url)
    expect(alice).to_have_url(address)
    everything_is_there(alice, answer)

    kill_everything(run)
    begin()
    alice.goto(url)
    expect(alice).to_have_url(address)
    everything_is_there(alice, answer)

    mallory.goto(url)
    expect(mallory.get_by_text("No conversations yet.")).to_be_visible()
    mallory.goto(address)
    expect(mallory.get_by_role("heading", name="Nothing here")).to_be_visible()
    figures.tell(
        "H1 H2 I3 R1",
        "From `./run` to a stored answer in a browser; after a reload, a restart and `kill -9` of"
        " everything it is still there, and for nobody else",
        {"the whole story, s": round(time.monotonic() - began, 1)},
    )
