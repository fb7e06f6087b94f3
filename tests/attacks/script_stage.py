"""Where stored script is tried: a server, host pages, a model that says anything, a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from chatkit.types import ClosedStatus, ThreadItem
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from chat.connection import Connection
from chat.tables import items, thread_marks, threads
from chat.text import clean
from dev.browser import find
from tests.attacks.payloads import ADDRESSES, PAYLOADS, Payload
from tests.attacks.tripwire import Tripwire
from tests.browser.widget_site import a_chat
from tests.fix_auth import AuthServer, Person
from tests.fix_browser import NAMES, PATIENCE_MS
from tests.fix_hosts import CHAT, OTHER_SITE, SAME_SITE, HostSite
from tests.fix_model import ModelServer, Reply, last_message
from tests.fix_server import Server
from tests.fix_store import a_thread
from tests.isolation.http_routes import ROUTES
from tests.web.every_item import every_item

KEPT: Final = frozenset({"id", "thread_id", "created_at", "type", "object"})
"""Fields that are ours: nobody else writes them."""
ADDRESS: Final = frozenset({"url", "src", "href"})
ODD: Final = {"__proto__": {"polluted": "zq"}, "constructor": {"prototype": {"polluted": "zq"}}}
RULES: Final = Map([Rule(path, methods=[method]) for path, method in ROUTES])


class AnyWords(ModelServer):
    """A model that says what it is told to, or what it was asked, cut in the middle of words."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: str | None = None
        self.title = "A title"
        self.status = 200

    def next_reply(self, body: dict[str, Any]) -> Reply:
        if self.status != 200:
            return Reply(status=self.status, error_code="invalid_request_error")
        if not body.get("stream"):
            return Reply(pieces=[self.title])
        words = self.answer if self.answer is not None else last_message(body)
        return Reply(pieces=[words[at : at + 9] for at in range(0, len(words), 9)])


@dataclass(frozen=True)
class Plant:
    """What is planted in every field of one thread: one payload, or several in a row."""

    number: int
    payloads: Sequence[Payload]

    @property
    def text(self) -> str:
        return clean("\n\n".join(one.text for one in self.payloads))

    @property
    def marks(self) -> set[str]:
        return {one.mark for one in self.payloads}

    @property
    def address(self) -> str:
        return ADDRESSES[self.number % len(ADDRESSES)]

    @property
    def thread_id(self) -> str:
        return f"thr_{self.number}"

    @property
    def archived_id(self) -> str:
        return f"thr_{self.number}_archived"


def beds(number: int) -> list[Plant]:
    """Return so many plants that hold all payloads together, of every kind in each."""
    return [Plant(bed, PAYLOADS[bed::number]) for bed in range(number)]


class Poison:
    """Puts a text into every field of an item that takes one."""

    def __init__(self) -> None:
        self._kinds = [item.model_dump(mode="json") for item in every_item("thr")]
        self._paths = [list(_writable(document)) for document in self._kinds]
        self.fields = sum(map(len, self._paths))

    def items(self, plant: Plant) -> Iterator[ThreadItem]:
        """Yield an item of each kind with the plant in all its fields."""
        for number, (kind, paths) in enumerate(zip(self._kinds, self._paths, strict=True)):
            document = _copy(kind)
            for path in paths:
                _put(document, path, plant.address if path[-1] in ADDRESS else plant.text)
            for name in ("arguments", "output"):
                if name in document:
                    document[name] = {plant.text: plant.text, **ODD}
            if document["type"] == "user_message":
                document["attachments"] = _attachments(plant)
            document |= {"id": f"i{plant.number}_{number}", "thread_id": plant.thread_id}
            yield items.ITEM.validate_python(document)


def _attachments(plant: Plant) -> list[dict[str, str]]:
    """Return what the app never takes, as a history from elsewhere may have it."""
    named = {"id": f"atc_{plant.number}", "name": plant.text, "mime_type": plant.text}
    picture = {"type": "image", "preview_url": "http://canary.test/preview"}
    return [{"type": "file", **named}, {**picture, **named}]


