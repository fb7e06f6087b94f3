"""Clocks that are wrong, jump, or stand in other time zones: order, days and leases stay right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.faults.clocks import jump, near_midnight, wrong_clock
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_model import ModelServer, Reply
from tests.fix_postgres import Databases
from tests.fix_server import Client, Server, text_of, thread_of
from tests.fix_turns import KEEP, begin, eventually, join

HOUR = 3600
SECONDS = 14
"""A turn that lasts longer than its lease, and than a worker waits before it settles any."""


@dataclass(frozen=True)
class Apart:
    """Two servers on one database: one an hour ahead, one an hour behind, each in its own zone."""

    ahead: Server
    behind: Server
    clock: Path
    """The clock of the one that is ahead."""
    model: ModelServer
    dsn: str

    @property
    def both(self) -> tuple[Server, Server]:
        return self.ahead, self.behind


@pytest.fixture(scope="module")
def apart(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Apart]:
    dsn = databases.create("clocks", template=migrated)
    databases.run("ALTER DATABASE clocks SET timezone = 'Pacific/Chatham'")
    folder, model = tmp_path_factory.mktemp("clocks"), ModelServer()
    settings = {
        "DATABASE_URL": dsn,
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
        "TURNS_PER_MINUTE": "20",
    }
    zones = {"TZ": "America/St_Johns", "PGTZ": "Asia/Kathmandu"}
    ahead = {**settings, **zones, **wrong_clock(folder / "ahead", HOUR)}
    behind = {**settings, "TZ": "Pacific/Kiritimati", **wrong_clock(folder / "behind", -HOUR)}
    apart = Apart(
        Server(ahead, folder / "ahead.log"),
        Server(behind, folder / "behind.log"),
        folder / "ahead",
        model,
        dsn,
    )
    for server in apart.both:
        server.start()
    yield apart
    for server in apart.both:
        server.kill()
    model.close()
    databases.drop("clocks")


def in_zone(client: Client, zone: str) -> Client:
    """Return the person in a browser of that time zone."""
    return replace(client, cookie=f"{client.cookie}; timezone={zone}")


def moment(words: str) -> datetime:
    found = datetime.fromisoformat(words)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def off(moments: list[datetime], began: datetime) -> list[datetime]:
    """Return those of these moments that lie outside of the test."""
    now = datetime.now(UTC)
    return [one for one in moments if not began <= one <= now]


def misplaced(found: list[Any], wanted: list[Any]) -> int:
    """Return in how many places something else stands than is wanted."""
    return sum(one != other for one, other in zip_longest(found, wanted))


@dataclass
class Seen:
    """What people were shown, and in how many places something else stood than should."""

    moments: list[datetime] = field(default_factory=list)
    days: list[str] = field(default_factory=list)
    swapped: int = 0

    def order(self, client: Client, talk: str, threads: list[str], messages: list[str]) -> None:
        """Look at the order of the threads, and of the messages of one of them."""
        listed = client.ask("threads.list", limit=3).json()
        rest = client.ask("threads.list", limit=3, after=listed["after"]).json()
        self.swapped += misplaced([one["id"] for one in listed["data"] + rest["data"]], threads)
        asked = {"type": "items.list", "params": {"thread_id": talk, "order": "asc", "limit": 50}}
        items = client.send(json.dumps(asked).encode(), **KEEP).json()["data"]
        said = [one["content"][0]["text"] for one in items if one["type"] == "user_message"]
        times = [moment(one["said_at"]) for one in items]
        self.swapped += misplaced(said, messages) + misplaced(times, sorted(times))
        self.moments += times

    def dates(self, client: Client, talk: str, today: str) -> None:
        """Look at the days on pages and in the search, and at the dates of what is taken along."""
        self.moments += dates_in(json.loads(client.get("/history/export.json").text))
        heads = re.findall(r"^## .* · (\d+) \w+ \d+, ", client.get("/history/export.md").text, re.M)
        assert set(heads) == {today}
        for path in ("/history", f"/history/{talk}"):
            page = client.get(path).text
            assert days_of(page), path
            self.days += days_of(page)
        found = client.get("/history/search?q=message").text
        found_days = re.findall(r'class="search-when"[^>]*>(\w+)', found)
        assert found_days
        self.days += found_days


@pytest.mark.measured
def test_order_and_days_are_right_between_clocks_an_hour_wrong_both_ways(
    apart: Apart, alice_session: Person, figures: Figures
) -> None:
    apart.model.forget()
    began = datetime.now(UTC)
    name, zone = near_midnight(began)
    clients = [in_zone(server.client(alice_session), name) for server in apart.both]
    messages = [f"message {number}" for number in range(6)]
    talk = thread_of(clients[0].say(messages[0]))
    for number, message in enumerate(messages[1:], 1):
        assert text_of(clients[number % 2].say(message, talk))
    later = [thread_of(clients[number % 2].say(f"thread {number}")) for number in range(4)]

    seen = Seen()
    for client in clients:
        seen.order(client, talk, [*later[::-1], talk], messages)
        seen.dates(client, talk, f"{began.astimezone(zone):%d}".lstrip("0"))
    wrong_dates = off(seen.moments, began - timedelta(seconds=1))
    wrong_days = [day for day in seen.days if day != "Today"]

    assert not seen.swapped
    assert not wrong_dates
    assert not wrong_days
    figures.tell(
        "E2",
        "Two servers on one database, one an hour ahead and one an hour behind, in different time"
        " zones: threads, messages, days and dates are as if both were right.",
        {
            "messages": len(messages) + len(later),
            "out of order": seen.swapped,
            "dates told": len(seen.moments),
            "dates off by a second or more": len(wrong_dates),
            "under a wrong day": len(wrong_days),
        },
    )


def days_of(page: str) -> list[str]:
    """Return the headings of the days on a page, of threads or of messages."""
    lists = re.findall(r'<h2 class="threads-day">([^<]+)', page)
    return lists + re.findall(r'<li class="day"><h3><time[^>]*>([^<]+)', page)


def dates_in(export: dict[str, Any]) -> list[datetime]:
    """Return the dates of an export that are ours, and not ChatKit's in its documents."""
    threads = export["threads"]
    rows = [*threads, *(item for thread in threads for item in thread["items"])]
    dates = [row[name] for row in rows for name in ("created_at", "last_message_at") if name in row]
    return [moment(date) for date in dates]


