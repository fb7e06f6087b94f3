"""Sending with a plain form: what is stored, where it leads, and what is told when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from chatkit.types import ClosedStatus
from werkzeug.test import TestResponse

from chat.connection import Connection
from chat.tables import thread_lists, threads
from chat.tables import turns as table
from chat.tables.turns import NewTurn
from chat.turns import TURNS_OF_A_USER
from chat.web.messages import LONGEST_TEXT
from chat.web.services import EXTENSION, Services
from chat.web.streams import places
from tests.fix_auth import AuthServer
from tests.fix_site import Site, StartSite
from tests.fix_store import a_message, a_thread
from tests.fix_turns import eventually
from tests.web.page_check import Page, check_page


class Writer:
    """A signed-in person who sends forms, as their browser finds them on the page."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = check_page(site.get("/history")).all("body")
        self.id = body["data-user"]
        self.services: Services = site.app.extensions[EXTENSION]

    def form(self, path: str = "/history/new") -> dict[str, str]:
        page = check_page(self.site.get(path))
        [key] = [one["value"] for one in page.all("input") if one.get("name") == "key"]
        [form] = [one for one in page.all("form") if one.get("class") == "message-form"]
        return {"action": form["action"], "key": key}

    def sends(self, text: str, path: str = "/history/new") -> TestResponse:
        form = self.form(path)
        return self.posts(form["action"], text=text, key=form["key"])

    def posts(self, path: str, **fields: str) -> TestResponse:
        return self.site.browser.post(
            path,
            base_url=self.site.origin,
            data=fields,
            content_type="multipart/form-data",
            headers={"Origin": self.site.origin},
        )

    def owns(self, **fields: Any) -> str:
        thread_id = f"thr_{uuid4().hex}"
        threads.save(self.conn, user_id=self.id, thread=a_thread(thread_id, "Twine", **fields))
        return thread_id

    def begins(self) -> NewTurn:
        """Begin a turn in a new thread, on another worker."""
        thread_id = f"thr_{uuid4().hex}"
        turn = NewTurn(f"turn_{uuid4().hex}", thread_id, "worker")
        message = a_message(f"msg_{uuid4().hex}", "A question", thread_id)
        thread = a_thread(thread_id, "Twine")
        table.begin(self.conn, user_id=self.id, turn=turn, thread=thread, message=message, most=100)
        return turn

    def unread(self, thread_id: str) -> bool:
        find = thread_lists.find
        return find(self.conn, user_id=self.id, thread_id=thread_id).unread

    def stored(self) -> int:
        row = self.conn.execute(
            "SELECT count(*) FROM chatkit_thread_item WHERE user_id = %s AND kind = 'user_message'",
            [self.id],
        ).fetchone()
        return int(row[0]) if row else -1


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(start_site: StartSite, conn: Connection) -> Writer:
    return Writer(start_site(assistant="tests.assistants.echo:assistant"), conn)


