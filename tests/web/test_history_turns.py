"""What pages show of turns: answers being written, unread ones, and those that did not end well."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from chat.connection import Connection
from chat.tables import items, thread_lists
from chat.tables import turns as table
from chat.tables.turns import NewTurn, State
from tests.fix_site import Site, StartSite
from tests.fix_store import a_message, a_thread, an_answer
from tests.web.page_check import Page, check_page

ENDING = (
    "UPDATE chatkit_turn SET state = %(state)s WHERE id = %(turn)s",
    "UPDATE chatkit_thread SET unread = %(unread)s WHERE id = %(thread)s",
    "UPDATE chatkit_thread_item SET outcome = nullif(%(state)s, 'done') WHERE id = %(item)s",
)


class Owner:
    """A signed-in person, and turns in their threads."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = self.page("/history").all("body")
        self.id = body["data-user"]

    def page(self, path: str) -> Page:
        return check_page(self.site.get(path))

    def begins(self) -> NewTurn:
        """Begin a turn in a new thread."""
        thread_id = f"thr_{uuid4().hex}"
        turn = NewTurn(f"turn_{uuid4().hex}", thread_id, "worker")
        message = a_message(f"msg_{uuid4().hex}", "A question", thread_id)
        thread = a_thread(thread_id, "Twine")
        table.begin(self.conn, user_id=self.id, turn=turn, thread=thread, message=message, most=100)
        return turn

    def ends(self, turn: NewTurn, state: State, *, unread: bool = False) -> None:
        """End the turn, with half an answer."""
        answer = an_answer(f"msg_{uuid4().hex}", "Half an answer", turn.thread_id)
        items.add(self.conn, user_id=self.id, thread_id=turn.thread_id, item=answer)
        params = {"state": state, "turn": turn.id, "thread": turn.thread_id, "item": answer.id}
        for statement in ENDING:
            self.conn.execute(statement, {**params, "unread": unread})

    def state_of(self, thread_id: str, path: str = "/history") -> str | None:
        rows = [row for row in self.page(path).all("li") if row.get("data-thread") == thread_id]
        return rows[0].get("data-state")


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


def test_the_list_says_where_an_answer_is_being_written(alice: Owner) -> None:
    turn = alice.begins()

    assert alice.state_of(turn.thread_id) == "writing"
    assert "answer being written" in alice.page("/history").text()


def test_an_answer_that_nobody_read_is_unread_until_its_page_is_opened(alice: Owner) -> None:
    turn = alice.begins()
    alice.ends(turn, "done", unread=True)
    assert alice.state_of(turn.thread_id) == "unread"
    alice.page("/history/new")
    assert alice.state_of(turn.thread_id) == "unread"

    assert alice.state_of(turn.thread_id, f"/history/{turn.thread_id}") is None
    assert alice.state_of(turn.thread_id) is None
    assert not thread_lists.find(alice.conn, user_id=alice.id, thread_id=turn.thread_id).unread


def test_the_element_is_told_whether_there_is_something_to_join(alice: Owner) -> None:
    turn = alice.begins()
    path = f"/history/{turn.thread_id}"

    [writing] = alice.page(path).all("threadkeeper-chat")
    assert "data-writing" in writing
    assert "An answer is being written. Show the answer" in alice.page(path).text()

    alice.ends(turn, "done")
    [quiet] = alice.page(path).all("threadkeeper-chat")
    assert "data-writing" not in quiet


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("stopped", "You stopped this answer."),
        ("interrupted", "This answer was interrupted."),
        ("failed", "This answer failed."),
    ],
)
def test_how_an_answer_ended_is_said_under_it(alice: Owner, state: State, sentence: str) -> None:
    turn = alice.begins()
    alice.ends(turn, state)

    text = alice.page(f"/history/{turn.thread_id}").text()

    assert text.index("Half an answer") < text.index(sentence)


def test_files_are_the_same_for_everybody_and_pages_are_not(alice: Owner) -> None:
    page = alice.site.get("/history")
    sheet = next(link["href"] for link in check_page(page).all("link") if "css" in link["href"])

    file = alice.site.get(sheet, buffered=True)

    assert "Cookie" not in file.vary
    assert "no-store" not in file.headers["Cache-Control"]
    assert "Cookie" in page.headers.getlist("Vary")
    assert page.headers["Cache-Control"] == "no-store"


def test_signing_out_may_end_at_the_sites_own_sign_in_page(start_site: StartSite) -> None:
    ours = start_site()
    theirs = start_site(sign_in_url="https://www.example.com/login")

    def form_action(site: Site) -> str:
        policy = site.get("/livez").headers["Content-Security-Policy"]
        return next(part for part in policy.split("; ") if part.startswith("form-action"))

    assert form_action(ours) == "form-action 'self'"
    assert form_action(theirs) == "form-action 'self' https://www.example.com"
