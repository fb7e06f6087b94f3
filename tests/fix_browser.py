"""A real browser at the whole app.

Playwright keeps an event loop running in the thread that uses it, and pytest-asyncio needs that
thread for loops of its own. So the browser is closed with the last test of this folder, and the
plugin's fixtures, which would live as long as the run, are not used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from chatkit.types import ThreadItem
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chat.connection import Connection
from chat.tables import items, threads
from dev.browser import find
from tests.fix_auth import AuthServer, Person
from tests.fix_model import ModelServer, Reply, last_message
from tests.fix_postgres import Databases
from tests.fix_server import Server, Talking
from tests.fix_store import a_thread

# What comes is not waited for any longer than it takes, so this costs nothing where tests pass. The
# slowest machine on which they have to pass shares two cores among all of their processes.
PATIENCE_MS = 30_000
# Hosts of tests about several origins: all of these names lead to this machine.
NAMES = "--host-resolver-rules=MAP *.test 127.0.0.1"
# What moves is over, as what fades away is still there for axe.
SETTLED = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect.getTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => {})))"""
Held = TypeVar("Held")
NewPerson = Callable[..., "Reader"]
Heard = Callable[[str, str], None]
"""Gets the kind and the text of what a console says."""


class Talkative(ModelServer):
    """A model for many people at once: what it says depends on what it was asked.

    A plain queue would not do, as the request for a title comes whenever it likes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_question: dict[str, Reply] = {}

    def when_asked(self, question: str, reply: Reply | None) -> None:
        """Answer this question so from now on; with None, as any other."""
        if reply is None:
            del self._by_question[question]
        else:
            self._by_question[question] = reply

    def next_reply(self, body: dict[str, Any]) -> Reply:
        scripted = self._by_question.get(last_message(body)) if body.get("stream") else None
        return scripted or super().next_reply(body)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    program = find()
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        browser = playwright.chromium.launch(executable_path=str(program), args=[NAMES])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def talkative() -> Iterator[Talkative]:
    """The model of the shared server."""
    model = Talkative()
    yield model
    model.close()


@pytest.fixture(scope="package")
def shared_server(
    databases: Databases,
    migrated: str,
    auth: AuthServer,
    talkative: Talkative,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """One app for all tests of this folder: each has people of its own."""
    settings = {
        "DATABASE_URL": databases.create("browser", template=migrated),
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": talkative.base_url,
        "DEMO_PAGE": "on",
    }
    log = Path(tmp_path_factory.mktemp("browser")) / "gunicorn.log"
    server = Server(settings, log)
    server.start()
    yield server
    server.kill()
    databases.drop("browser")


@dataclass
class Reader:
    """A signed-in person with a browser of their own, and a way to what they own."""

    person: Person
    server: Server
    context: BrowserContext
    page: Page
    problems: list[str]

    def open(self, path: str) -> Page:
        """Open a page, and wait for the chat element on it."""
        self.page.goto(self.server.url + path)
        if self.context_runs_scripts:
            self.page.wait_for_selector("threadkeeper-chat[data-ready]", state="attached")
        return self.page

    def open_tab(self, path: str) -> Reader:
        """Open a page in another tab of the same window."""
        tab = replace(self, page=self.context.new_page())
        tab.open(path)
        return tab

    context_runs_scripts: bool = True

    def owns(self, thread_id: str, title: str, *said: ThreadItem, **fields: Any) -> str:
        """Store a thread with these items; return its address."""
        with Connection.connect(self.server.environ["DATABASE_URL"], autocommit=True) as conn:
            threads.save(conn, user_id=self.person.id, thread=a_thread(thread_id, title, **fields))
            for item in said:
                items.add(conn, user_id=self.person.id, thread_id=thread_id, item=item)
        return f"/history/{thread_id}"

    def say(self, text: str) -> None:
        """Write a message and send it as a person does."""
        self.page.get_by_role("textbox", name="Message").fill(text)
        self.page.keyboard.press("Enter")

    def wait_for_answer(self) -> None:
        """Wait until an answer is complete."""
        self.page.get_by_role("button", name="Send").wait_for()


class LentWindows:
    """Windows that one test after the other uses, so that what pages load is loaded only once.

    Cookies, storage, permissions and pages are new each time. Whoever needs an empty cache, or
    gives a whole context scripts or routes, takes `a_window`.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._free: dict[str, list[BrowserContext]] = {}
        self._heard: dict[BrowserContext, Heard] = {}

    def lend(self, origin: str, heard: Heard, options: Mapping[str, Any]) -> Page:
        """Return the first page of a window of these options; nothing of the origin is in it."""
        free = self._like(options)
        context = free.pop() if free else self._new(options)
        self._heard[context] = heard
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        tools.detach()
        return page

    def take_back(self, context: BrowserContext, options: Mapping[str, Any]) -> None:
        """Have a window again that nobody uses any more."""
        for page in context.pages:
            page.close()
        context.clear_cookies()
        context.clear_permissions()
        if wanted := options.get("permissions"):
            context.grant_permissions(wanted)
        context.set_offline(False)
        self._like(options).append(context)

    def _like(self, options: Mapping[str, Any]) -> list[BrowserContext]:
        return self._free.setdefault(repr(sorted(options.items())), [])

    def _new(self, options: Mapping[str, Any]) -> BrowserContext:
        def hear(kind: str, text: str) -> None:
            self._heard[context](kind, text)

        context = a_window(self._chromium, hear, **options)
        return context


