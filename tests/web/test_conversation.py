"""The pages of one conversation, without JavaScript: where they open, their days and marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from chatkit.types import ClosedStatus, HiddenContextItem, LockedStatus, ThreadItem

from chat.connection import Connection
from chat.tables import items, threads
from chat.web.conversation import GONE, PAGE_SIZE
from chat.web.days import day_words
from tests.fix_site import Site, StartSite
from tests.fix_store import a_message, a_thread, an_answer
from tests.web.page_check import Page, check_page

Moment = datetime


class Owner:
    """A signed-in person, and one thread of theirs with numbered lines."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = check_page(site.get("/history")).all("body")
        self.id = body["data-user"]
        self.thread_id = f"thr_{uuid4().hex}"
        self.path = f"/history/{self.thread_id}"
        self.save()

    def save(self, **fields: Any) -> None:
        thread = a_thread(self.thread_id, "Long", **fields)
        threads.save(self.conn, user_id=self.id, thread=thread)

    def says(self, item: ThreadItem, moment: Moment | None = None) -> None:
        item.thread_id = self.thread_id
        item.created_at = moment or item.created_at
        items.add(self.conn, user_id=self.id, thread_id=self.thread_id, item=item)

    def line(self, number: int) -> str:
        return f"msg_{number}_{self.thread_id}"

    def says_lines(self, number: int) -> None:
        for n in range(number):
            self.says(a_message(self.line(n), f"Line {n}."))

    def page(self, query: str = "", status: int = 200) -> Page:
        return check_page(self.site.get(self.path + query), status)

    def ask(self, request: str, **params: Any) -> Any:
        answer = self.site.browser.post(
            "/chatkit",
            base_url=self.site.origin,
            json={"type": request, "params": {"thread_id": self.thread_id, **params}},
            headers={"Origin": self.site.origin, "X-Threadkeeper-Turn": "keep"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


def lines(page: Page) -> list[int]:
    """Return the numbers of the lines in the conversation; the list of threads has some too."""
    shown = page.html.partition('<ol class="messages">')[2].partition("</threadkeeper-chat>")[0]
    return [int(number) for number in re.findall(r"Line (\d+)\.", shown)]


def found(page: Page) -> list[str]:
    return [row["id"] for row in page.all("li") if "item-found" in row.get("class", "").split()]


def link(page: Page, words: str) -> str:
    html = re.search(rf'<a class="conversation-earlier"[^>]*href="([^"]+)">{words}</a>', page.html)
    assert html, f"no link {words}"
    return unescape(html[1])


def days(page: Page) -> list[str]:
    return re.findall(r'<li class="day"><h3><time datetime="[^"]+">([^<]+)</time>', page.html)


def chat(page: Page) -> dict[str, str]:
    [element] = page.all("threadkeeper-chat")
    return element


def test_a_message_in_the_middle_is_opened_among_those_around_it(alice: Owner) -> None:
    alice.says_lines(100)

    page = alice.page(f"?at={alice.line(50)}&q=whatever")

    shown = lines(page)
    assert shown == list(range(shown[0], shown[0] + PAGE_SIZE))
    assert shown[0] < 48 and shown[-1] > 52
    assert found(page) == [alice.line(50)]
    assert "<mark>" not in page.html
    assert "read-only" in chat(page)
    assert not page.all("textarea")
    assert link(page, "Back to the newest messages") == alice.path


def test_pages_lead_from_the_middle_to_both_ends_without_a_gap(alice: Owner) -> None:
    alice.says_lines(75)
    middle = alice.page(f"?at={alice.line(30)}")
    seen = lines(middle)

    page, pages = middle, 0
    while 0 not in seen:
        page, pages = check_page(alice.site.get(link(page, "Earlier messages"))), pages + 1
        seen = lines(page) + seen
    page = middle
    while 74 not in seen:
        page, pages = check_page(alice.site.get(link(page, "Later messages"))), pages + 1
        seen += [n for n in lines(page) if n > seen[-1]]

    assert seen == list(range(75))
    assert pages == 4
    assert "read-only" not in chat(page)


@pytest.mark.parametrize("number", [0, 5, 19])
def test_a_message_on_the_newest_page_is_opened_there_with_the_composer(
    alice: Owner, number: int
) -> None:
    alice.says_lines(60)

    page = alice.page(f"?at={alice.line(59 - number)}")

    assert lines(page) == list(range(40, 60))
    assert found(page) == [alice.line(59 - number)]
    assert page.all("textarea")
    assert "read-only" not in chat(page)


def test_the_one_before_the_newest_page_is_not_on_it(alice: Owner) -> None:
    alice.says_lines(60)

    page = alice.page(f"?at={alice.line(39)}")

    assert lines(page) == list(range(30, 50))
    assert "read-only" in chat(page)


def test_the_first_message_is_opened_with_what_follows(alice: Owner) -> None:
    alice.says_lines(60)

    page = alice.page(f"?at={alice.line(0)}")

    assert lines(page)[0] == 0
    assert found(page) == [alice.line(0)]
    assert "Earlier messages" not in page.text()


@pytest.mark.parametrize("at", ["msg_none", "", "a%00b", "x" * 100_000, "%ED%A0%80", "%0A", "🧵"])
def test_a_message_that_is_not_there_leads_to_the_newest_with_a_notice(
    alice: Owner, at: str
) -> None:
    alice.says_lines(30)

    page = alice.page(f"?at={at}")

    assert GONE in page.text()
    assert lines(page) == list(range(10, 30))
    assert found(page) == []


def test_deleted_hidden_and_foreign_messages_are_not_there(
    alice: Owner, start_site: StartSite, conn: Connection
) -> None:
    mallory = Owner(start_site(), conn)
    mallory.says_lines(1)
    alice.says_lines(1)
    hidden = HiddenContextItem(
        id="hid_1", thread_id=alice.thread_id, created_at=datetime.now(), content="SECRET"
    )
    alice.says(hidden)
    gone = f"gone_{alice.thread_id}"
    alice.says(a_message(gone))
    owner = {"user_id": alice.id, "thread_id": alice.thread_id}
    items.delete(conn, **owner, item_ids=[gone])

    for item_id in ("hid_1", gone, mallory.line(0)):
        assert GONE in alice.page(f"?at={item_id}").text(), item_id
    check_page(alice.site.get(f"{mallory.path}?at={mallory.line(0)}"), 404)


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("word", ["msg_none", "", "a%00b", "x" * 100_000, "%ED%A0%80", "🧵"])
def test_a_page_beside_nothing_is_refused_with_a_sentence(
    alice: Owner, name: str, word: str
) -> None:
    alice.says_lines(1)

    assert "no longer exists" in alice.page(f"?{name}={word}", 400).text()


def test_a_page_beside_a_deleted_message_goes_on_where_it_was(alice: Owner) -> None:
    alice.says_lines(60)
    owner = {"user_id": alice.id, "thread_id": alice.thread_id}
    items.delete(alice.conn, **owner, item_ids=[alice.line(30)])

    assert lines(alice.page(f"?before={alice.line(30)}"))[-1] == 29
    assert lines(alice.page(f"?after={alice.line(30)}"))[0] == 31


def test_days_are_headed_in_the_readers_time_zone(alice: Owner) -> None:
    now = datetime.now(UTC)
    midnight = datetime(2024, 11, 4, 1, 0, tzinfo=UTC)
    for moment in (midnight, midnight + timedelta(minutes=30), midnight + timedelta(hours=3)):
        alice.says(a_message(), moment)
    alice.says(a_message(), now - timedelta(days=1))
    alice.says(an_answer(), now)

    at_home = alice.page()
    alice.site.browser.set_cookie("timezone", "America/New_York", path="/history")
    far_away = alice.page()

    assert days(at_home) == ["Monday 4 November 2024", "Yesterday", "Today"]
    assert days(far_away)[0] == "Sunday 3 November 2024"
    moments = [time for time in at_home.all("time") if time.get("class") == "item-time"]
    assert moments[0]["datetime"] == "2024-11-04T01:00:00Z"
    assert ">01:00</time>" in at_home.html
    assert ">20:00</time>" in far_away.html


def test_a_moment_without_a_zone_is_the_servers_own(alice: Owner) -> None:
    stamped = datetime.now()
    alice.says(a_message("msg_a"), stamped)

    [time] = [time for time in alice.page().all("time") if time.get("class") == "item-time"]
    [item] = alice.ask("items.list")["data"]

    assert time["datetime"] == item["said_at"]
    assert datetime.fromisoformat(time["datetime"]) == stamped.astimezone(UTC).replace(
        microsecond=0
    )


def test_how_days_are_named() -> None:
    today = datetime(2026, 3, 1, tzinfo=UTC).date()

    assert day_words(today, today) == "Today"
    assert day_words(today - timedelta(days=1), today) == "Yesterday"
    assert day_words(today - timedelta(days=2), today) == "Friday 27 February"
    assert day_words(today - timedelta(days=90), today) == "Monday 1 December 2025"
    assert day_words(today + timedelta(days=1), today) == "Monday 2 March"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (LockedStatus(reason="Under review."), "locked. It takes no messages at the moment. Under"),
        (LockedStatus(), "This conversation is locked."),
        (
            ClosedStatus(reason="<b>Solved</b>"),
            "closed. It takes no more messages. &lt;b&gt;Solved",
        ),
    ],
)
def test_a_thread_that_takes_no_messages_says_so_and_has_no_composer(
    alice: Owner, status: LockedStatus | ClosedStatus, words: str
) -> None:
    alice.save(status=status)

    page = alice.page()

    assert words in page.text()
    assert not page.all("textarea")
    assert chat(page).get("thread-reason") == status.reason