@pytest.mark.measured
def test_no_turn_is_settled_because_of_a_clock(
    apart: Apart, alice_session: Person, figures: Figures
) -> None:
    apart.model.forget()
    pieces = [f"{number} " for number in range(SECONDS * 10)]
    text = "".join(pieces).strip()
    apart.model.script(*[Reply(pieces=pieces, pause=0.1) for _ in range(2)])
    ahead, behind = [server.client(alice_session) for server in apart.both]
    jumps = [-HOUR, 24 * HOUR, 0, HOUR]

    streams = [begin(client, "long, please", **KEEP) for client in (ahead, behind)]
    for stream in streams:
        stream.read(deltas=1)
    for to in jumps:
        jump(apart.clock, to)
        streams[0].read(deltas=SECONDS * 10 // (len(jumps) + 1))
    with ThreadPoolExecutor(2) as pool:
        answers = [text_of(events).strip() for events in pool.map(lambda one: one.rest(), streams)]

    lost = sum(answer != text for answer in answers)
    assert not lost, answers
    with psycopg.connect(apart.dsn) as conn:
        states = conn.execute(
            "SELECT state, count(*) FROM chatkit_turn WHERE user_id = %s GROUP BY state",
            [alice_session.id],
        ).fetchall()
    settled = sum(number for state, number in states if state != "done")
    assert (settled, states) == (0, [("done", 2)])
    figures.tell(
        "E2 I1",
        "A turn that runs for longer than its lease is settled by nobody, whatever clocks say, also"
        " when its worker's own one jumps by hours in the middle of it.",
        {
            "turns": 2,
            "jumps": len(jumps),
            "seconds each": SECONDS,
            "settled": settled,
            "lost": lost,
        },
    )


def test_windows_of_limits_and_undo_go_by_one_clock(apart: Apart, mallory_session: Person) -> None:
    apart.model.forget()
    ahead, behind = [server.client(mallory_session) for server in apart.both]
    thread_id = thread_of(ahead.say("keep me"))

    deleted = ahead.post(f"/history/{thread_id}/delete", {"undo": "yes"})
    gone = behind.get(f"/history/{thread_id}").status_code
    behind.get("/history")
    undone = behind.post(deleted.headers["Location"].partition("?")[0] + "/undo", {})
    begun = 1
    while (stream := begin([ahead, behind][begun % 2], "more")).status == 200:
        stream.rest()
        begun += 1

    assert gone == 404
    assert undone.status_code == 303
    assert ahead.get(f"/history/{thread_id}").status_code == 200
    assert begun == 20
    for client in (ahead, behind):
        refused = begin(client, "more")
        assert refused.status == 429
        assert 0 < int(refused.answer.headers["Retry-After"]) <= 60
    assert join(behind, thread_id).status == 204
    eventually(lambda: behind.get("/readyz").status_code == 200)
