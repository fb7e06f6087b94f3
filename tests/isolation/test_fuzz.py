"""E4: whatever is sent, no answer of 500, no trace of it in the log, and nothing is changed by it.

A share of it goes over real sockets to a real gunicorn, broken HTTP included.
"""

from __future__ import annotations

import logging
import re
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import psycopg
import pytest
from chatkit.types import ClientToolCallItem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import create_environ, run_wsgi_app

from app import create_app
from chat.config import Settings
from chat.context import RequestContext
from chat.db import Database
from chat.errors import ChatError
from chat.logs import JsonFormatter
from chat.neon_store import NeonStore
from chat.stream import EventLoop
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_server import Server, StartServer
from tests.fix_site import Site, StartSite
from tests.fix_store import NOON, a_thread
from tests.isolation.canaries import CANARY
from tests.isolation.footprints import Footprints
from tests.isolation.fuzz_requests import SECRET, Fuzz, Sent
from tests.web.every_item import every_item

SMALL, FULL = 600, 20_000
SMALL_ON_THE_WIRE, FULL_ON_THE_WIRE = 200, 2_000
MOST_THREADS: Final = 30
GIVEN: Final = ("thr_given_1", "thr_given_2")
NOT_HTTP: Final = frozenset({501, 505})
"""What the web server says on a socket to HTTP that it does not speak."""
NOTHING: Final = 0
"""The connection was closed without an answer."""
BUG: Final = ChatError.public.encode()


@dataclass(frozen=True)
class Answer:
    """What came back; `status` is NOTHING if that was nothing."""

    status: int
    body: bytes
    location: str = ""

    @property
    def refused(self) -> bool:
        """Whether nothing was done: an error, no answer at all, or the way to the sign-in page."""
        leads_to_sign_in = self.status == 303 and urlsplit(self.location).path == "/sign-in"
        return self.status >= 400 or self.status == NOTHING or leads_to_sign_in