def test_thumbs_are_kept_shown_and_listed(alice: Owner) -> None:
    alice.says(an_answer("msg_good"))
    alice.says(an_answer("msg_bad"))
    assert "helpful" not in alice.page().text()

    alice.ask("items.feedback", item_ids=["msg_good"], kind="positive")
    alice.ask("items.feedback", item_ids=["msg_bad"], kind="negative")

    text = alice.page().text()
    assert text.index("You found this helpful.") < text.index("You did not find this helpful.")
    listed = {item["id"]: item.get("feedback") for item in alice.ask("items.list")["data"]}
    assert listed == {"msg_good": "positive", "msg_bad": "negative"}


def test_other_clients_are_told_nothing_that_the_protocol_does_not_know(alice: Owner) -> None:
    alice.says(an_answer("msg_good"))
    alice.ask("items.feedback", item_ids=["msg_good"], kind="positive")

    answer = alice.site.browser.post(
        "/chatkit",
        base_url=alice.site.origin,
        json={"type": "items.list", "params": {"thread_id": alice.thread_id}},
        headers={"Origin": alice.site.origin},
    )

    [item] = json.loads(answer.data)["data"]
    assert not {"feedback", "outcome", "said_at"} & set(item)


def test_code_says_its_language(alice: Owner) -> None:
    alice.says(an_answer(text="```python\nprint(1)\n```\n\n```\nplain\n```"))

    blocks = alice.page().all("pre")

    assert [block.get("data-language") for block in blocks] == ["python", None]