def _writable(document: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the ways to all fields in which any text is valid."""
    for path in list(_leaves(document, [])):
        changed = _copy(document)
        _put(changed, path, "any text")
        try:
            items.ITEM.validate_python(changed)
        except ValueError:
            continue
        yield path


def _leaves(value: Any, path: list[Any]) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in KEPT:
                yield from _leaves(part, [*path, name])
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, [*path, number])
    elif isinstance(value, str | None):
        yield path


def _put(document: Any, path: list[Any], text: str) -> None:
    for step in path[:-1]:
        document = document[step]
    document[path[-1]] = text


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


@dataclass
class Victim:
    """A person whose history is full of payloads, in a window with a tripwire."""

    stage: Stage
    person: Person
    page: Page
    wire: Tripwire
    plants: Sequence[Plant] = ()

    def open(self, path: str) -> set[str]:
        """Open a page of the chat's; return the marks that are shown."""
        self.page.goto(self.stage.chat + path)
        return self.look()

    def look(self) -> set[str]:
        return self.wire.look(self.page)

    def send(self, path: str, **fields: str) -> set[str]:
        """Send a form of the page's as a browser without scripts does; return what is shown."""
        with self.page.expect_navigation():
            self.page.evaluate(SEND, [path, fields])
        return self.look()

    def routes(self) -> set[str]:
        """Return the routes of ours that were asked with GET so far."""
        return {
            rule
            for method, address, _ in self.wire.answers
            if method == "GET" and address.startswith(self.stage.chat)
            for rule in [_rule_of(address.removeprefix(self.stage.chat))]
            if rule
        }


SEND: Final = """([path, fields]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("textarea");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  HTMLFormElement.prototype.submit.call(form);
}"""


def _rule_of(address: str) -> str | None:
    try:
        rule, _ = RULES.bind("chat").match(address.partition("?")[0], "GET", return_rule=True)
    except HTTPException:
        return None
    return str(rule.rule)


@dataclass
class Stage:
    """All of it."""

    chromium: Browser
    server: Server
    chat: str
    auth: AuthServer
    model: AnyWords
    hosts: HostSite
    poison: Poison = field(default_factory=Poison)

    @property
    def own(self) -> list[str]:
        """The origins that a window may have to do with."""
        return [self.chat, *(self.hosts.origin(host) for host in (SAME_SITE, OTHER_SITE, CHAT))]

    def victim(self, name: str, plants: Sequence[Plant] = ()) -> Victim:
        """Make somebody of that name, with these plants in their history, who is signed in."""
        person = self.auth.sign_up(name, email=f"victim-{uuid4().hex}@example.com")
        self.auth.post("update-user", {"image": ADDRESSES[0]}, cookie=person.cookie)
        self._plant(person, plants)
        context = self.chromium.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_MS)
        pairs = [pair.partition("=") for pair in person.cookie.split("; ")]
        context.add_cookies([{"name": n, "value": v, "url": self.chat} for n, _, v in pairs])
        wire = Tripwire(context, self.own)
        return Victim(self, person, context.new_page(), wire, plants)

    def _plant(self, person: Person, plants: Sequence[Plant]) -> None:
        with Connection.connect(self.server.dsn, autocommit=True) as conn:
            for plant in plants:
                about: dict[str, Any] = {
                    "title": plant.text,
                    "metadata": {plant.text: plant.text, **ODD},
                }
                threads.save(conn, user_id=person.id, thread=a_thread(plant.thread_id, **about))
                for item in self.poison.items(plant):
                    items.add(conn, user_id=person.id, thread_id=plant.thread_id, item=item)
                closed = ClosedStatus(reason=plant.text)
                shut = a_thread(plant.archived_id, **about, status=closed)
                threads.save(conn, user_id=person.id, thread=shut)
            put_away = [plant.archived_id for plant in plants]
            thread_marks.archive(conn, user_id=person.id, thread_ids=put_away)


@contextmanager
def a_stage(dsn: str, auth: AuthServer, log: Path) -> Iterator[Stage]:
    """Start everything; end it after the last test of a module."""
    model, hosts = AnyWords(), HostSite()
    # Nobody opens a hundred pages in a minute but this test.
    unlimited = {"REQUESTS_PER_MINUTE": "0", "TURNS_PER_MINUTE": "0"}
    # It may start Playwright itself, so it has to come first.
    program = find()
    try:
        with (
            a_chat(hosts, dsn, auth, model, log, **unlimited) as (server, chat),
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=str(program), args=[NAMES])
            yield Stage(browser, server, chat, auth, model, hosts)
            browser.close()
    finally:
        hosts.close()
        model.close()
