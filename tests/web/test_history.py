"""The pages of conversations: the list, the conversation, deleting. No JavaScript runs here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import uuid4

import pytest
from chatkit.types import ClosedStatus

from chat.connection import Connection
from chat.tables import items, thread_lists, threads
from chat.web.addresses import cursor_of, packed, place_of
from chat.web.thread_list import PAGE_SIZE
from tests.fix_site import Site, StartSite
from tests.fix_store import a_message, a_thread, an_answer
from tests.web.every_item import NEVER_SHOWN, SHOWN, every_item
from tests.web.page_check import Page, check_page

NOW = datetime.now(UTC)


class Owner:
    """A signed-in person, and what they own."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = self.page("/history").all("body")
        self.id = body["data-user"]

    def page(self, path: str, status: int = 200) -> Page:
        return check_page(self.site.get(path), status)

    def owns(self, title: str | None, *, ago: timedelta = timedelta()) -> str:
        """Store a thread of that title and age; return its id."""
        thread_id = f"thr_{uuid4().hex}"
        threads.save(self.conn, user_id=self.id, thread=a_thread(thread_id, title))
        self.conn.execute(
            "UPDATE chatkit_thread SET last_message_at = %s WHERE user_id = %s AND id = %s",
            [NOW - ago, self.id, thread_id],
        )
        return thread_id

    def says(self, thread_id: str, *texts: str) -> None:
        """Store questions and answers, in turn."""
        for number, text in enumerate(texts):
            build = an_answer if number % 2 else a_message
            item = build(text=text, thread_id=thread_id)
            items.add(self.conn, user_id=self.id, thread_id=thread_id, item=item)


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


def rows(page: Page) -> list[str]:
    """Return the ids of the threads on the page, in its order."""
    return [
        row["data-thread"] for row in page.all("li") if row.get("data-thread") not in {None, "ID"}
    ]


def groups(page: Page) -> list[str]:
    return [group["data-group"] for group in page.all("section") if "data-group" in group]


def conversation(page: Page) -> str:
    """Return the words beside the list, whose rows show the newest message too."""
    return Page(page.html.partition("<main")[2]).text()


def test_the_front_door_leads_to_the_conversations(site: Site) -> None:
    assert site.get("/").headers["Location"] == "/history"


def test_nobody_gets_here_before_signing_in(site: Site) -> None:
    for path in ("/history", "/history/new", "/history/thr_1", "/history?after=x"):
        answer = site.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["Location"].startswith("/sign-in?next=/history"), path


def test_a_newcomer_sees_that_there_is_nothing_yet(alice: Owner) -> None:
    page = alice.page("/history")

    assert rows(page) == []
    assert "No conversations yet" in page.text()
    assert "JavaScript" in page.text()


def test_threads_are_listed_newest_first_under_their_day(alice: Owner) -> None:
    hours = {"Now": 0, "A day": 24, "Five": 5 * 24, "Twenty": 20 * 24, "Long ago": 800 * 24}
    made = [alice.owns(title, ago=timedelta(hours=age)) for title, age in hours.items()]

    page = alice.page("/history")

    assert rows(page) == made
    month = f"{NOW - timedelta(days=800):%B %Y}"
    assert groups(page) == ["Today", "Yesterday", "Previous 7 days", "Previous 30 days", month]
    first = next(time["datetime"] for time in page.all("time") if "datetime" in time)
    assert datetime.fromisoformat(first) == NOW.replace(microsecond=0)


def test_days_begin_where_the_reader_is(alice: Owner) -> None:
    alice.owns("Just now")
    alice.site.browser.set_cookie("timezone", "Pacific/Kiritimati", path="/history")

    [time] = [time for time in alice.page("/history").all("time") if "datetime" in time]

    assert time["datetime"].endswith("+14:00")


@pytest.mark.parametrize("zone", ["", "../../etc/passwd", "No/Where", "x" * 3000, "a\x00b", "/"])
def test_a_time_zone_that_is_none_is_ignored(alice: Owner, zone: str) -> None:
    alice.owns("Just now")
    alice.site.browser.set_cookie("timezone", zone, path="/history")

    [time] = [time for time in alice.page("/history").all("time") if "datetime" in time]

    assert time["datetime"].endswith("+00:00")


def test_a_thread_without_a_title_has_a_name_all_the_same(alice: Owner) -> None:
    thread_id = alice.owns(None)

    page = alice.page(f"/history/{thread_id}")

    assert page.title == "New conversation · Threadkeeper"


def test_a_row_shows_how_the_newest_message_begins(alice: Owner) -> None:
    thread_id = alice.owns("Twine")
    alice.says(thread_id, "What is twine?", "**Two** strands, " * 50)

    html = alice.page("/history").html

    [preview] = re.findall(r'class="thread-preview" dir="auto">([^<]+)<', html)
    assert preview.startswith("Two strands")
    assert len(preview) <= 100


