"""Three origins in one browser: the chat, a page on the same site, and a page on another site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.fix_auth import AuthServer, Person
from tests.fix_browser import Talkative, a_window, keep_problem
from tests.fix_hosts import CHAT, OTHER_SITE, SAME_SITE, HostSite
from tests.fix_model import ModelServer
from tests.fix_postgres import Databases
from tests.fix_server import Server
from tests.ports import kept_port

UNLISTED = "evil.other.test"
BODY = """<main><h1>The lamp</h1><p id="about">The lamp takes at most six watts.</p>
<p><a href="/other">Another page</a></p></main>"""
# What a site of its own would do: its own session gives it a token, here kept by the test.
BEARER = """<script>
window.asked = [];
const options = {
  async getToken(how) {
    window.asked.push(how?.refresh ? "again" : "once");
    if (window.broken) throw new Error("no token today");
    const fresh = localStorage.getItem("fresh-token");
    if (how?.refresh && fresh) localStorage.setItem("token", fresh);
    return localStorage.getItem("token");
  },
  async signIn({ returnTo }) {
    window.returnTo = returnTo;
    localStorage.setItem("token", window.nextToken);
  },
};
if (window.Threadkeeper) Threadkeeper.init(options);
else document.addEventListener("threadkeeper.ready", () => Threadkeeper.init(options));
</script>"""


@dataclass
class Sites:
    """All that is needed to visit: browser, chat server, its people and its model."""

    chromium: Browser
    server: Server
    auth: AuthServer
    model: Talkative
    hosts: HostSite
    chat: str

    def put(self, attributes: str = "defer") -> None:
        """Put the widget on pages of all hosts, with these attributes on its tag."""
        for host in (SAME_SITE, OTHER_SITE, UNLISTED):
            bearer = host == OTHER_SITE
            more = " data-start=manual" if bearer else ""
            head = f'<script src="{self.chat}/widget.js" {attributes}{more}></script>'
            for path in ("/", "/other"):
                self.hosts.page(path, head=head + (BEARER if bearer else ""), body=BODY, host=host)


@dataclass
class Visitor:
    """Somebody with a browser window of their own, signed in or not."""

    sites: Sites
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)

    def sign_in(self, person: Person, chat: str = "") -> None:
        """Give the browser that person's cookies, by default of the chat that all share."""
        pairs = [pair.partition("=") for pair in person.cookie.split("; ")]
        self.context.add_cookies(
            [
                {"name": name, "value": value, "url": chat or self.sites.chat}
                for name, _, value in pairs
            ]
        )

    def visit(self, host: str = SAME_SITE, path: str = "/") -> Page:
        """Open a page of that host."""
        self.page.goto(self.sites.hosts.origin(host) + path)
        return self.page

    def open(self, host: str = SAME_SITE, path: str = "/") -> Page:
        """Open the chat on a page of that host."""
        page = self.visit(host, path)
        page.get_by_role("button", name="Open chat").click()
        page.locator("threadkeeper-chat[data-ready]").wait_for()
        return page

    def another_tab(self) -> Visitor:
        return Visitor(self.sites, self.context, self.context.new_page(), self.problems)


NewVisitor = Callable[..., Visitor]


@contextmanager
def a_chat(
    hosts: HostSite, dsn: str, auth: AuthServer, model: ModelServer, log: Path, **more: str
) -> Iterator[tuple[Server, str]]:
    """A chat server that lists our hosts, and its origin; `more` are further settings."""
    port = kept_port()
    chat = f"http://{CHAT}:{port}"
    settings = {
        "DATABASE_URL": dsn,
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "PUBLIC_URL": chat,
        "DEMO_PAGE": "on",
        "ALLOWED_ORIGINS": f"{hosts.origin(SAME_SITE)} {hosts.origin(OTHER_SITE)}",
        **more,
    }
    server = Server(settings, log, port=port)
    try:
        server.start()
        yield server, chat
    finally:
        server.kill()


@pytest.fixture(scope="package")
def sites(
    chromium: Browser,
    databases: Databases,
    migrated: str,
    auth: AuthServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sites]:
    """A chat server with its own model, host pages that it lists, and a browser that finds both."""
    model, hosts = Talkative(), HostSite()
    dsn = databases.create("widget", template=migrated)
    log = tmp_path_factory.mktemp("widget") / "gunicorn.log"
    with a_chat(hosts, dsn, auth, model, log) as (server, chat):
        sites = Sites(chromium, server, auth, model, hosts, chat)
        sites.put()
        yield sites
    hosts.close()
    model.close()
    databases.drop("widget")


@pytest.fixture
def new_visitor(sites: Sites) -> Iterator[NewVisitor]:
    """Make somebody with a window of these options, whose console has to stay quiet."""
    made: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        problems: list[str] = []
        context = a_window(sites.chromium, lambda *said: _heard(problems, *said), **options)
        made.append(Visitor(sites, context, context.new_page(), problems))
        return made[-1]

    yield make
    for visitor in made:
        visitor.context.close()
        assert not visitor.problems, visitor.problems


@pytest.fixture
def visitor(new_visitor: NewVisitor) -> Visitor:
    """Somebody who is not signed in, at a desk."""
    return new_visitor()


def _heard(problems: list[str], kind: str, text: str) -> None:
    """Keep what the console says; our hosts have no https, which some headers want."""
    if not text.startswith("The Cross-Origin-Opener-Policy header has been ignored"):
        keep_problem(problems, kind, text)