class Log(logging.Handler):
    """All that is logged, at whatever level, by whomever."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []
        self.leaks: list[str] = []
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.count += 1

    def check(self) -> None:
        """Complain of what must not be in what was logged since the last time."""
        lines, self.lines = self.lines, []
        self.leaks += leaks_in(lines)
        assert not self.leaks, self.leaks


class Target:
    """Where requests go to, and what is looked at after each of them."""

    def __init__(
        self,
        send: Callable[[Sent], Answer],
        dsn: str,
        owner: str,
        honest: Collection[int] = frozenset(),
    ) -> None:
        self.send, self.dsn, self.owner, self.honest = send, dsn, owner, honest
        self.conn = psycopg.connect(dsn, autocommit=True)
        self.footprints = Footprints(dsn)
        self.statuses: Counter[int] = Counter()
        self.refused = self.changed_by_refused = 0
        self.ids = self.give()
        self.before = self.look()

    def look(self) -> str:
        return self.footprints.of([self.owner])[self.owner]

    def check(self, sent: Sent) -> None:
        """Send, and complain of a bug, or of what a refused request has changed."""
        answer = self.send(sent)
        self.statuses[answer.status] += 1
        assert answer.status < 500 or answer.status in self.honest, answer
        assert BUG not in answer.body, answer.body[:1000]
        after = self.look()
        if answer.refused:
            self.refused += 1
            self.changed_by_refused += after != self.before
            assert not self.changed_by_refused, f"refused, and changed rows: {answer}"
        if after != self.before:
            self.tidy()
            after = self.look()
        self.before = after

    def tidy(self) -> None:
        """Keep it small: what was set aside goes, and so does all when it is much."""
        self.conn.execute("DELETE FROM chatkit_thread WHERE deleted_at IS NOT NULL")
        row = self.conn.execute(
            "SELECT count(*), count(*) FILTER (WHERE id LIKE 'thr_given%%')"
            "  FROM chatkit_thread WHERE user_id = %s",
            [self.owner],
        ).fetchone()
        if row is not None and (row[0] > MOST_THREADS or row[1] < len(GIVEN)):
            self.conn.execute("DELETE FROM chatkit_thread WHERE user_id = %s", [self.owner])
            self.give()

    def give(self) -> list[str]:
        """Give the person threads of known ids, with an item of each kind; return all ids."""
        database, loop = Database(self.dsn, pool_size=1), EventLoop()
        store, context = NeonStore(database), RequestContext(user_id=self.owner)
        found = []
        for name in GIVEN:
            loop.run(store.save_thread(a_thread(name, title=f"{SECRET} given"), context))
            items = [*every_item(name), a_call(name)]
            for item in items:
                loop.run(store.add_thread_item(name, item, context))
            found += [name, *(item.id for item in items)]
        loop.stop()
        database.close()
        return found

    def close(self) -> None:
        self.conn.close()
        self.footprints.close()

    def figures(self) -> dict[str, Any]:
        by_status = {str(key): self.statuses[key] for key in sorted(self.statuses)}
        return {
            "requests": self.statuses.total(),
            "answers by status": by_status,
            "answers of 500": self.statuses[500],
            "requests refused": self.refused,
            "of them changed rows": self.changed_by_refused,
        }


def a_call(thread_id: str) -> ClientToolCallItem:
    """Return a call that waits for its output, as the last item of a thread."""
    return ClientToolCallItem(
        id=f"call_{thread_id}",
        thread_id=thread_id,
        created_at=NOON,
        call_id="call_2",
        name="look_up",
        arguments={"for": SECRET},
    )


def environ_of(sent: Sent) -> dict[str, Any]:
    """Return the request as a web server hands it to the app."""
    environ = create_environ(method="GET", base_url="http://localhost", data=sent.body)
    path, _, query = sent.target.partition(b"?")
    environ |= {
        "REQUEST_METHOD": sent.method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "CONTENT_LENGTH": str(len(sent.body)),
    }
    for name, value in sent.headers:
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = value
    return environ


@pytest.fixture
def log() -> Iterator[Log]:
    """Everything that is logged while the test runs, from DEBUG on."""
    log, root, ours = Log(), logging.getLogger(), logging.getLogger("chat")
    before = root.level, ours.level
    yield log
    root.removeHandler(log)
    root.setLevel(before[0])
    ours.setLevel(before[1])


def listen(log: Log) -> None:
    """Begin to keep what is logged; after the app has set its own handlers."""
    root = logging.getLogger()
    root.handlers[:] = [log]
    root.setLevel(logging.DEBUG)
    logging.getLogger("chat").setLevel(logging.DEBUG)


def leaks_in(lines: list[str]) -> list[str]:
    """Return the lines that have a trace of an error, or a person's words."""
    return [
        line
        for line in lines
        if "Traceback" in line or '"places"' in line or CANARY.search(line.lower())
    ]


def play(site: Site, people: tuple[Person, Person], dsn: str, log: Log, count: int) -> Target:
    """Send that many requests to the app in this process."""

    def send(sent: Sent) -> Answer:
        body, status, headers = run_wsgi_app(site.app, environ_of(sent), buffered=True)
        location = headers.get("Location", "")
        return Answer(int(status.split(" ", 1)[0]), b"".join(body), location)

    target = Target(send, dsn, people[0].id)
    fuzz = Fuzz(*people, target.ids, list(site.app.url_map.iter_rules()))
    listen(log)

    @plenty(count)
    @given(fuzz.requests())
    def every(sent: Sent) -> None:
        target.check(sent)
        log.check()

    every()
    target.close()
    return target