def thread_of(answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return re.fullmatch(r"/history/(thr_\w+)", answer.headers["Location"])[1]  # type: ignore[index]


def box(page: Page) -> str:
    """The words in the box of a page, as a browser reads them."""
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", page.html, re.DOTALL)
    assert found
    return found[1]


def test_a_first_message_makes_a_thread_and_a_quick_answer_is_there_at_once(alice: Writer) -> None:
    thread_id = thread_of(alice.sends("What is twine?"))

    page = check_page(alice.site.get(f"/history/{thread_id}"))

    assert "The assistant said: You said: What is twine?" in page.text()
    assert "being written" not in page.text()
    assert "data-writing" not in page.html


def test_a_second_message_goes_into_the_same_thread(alice: Writer) -> None:
    path = f"/history/{thread_of(alice.sends('One'))}"

    assert alice.sends("Two", path).headers["Location"] == path

    text = check_page(alice.site.get(path)).text()
    answers = re.findall(r"The assistant said: You said: (\w+)", text)
    assert answers == ["One", "Two"]


def test_a_slow_answer_is_written_on_and_shown_when_it_is_asked_for(alice: Writer) -> None:
    thread_id = thread_of(alice.sends("Slowly"))
    page = check_page(alice.site.get(f"/history/{thread_id}"))

    assert "An answer is being written. Show the answer" in page.text()
    assert f"/history/{thread_id}" in page.links()
    assert "The assistant said: You said: Slowly" not in page.text()

    eventually(lambda: not alice.services.turns.keeper.running)
    assert alice.unread(thread_id), "nobody was reading"
    page = check_page(alice.site.get(f"/history/{thread_id}"))
    assert "The assistant said: You said: Slowly" in page.text()
    assert not alice.unread(thread_id)


def test_nobody_is_left_reading_a_turn_that_a_form_began(alice: Writer) -> None:
    before = places._taken.total()
    thread_id = thread_of(alice.sends("Forever"))

    def no_reader() -> bool:
        running = alice.services.turns.keeper.running.values()
        return [turn.readers for turn in running] == [set()]

    eventually(no_reader)
    assert places._taken.total() == before
    alice.site.browser.post(
        f"/chatkit/turns/{thread_id}/stop",
        base_url=alice.site.origin,
        headers={"Origin": alice.site.origin},
    )
    eventually(lambda: not alice.services.turns.keeper.running)
    text = check_page(alice.site.get(f"/history/{thread_id}")).text()
    assert "The assistant said: You said: Forever" in text
    assert "You stopped this answer." in text


def test_a_form_that_is_sent_twice_is_one_message(alice: Writer) -> None:
    form = alice.form()
    first = alice.posts(form["action"], text="Only once", key=form["key"])
    second = alice.posts(form["action"], text="Only once", key=form["key"])

    assert thread_of(first) == thread_of(second)
    assert alice.stored() == 1


def test_other_words_in_an_old_form_are_another_message(alice: Writer) -> None:
    form = alice.form(f"/history/{thread_of(alice.sends('One'))}")
    for text in ("Two", "Three"):
        thread_of(alice.posts(form["action"], text=text, key=form["key"]))

    assert alice.stored() == 3


def test_every_form_has_a_key_of_its_own(alice: Writer) -> None:
    assert alice.form()["key"] != alice.form()["key"]


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é", "a\0b", "k" * 50_000, "\ud800"])
def test_a_key_that_no_form_has_is_refused(alice: Writer, key: str) -> None:
    raw = key.encode("utf-8", "surrogatepass").decode("latin-1") if key == "\ud800" else key
    answer = alice.posts("/history/messages", text="Keep me", key=raw)

    assert box(check_page(answer, 400)) == "Keep me"
    assert alice.stored() == 0


@pytest.mark.parametrize("text", ["", " \r\n\t ", "\u200b", "\u202e\u2066 "])
def test_a_message_without_words_is_refused(alice: Writer, text: str) -> None:
    page = check_page(alice.sends(text), 400)

    assert "Please write a message first." in page.text()
    assert alice.stored() == 0


def test_a_message_that_is_too_long_comes_back_in_its_box(alice: Writer) -> None:
    text = "x" * (LONGEST_TEXT + 1)

    page = check_page(alice.sends(text), 413)

    assert "too long" in page.text()
    assert box(page) == text
    assert check_page(alice.sends("x" * 100_000), 413)
    assert alice.stored() == 0


@pytest.mark.parametrize("text", ["字" * LONGEST_TEXT, "🧵" * (LONGEST_TEXT // 2)])
def test_whatever_fits_into_the_box_fits_into_the_form(alice: Writer, text: str) -> None:
    thread_of(alice.sends(text))

    assert alice.stored() == 1


def test_what_no_database_takes_is_marked_and_lines_stay_lines(alice: Writer) -> None:
    path = f"/history/{thread_of(alice.sends('a' + chr(0) + 'b' + chr(13) + chr(10) + 'c'))}"

    assert '<div class="bubble" dir="auto">a\ufffdb\nc</div>' in alice.site.get(path).text


def test_a_message_is_text_and_nothing_else(alice: Writer) -> None:
    page = check_page(alice.sends("</textarea><script>alert(1)</script>" + "x" * 20_000), 413)

    assert "<script>alert(1)" not in page.html


def test_a_closed_thread_takes_none_and_the_words_can_begin_another(alice: Writer) -> None:
    thread_id = alice.owns(status=ClosedStatus())

    page = check_page(alice.posts(f"/history/{thread_id}/messages", text="Keep me", key="k"), 409)

    assert "takes no more messages" in page.text()
    assert box(page) == "Keep me"
    assert [form["action"] for form in page.all("form")] == ["/history/messages"]
    assert alice.stored() == 0


def test_a_thread_with_a_running_turn_takes_none(alice: Writer) -> None:
    turn = alice.begins()

    page = check_page(alice.sends("Keep me", f"/history/{turn.thread_id}"), 409)

    assert "still being written" in page.text()
    assert box(page) == "Keep me"


def test_too_many_turns_are_refused(alice: Writer) -> None:
    for _ in range(TURNS_OF_A_USER):
        alice.begins()

    answer = alice.sends("Keep me")

    assert box(check_page(answer, 429)) == "Keep me"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("thread_id", ["thr_none", "%00", "%ED%A0%80", "a" * 5000, "🧵"])
def test_a_thread_that_is_not_there_takes_none(alice: Writer, thread_id: str) -> None:
    page = check_page(alice.posts(f"/history/{thread_id}/messages", text="Keep me", key="k"), 404)

    assert box(page) == "Keep me"
    assert alice.stored() == 0


def test_somebody_elses_thread_reads_like_one_that_is_not_there(
    alice: Writer, start_site: StartSite, conn: Connection
) -> None:
    mallory = Writer(start_site(), conn)
    thread_id = alice.owns()

    foreign = mallory.posts(f"/history/{thread_id}/messages", text="Let me in", key="k")
    missing = mallory.posts("/history/thr_none/messages", text="Let me in", key="k")

    def bare(page: Page) -> str:
        return re.sub(r"Reference \w+", "", page.text())

    assert bare(check_page(foreign, 404)) == bare(check_page(missing, 404))
    assert alice.stored() == mallory.stored() == 0


def test_a_session_that_ended_keeps_the_words(alice: Writer) -> None:
    form = alice.form()
    alice.site.browser.delete_cookie("better-auth.session_token", domain="localhost")

    page = check_page(alice.posts(form["action"], text="Keep me", key=form["key"]), 401)

    assert box(page) == "Keep me"
    assert "/sign-in" in page.links()


def test_another_site_cannot_send(alice: Writer) -> None:
    answer = alice.site.browser.post(
        "/history/messages",
        base_url=alice.site.origin,
        data={"text": "Buy it", "key": "k"},
        headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    )

    check_page(answer, 403)
    assert alice.stored() == 0


def test_a_database_that_is_away_keeps_the_words_and_the_key(
    start_site: StartSite, site_auth: AuthServer
) -> None:
    site = start_site(database_url="postgresql://localhost:1/none", auth_url=site_auth.url)
    assert site.sign_up().status_code == 303

    answer = site.post("/history/messages", {"text": "Keep me", "key": "the-same-again"})

    page = check_page(answer, 503)
    assert box(page) == "Keep me"
    assert [one["value"] for one in page.all("input")] == ["the-same-again"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_model_that_fails_leaves_the_message_and_says_so(alice: Writer) -> None:
    thread_id = thread_of(alice.sends("Fail"))

    text = check_page(alice.site.get(f"/history/{thread_id}")).text()
    assert "You said: Fail" in text
    assert "This answer failed." in text