def test_a_title_is_text_and_nothing_else(alice: Owner) -> None:
    thread_id = alice.owns("<script>alert(1)</script>\"'")

    page = alice.page(f"/history/{thread_id}")

    assert "<script>alert(1)" not in page.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.html


def test_further_pages_follow_links_to_the_end(alice: Owner) -> None:
    made = [alice.owns(f"Number {n}", ago=timedelta(minutes=n)) for n in range(2 * PAGE_SIZE + 3)]

    seen: list[str] = []
    path: str | None = "/history"
    pages = 0
    while path:
        page = alice.page(path)
        seen += rows(page)
        pages += 1
        path = next((a["href"] for a in page.all("a") if a.get("rel") == "next"), None)

    assert seen == made
    assert pages == 3
    assert "That is everything." in page.text()
    assert "/history" in page.links()


def test_the_list_alone_comes_as_a_fragment(alice: Owner) -> None:
    alice.owns("Only this")

    answer = alice.site.get("/history", headers={"HX-Request": "true"})

    html = answer.get_data(as_text=True)
    assert html.lstrip().startswith("<section")
    assert "Only this" in html
    assert "<html" not in html
    assert "HX-Request" in answer.vary


def test_an_old_page_with_nothing_behind_it_says_so(alice: Owner) -> None:
    cursor = cursor_of(thread_lists.Place(NOW - timedelta(days=9999), "thr_gone"))

    assert "Nothing further back." in alice.page(f"/history?after={cursor}").text()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "====",
        "%00",
        "é",
        "a" * 4000,
        "MjAyNi0wMS0wMSB0aHJfMQ",
        "bm90IGEgZGF0ZSB0aHI",
        "%ED%A0%80",
        packed("0001-01-01T00:00:00+14:00 thr_1"),
        packed("9999-12-31T23:59:59.999999-14:00 thr_1"),
    ],
)
def test_a_cursor_that_was_never_given_is_refused_with_a_sentence(
    alice: Owner, cursor: str
) -> None:
    page = alice.page(f"/history?after={cursor}", status=400)

    assert "start from the top" in page.text()


def test_a_cursor_carries_its_place() -> None:
    place = thread_lists.Place(NOW, "thr_1")

    assert place_of(cursor_of(place)) == place
    assert re.fullmatch(r"[\w-]+", cursor_of(place))


def test_a_conversation_reads_from_the_oldest_to_the_newest(alice: Owner) -> None:
    thread_id = alice.owns("Twine")
    alice.says(thread_id, "What is twine?", "Two **strands**.", "And rope?", "Several.")

    text = conversation(alice.page(f"/history/{thread_id}"))

    places = [
        text.index(words) for words in ("What is twine?", "Two strands", "And rope?", "Several.")
    ]
    assert places == sorted(places)
    assert "Earlier messages" not in text


def test_only_the_newest_messages_are_shown_and_links_lead_back(alice: Owner) -> None:
    thread_id = alice.owns("Long")
    alice.says(thread_id, *[f"Line {n}." for n in range(2 * PAGE_SIZE + 5)])

    path = f"/history/{thread_id}"
    seen: list[str] = []
    for _ in range(3):
        page = alice.page(path)
        seen = re.findall(r"Line \d+\.", conversation(page)) + seen
        path = next((a["href"] for a in page.all("a") if "data-earlier" in a), "")

    assert seen == [f"Line {n}." for n in range(2 * PAGE_SIZE + 5)]
    assert path == ""
    assert f"/history/{thread_id}" in page.links()


@pytest.mark.parametrize("before", ["msg_nobody", "", "a%00b", "x" * 3000])
def test_earlier_messages_of_an_unknown_place_are_refused(alice: Owner, before: str) -> None:
    thread_id = alice.owns("Short")

    alice.page(f"/history/{thread_id}?before={before}", status=400)


def test_a_closed_conversation_is_marked_for_the_composer(alice: Owner) -> None:
    thread_id = f"thr_{uuid4().hex}"
    closed = a_thread(thread_id, "Closed", status=ClosedStatus())
    threads.save(alice.conn, user_id=alice.id, thread=closed)

    [element] = alice.page(f"/history/{thread_id}").all("threadkeeper-chat")

    assert element["thread-status"] == "closed"


@pytest.mark.parametrize(
    "thread_id", ["thr_none", "%00", "%ED%A0%80", "a" * 5000, "%F0%9F%A7%B5", ".."]
)
def test_an_id_that_is_no_thread_of_mine_is_not_found(alice: Owner, thread_id: str) -> None:
    for answer in (
        alice.site.get(f"/history/{thread_id}"),
        alice.site.post(f"/history/{thread_id}/delete", {}),
        alice.site.post(f"/history/{thread_id}/delete", {"confirm": "yes"}),
    ):
        check_page(answer, 404)