@pytest.fixture(scope="package")
def lent_windows(chromium: Browser) -> LentWindows:
    return LentWindows(chromium)


@pytest.fixture
def new_person(
    lent_windows: LentWindows, shared_server: Server, auth: AuthServer
) -> Iterator[NewPerson]:
    """Make a person with an account, signed in, in a browser window of these options."""
    yield from people_at(lent_windows, shared_server, auth)


@pytest.fixture
def new_talker(
    lent_windows: LentWindows, talking: Talking, auth: AuthServer
) -> Iterator[NewPerson]:
    """Likewise, at the server with two workers, whose model says what the test scripts."""
    yield from people_at(lent_windows, talking.server, auth)


def people_at(windows: LentWindows, server: Server, auth: AuthServer) -> Iterator[NewPerson]:
    """Yield what makes people at that server; their consoles have to stay quiet."""
    made: list[tuple[Reader, Mapping[str, Any]]] = []

    def make(name: str = "Alice", **options: Any) -> Reader:
        person = auth.sign_up(name)
        problems: list[str] = []
        page = windows.lend(server.url, lambda *said: keep_problem(problems, *said), options)
        context = page.context
        context.add_cookies(
            [
                {"name": key, "value": value, "url": server.url}
                for key, _, value in (pair.partition("=") for pair in person.cookie.split("; "))
            ]
        )
        runs = bool(options.get("java_script_enabled", True))
        made.append((Reader(person, server, context, page, problems, runs), options))
        return made[-1][0]

    yield make
    for reader, options in made:
        windows.take_back(reader.context, options)
        assert not reader.problems, reader.problems


def a_window(chromium: Browser, heard: Heard, **options: Any) -> BrowserContext:
    """Return a window as wide as a desk allows; `heard` gets the kind and text of its problems."""
    usual = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
    context = chromium.new_context(**{**usual, **options})
    context.set_default_timeout(PATIENCE_MS)
    context.on("weberror", lambda found: heard("error", str(found.error)))
    context.on("console", lambda line: heard(line.type, line.text))
    return context


@pytest.fixture
def alice_at_home(new_person: NewPerson) -> Reader:
    """Alice, signed in, with a window as wide as a desk allows."""
    return new_person()


def until(page: Page, holds: Callable[[], object], what: str) -> None:
    """Wait until it holds, while the page goes on and its routes are served."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_MS / 1000:.0f} s"
        page.wait_for_timeout(20)


def came(page: Page, held: list[Held], count: int = 1, what: str = "a request") -> list[Held]:
    """Wait until so many are held, and return them."""
    until(page, lambda: len(held) >= count, f"{what}, no. {count}")
    return held


def keep_problem(problems: list[str], kind: str, text: str) -> None:
    """Keep what the console says that no page of ours should make it say."""
    expected = text.startswith("Failed to load resource")
    if kind in {"error", "warning"} and not expected:
        problems.append(f"{kind}: {text}")


def assert_accessible(page: Page) -> None:
    """Axe finds nothing, in the page and in its shadow roots."""
    page.evaluate(SETTLED)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