def plenty(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def play_and_tell(
    start_site: StartSite,
    site_auth: AuthServer,
    site_dsn: str,
    log: Log,
    figures: Figures,
    *,
    count: int,
) -> None:
    site = start_site(
        assistant="tests.assistants.echo:assistant",
        demo_page=True,
        requests_per_minute=0,
        turns_per_minute=0,
    )
    person = site_auth.sign_up(f"Fuzzer {SECRET}")
    target = play(site, (person, site_auth.sign_in(person)), site_dsn, log, count)
    assert target.statuses.total() >= count
    # One in twenty or more, but which ones come depends on the words of this very file.
    assert target.statuses[200] > count // 40, target.statuses
    measured = {"lines of log": log.count, "canaries and tracebacks in it": len(log.leaks)}
    figures.tell(
        "E4 E3",
        "No generated ChatKit request or call of a route answers 500, changes a row when it is"
        " refused, or puts words, cookies or tokens of people into the log",
        {**target.figures(), **measured},
    )


def test_no_generated_request_breaks_or_changes_anything(
    start_site: StartSite,
    site_auth: AuthServer,
    site_dsn: str,
    log: Log,
    figures: Figures,
) -> None:
    play_and_tell(start_site, site_auth, site_dsn, log, figures, count=SMALL)


@pytest.mark.soak
def test_none_of_20000_generated_requests_breaks_or_changes_anything(
    start_site: StartSite,
    site_auth: AuthServer,
    site_dsn: str,
    log: Log,
    figures: Figures,
) -> None:
    play_and_tell(start_site, site_auth, site_dsn, log, figures, count=FULL)


@st.composite
def on_the_wire(draw: st.DrawFn, fuzz: Fuzz) -> bytes:
    """Return the bytes of a request, often not quite as HTTP has them."""
    raw = draw(fuzz.requests()).raw()
    head, _, body = raw.partition(b"\r\n\r\n")
    where = draw(st.integers(0, max(1, len(head) - 1)))
    return draw(
        st.sampled_from(
            [
                raw,
                raw,
                raw,
                raw[:where],
                head[:where] + b"\0" + head[where:] + b"\r\n\r\n" + body,
                head[:where] + b"\xff\xfe" + head[where:] + b"\r\n\r\n" + body,
                head + b"\r\nContent-Length: 5\r\n\r\n" + body,
                head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + b"zz\r\n" + body,
                head + b"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                head.replace(b"HTTP/1.1", b"HTTP/9.9") + b"\r\n\r\n" + body,
                head.replace(b"Content-Length", b"Content_Length") + b"\r\n\r\n" + body,
                head + b"\r\n" + b"a: b\r\n" * 100 + b"\r\n" + body,
                head.replace(b"\r\n", b"\n") + b"\n\n" + body,
                b"\x16\x03\x01\x02\x00\x01" + SECRET.encode(),
            ]
        )
    )


def exchange(port: int, raw: bytes) -> Answer:
    """Send bytes, say that there are no more, and return what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return Answer(NOTHING, b"")
    location = re.search(rb"\r\nLocation: ([^\r]*)", answer.partition(b"\r\n\r\n")[0])
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    return Answer(
        int(found[1]) if found else NOTHING,
        answer,
        location[1].decode("latin-1") if location else "",
    )


def play_on_the_wire(
    start_server: StartServer, auth: AuthServer, figures: Figures, count: int
) -> None:
    server: Server = start_server(
        ASSISTANT="tests.assistants.echo:assistant",
        GUNICORN_CMD_ARGS="--log-level debug",
        REQUESTS_PER_MINUTE="0",
        TURNS_PER_MINUTE="0",
    )
    person = auth.sign_up(f"Fuzzer {SECRET}")
    target = Target(lambda sent: exchange(server.port, sent.body), server.dsn, person.id, NOT_HTTP)
    rules = list(
        create_app(Settings(database_url=server.dsn, auth_url=auth.url)).url_map.iter_rules()
    )
    fuzz = Fuzz(person, auth.sign_in(person), target.ids, rules)

    @plenty(count)
    @given(on_the_wire(fuzz))
    def every(raw: bytes) -> None:
        target.check(Sent("", b"", (), raw))

    every()
    target.close()
    server.stop()
    lines = server.log.read_text(errors="replace").splitlines()
    leaks = leaks_in(lines)
    assert not leaks
    figures.tell(
        "E4 E3",
        "No bytes on a socket, though they are hardly HTTP, answer 500, change a row or get into"
        " the log",
        {
            **target.figures(),
            "lines of log": len(lines),
            "canaries and tracebacks in it": len(leaks),
        },
    )


def test_no_bytes_on_a_socket_break_or_change_anything(
    start_server: StartServer, auth: AuthServer, figures: Figures
) -> None:
    play_on_the_wire(start_server, auth, figures, SMALL_ON_THE_WIRE)


@pytest.mark.soak
def test_none_of_2000_times_bytes_on_a_socket_break_or_change_anything(
    start_server: StartServer, auth: AuthServer, figures: Figures
) -> None:
    play_on_the_wire(start_server, auth, figures, FULL_ON_THE_WIRE)