def test_somebody_elses_thread_reads_like_one_that_is_not_there(
    alice: Owner, start_site: StartSite, conn: Connection
) -> None:
    mallory = Owner(start_site(), conn)
    thread_id = alice.owns("Private")

    foreign = mallory.page(f"/history/{thread_id}", 404)
    missing = mallory.page("/history/thr_none", 404)
    mallory.site.post(f"/history/{thread_id}/delete", {"confirm": "yes"})

    def without_reference(page: Page) -> str:
        return re.sub(r"Reference \w+", "", page.text())

    assert without_reference(foreign) == without_reference(missing)
    assert rows(mallory.page("/history")) == []
    assert rows(alice.page("/history")) == [thread_id]


def test_deleting_asks_first_and_then_does_it(alice: Owner) -> None:
    kept, gone = alice.owns("Kept", ago=timedelta(days=1)), alice.owns("<b>Gone</b>")
    alice.says(gone, "Delete me.")

    question = check_page(alice.site.post(f"/history/{gone}/delete", {}))
    assert "&lt;b&gt;Gone&lt;/b&gt;" in question.html
    assert f"/history/{gone}" in question.links()
    assert rows(alice.page("/history")) == [gone, kept]

    answer = alice.site.post(f"/history/{gone}/delete", {"confirm": "yes"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/history/new")
    assert rows(alice.page("/history")) == [kept]
    alice.page(f"/history/{gone}", 404)
    check_page(alice.site.post(f"/history/{gone}/delete", {"confirm": "yes"}), 404)


def test_a_link_cannot_delete(alice: Owner) -> None:
    thread_id = alice.owns("Kept")

    alice.page(f"/history/{thread_id}/delete?confirm=yes", 405)


def test_another_site_cannot_delete(alice: Owner) -> None:
    thread_id = alice.owns("Kept")

    answer = alice.site.browser.post(
        f"/history/{thread_id}/delete",
        base_url=alice.site.origin,
        data={"confirm": "yes"},
        headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    )

    check_page(answer, 403)
    assert rows(alice.page("/history")) == [thread_id]


def test_static_files_are_kept_for_a_year_under_their_version_only(alice: Owner) -> None:
    [sheet] = [
        link["href"] for link in alice.page("/history").all("link") if "tokens" in link["href"]
    ]

    current = alice.site.get(sheet, buffered=True)
    earlier = alice.site.get(re.sub(r"/assets/\w+/", "/assets/before/", sheet), buffered=True)

    assert "immutable" in current.headers["Cache-Control"]
    assert earlier.data == current.data
    assert "immutable" not in earlier.headers["Cache-Control"]
    for path in ("../app.py", "%2e%2e/app.py", "css", "nothing.css"):
        assert alice.site.get(f"/assets/x/{path}").status_code == 404, path


def test_every_file_that_a_page_names_exists(alice: Owner) -> None:
    page = alice.page("/history/new")
    named = [link["href"] for link in page.all("link")] + [one["src"] for one in page.all("script")]

    assert len(named) > 20
    for path in named:
        assert alice.site.get(path, buffered=True).status_code == 200, path


def test_the_pages_around_signing_in_are_pages_too(site: Site) -> None:
    for path in ("/sign-in", "/sign-up?next=/history/thr_1"):
        check_page(site.get(path))
    refused = site.post("/sign-in", {"email": "nobody@example.com", "password": "wrong-password"})
    page = check_page(refused, 401)
    assert "nobody@example.com" in page.html
    assert "wrong-password" not in page.html


def test_a_page_that_is_not_there_is_a_page(alice: Owner) -> None:
    assert "We couldn&#39;t find that page." in alice.page("/nowhere", 404).html


def test_every_type_of_item_is_readable_and_hidden_ones_are_not_shown(alice: Owner) -> None:
    thread_id = alice.owns("All of them")
    for item in every_item(thread_id):
        items.add(alice.conn, user_id=alice.id, thread_id=thread_id, item=item)

    page = alice.page(f"/history/{thread_id}")

    shown = unescape(page.html)
    for words in SHOWN:
        assert words in shown, words
    for words in NEVER_SHOWN:
        assert words not in shown, words


def test_every_page_has_the_way_out_or_leads_there(site: Site, conn: Connection) -> None:
    owner = Owner(site, conn)
    thread_id = owner.owns("Twine")
    owner.says(thread_id, "What is twine?", "Two strands.")
    rules = owner.site.app.url_map.iter_rules()
    pages = [rule.rule for rule in rules if "GET" in (rule.methods or ()) and not rule.arguments]
    pages += [f"/history/{thread_id}", f"/history/{thread_id}/rename", "/history/thr_nobody"]

    shown = 0
    for path in pages:
        with owner.site.get(path) as answer:
            html = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        if "<body" in html and "/sign-up" not in path:
            shown += 1
            # Pages that ask one thing lead to the list, which has it.
            assert 'action="/sign-out"' in html or 'href="/history"' in html, path
            if path in {"/history", f"/history/{thread_id}"}:
                assert 'action="/sign-out"' in html, path
    assert shown > 5
