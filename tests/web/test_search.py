"""The page of search, without JavaScript, and the parts of it that htmx asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from chat.connection import Connection
from chat.tables import deletions, items, threads
from chat.web.addresses import packed
from tests.fix_site import Site, StartSite
from tests.fix_store import a_message, a_thread, an_answer
from tests.web.page_check import Page, check_page

SESSION = "better-auth.session_token"
HTMX = {"HX-Request": "true"}


class Owner:
    """A signed-in person, what they said, and what they look for."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = check_page(site.get("/history")).all("body")
        self.id = body["data-user"]

    def says(self, *texts: str, title: str = "Talk") -> tuple[str, list[str]]:
        """Store a thread with questions and answers in turn; return the ids of it and of them."""
        thread_id = f"thr_{uuid4().hex}"
        threads.save(self.conn, user_id=self.id, thread=a_thread(thread_id, title))
        said = []
        for number, text in enumerate(texts):
            build = an_answer if number % 2 else a_message
            item = build(f"msg_{uuid4().hex}", text, thread_id=thread_id)
            items.add(self.conn, user_id=self.id, thread_id=thread_id, item=item)
            said.append(item.id)
        return thread_id, said

    def asks(self, headers: dict[str, str] | None = None, /, **words: str) -> TestResponse:
        """Ask for the results of these words of an address; `since` stands for `from`."""
        named = {"from" if name == "since" else name: word for name, word in words.items()}
        address = "/history/search?" + urlencode(named, errors="surrogatepass")
        return self.site.get(address, headers=headers or {})

    def sees(self, status: int = 200, /, **words: str) -> Page:
        """Return the page of results, after checking what holds for all pages."""
        return check_page(self.asks(**words), status)


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


@pytest.fixture
def away(site: Site, start_site: StartSite) -> Site:
    """The app without its database, and a browser of somebody who is signed in."""
    assert site.sign_up().status_code == 303
    away = start_site(database_url="postgresql://nobody@127.0.0.1:1/none")
    held = site.browser.get_cookie(SESSION, domain="localhost")
    assert held is not None
    away.browser.set_cookie(SESSION, held.value, domain="localhost")
    return away


def results(page: Page) -> str:
    """Return the words of the results, without their mark-up."""
    _, _, below = page.html.partition('id="results"')
    assert below
    below = below.partition(">")[2].partition("</main>")[0]
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", below).split()))


def hits(page: Page) -> list[str]:
    """Return the addresses of what was found, in order."""
    found = [link for link in page.all("a") if "search-hit" in link.get("class", "")]
    return [link["href"] for link in found]


def marks(page: Page) -> list[str]:
    return [unescape(words) for words in re.findall(r"<mark>(.*?)</mark>", page.html)]


def more(page: Page) -> str:
    """Return the address of the next page of results."""
    [link] = [link for link in page.all("a") if link.get("rel") == "next"]
    return link["href"]


def test_search_asks_to_sign_in_first(site: Site) -> None:
    answer = site.get("/history/search?q=tax")

    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/sign-in?next=/history/search?q%3Dtax")


def test_before_anything_is_typed_the_page_says_what_it_does(alice: Owner) -> None:
    page = alice.sees()

    assert page.ids["results"] == 1
    assert "Type a word" in results(page)
    [field] = [one for one in page.all("input") if one["name"] == "q"]
    assert "autofocus" in field


def test_a_message_is_found_with_a_link_that_opens_its_thread_there(alice: Owner) -> None:
    thread_id, [asked, _] = alice.says("How are tax returns made?", "By hand.", title="Money")

    page = alice.sees(q="tax ret")

    assert hits(page) == [f"/history/{thread_id}?at={asked}#{asked}"]
    assert marks(page) == ["tax", "returns"]
    assert results(page).startswith("1 message. Money You Today, ")
    assert "That is everything." in results(page)
    opened = check_page(alice.site.get(hits(page)[0].partition("#")[0]))
    [item] = [one for one in opened.all("li") if one.get("id") == asked]
    assert "item-found" in item["class"]


def test_messages_of_a_thread_that_follow_each_other_share_a_heading(alice: Owner) -> None:
    alice.says("knots", "Knots.", title="First")
    alice.says("knots", title="Second")

    page = alice.sees(q="knots")

    assert re.findall("First|Second|You|Assistant", results(page)) == [
        *("Second", "You"),
        *("First", "Assistant", "You"),
    ]


def test_names_of_conversations_are_found_with_the_words_marked(alice: Owner) -> None:
    thread_id, _ = alice.says("something", title="Über Knoten")

    page = alice.sees(q="uber kno")

    assert hits(page) == [f"/history/{thread_id}"]
    assert marks(page) == ["Über", "Knoten"]
    assert "1 conversation by name." in results(page)


def test_more_names_than_are_shown_are_admitted(alice: Owner) -> None:
    for number in range(7):
        alice.says(title=f"Knots {number}")

    page = alice.sees(q="knots")

    assert len(hits(page)) == 5
    assert "More than 5 conversations by name." in results(page)
    assert "More conversations have this in their name." in results(page)


def test_an_archived_thread_is_found_and_says_so(alice: Owner) -> None:
    thread_id, _ = alice.says("knots", title="Knots")
    alice.conn.execute("UPDATE chatkit_thread SET archived_at = now() WHERE id = %s", [thread_id])

    page = alice.sees(q="knots")

    assert len(hits(page)) == 2
    assert results(page).count("Archived") == 2


def test_what_was_deleted_is_not_found(alice: Owner) -> None:
    thread_id, _ = alice.says("knots", title="Knots")
    deletions.set_aside(alice.conn, user_id=alice.id, thread_ids=[thread_id], deletion_id="del_x")

    assert hits(alice.sees(q="knots")) == []


def test_nothing_found_says_what_for_and_what_may_help(alice: Owner) -> None:
    page = alice.sees(q="<b>zebra</b>")

    assert "Nothing found for <b>zebra</b> ." in results(page)
    assert "Fewer words" in results(page)


def test_pages_follow_each_other_to_the_end(alice: Owner) -> None:
    _, said = alice.says(*["knots"] * 45)
    seen, words = [], results(page := alice.sees(q="kno", since="2020-01-01"))
    assert "More than 20 messages." in words
    for _ in range(2):
        seen += hits(page)
        page = check_page(alice.site.get(more(page)))
        assert "Back to the newest results" in page.text()
    seen += hits(page)

    assert [address.partition("#")[2] for address in seen] == said[::-1]
    assert "That is everything." in results(page)
    assert "from=2020-01-01" in next(
        link for link in page.links() if "after" not in link and "q=" in link
    )


def test_names_stand_on_the_first_page_only(alice: Owner) -> None:
    alice.says(*["knots"] * 25, title="Knots")
    page = alice.sees(q="knots")
    assert "1 conversation by name and more than 20 messages." in results(page)

    page = check_page(alice.site.get(more(page)))

    assert "by name" not in results(page)
    assert len(hits(page)) == 5


def test_a_page_after_the_last_message_is_an_end(alice: Owner) -> None:
    page = alice.sees(q="knots", after=packed("2020-01-01T00:00:00+00:00 1 thr_1"))

    assert results(page) == "Nothing further back."


def test_days_begin_and_end_where_the_reader_is(alice: Owner) -> None:
    _, [said] = alice.says("knots")
    # 30 minutes into the 2nd in Auckland, 13 hours ahead of UTC.
    alice.conn.execute(
        "UPDATE chatkit_thread_item SET created_at = '2026-01-01T11:30:00Z' WHERE id = %s", [said]
    )

    def count(zone: str, **days: str) -> int:
        alice.site.browser.set_cookie("timezone", zone, domain="localhost", path="/history")
        return len(hits(alice.sees(q="knots", **days)))

    assert count("Pacific/Auckland", since="2026-01-02", to="2026-01-02") == 1
    assert count("Pacific/Auckland", since="2026-01-01", to="2026-01-01") == 0
    assert count("UTC", since="2026-01-01", to="2026-01-01") == 1
    assert count("UTC", since="2026-01-02") == 0
    assert count("UTC", to="2025-12-31") == 0
    assert count("Pacific/Auckland", since="0001-01-01", to="9999-12-31") == 1
    assert count("America/Los_Angeles", since="0001-01-01", to="9999-12-31") == 1


@pytest.mark.parametrize(
    "days",
    [
        {"since": "yesterday"},
        {"since": "2026-02-30"},
        {"to": "20260101"},
        {"to": "2026-W01-1"},
        {"to": "1" * 100_000},
        {"to": "\0"},
        {"since": "2026-01-02", "to": "2026-01-01"},
    ],
)
def test_days_that_are_none_are_a_sentence(alice: Owner, days: dict[str, str]) -> None:
    page = alice.sees(400, q="knots", **days)

    assert "Those days can't be used." in results(page)
    [field] = [one for one in page.all("input") if one["name"] == "q"]
    assert field["value"] == "knots"


@pytest.mark.parametrize(
    "query",
    ["& | ! ( ) :*", '"', '""', "'", "\\", "--;", "\0", "❤️", "***", "%_", "\u202e"],
)
def test_a_query_without_words_is_a_sentence_and_asks_the_database_nothing(
    away: Site, query: str
) -> None:
    page = check_page(away.get("/history/search?" + urlencode({"q": query})))

    assert "There is no word in that." in results(page)


@pytest.mark.parametrize("query", ["x" * 201, "x" * 100_000, "a b c d e f g h i j k", "a-" * 50])
def test_too_much_to_look_for_is_a_sentence(alice: Owner, query: str) -> None:
    assert "at most 10 words and 200 characters" in results(alice.sees(400, q=query))


@pytest.mark.parametrize(
    "query",
    ["tax & return", "!tax", "'tax'", '"tax', "tax:*", "tax <-> return", "(tax", "tax\\", "tax\0"],
)
def test_operators_beside_words_mean_nothing(alice: Owner, query: str) -> None:
    _, [said] = alice.says("the tax return")

    assert [link.partition("#")[2] for link in hits(alice.sees(q=query))] == [said]


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "",
        "\0",
        "%",
        "é",
        "x" * 100_000,
        packed("2026-01-01 1 thr_1"),
        packed("2026-01-01T00:00:00+00:00 -1 thr_1"),
        packed(f"2026-01-01T00:00:00+00:00 {2**70} thr_1"),
        packed("2026-01-01T00:00:00+00:00 1 thr\0"),
        packed("2026-01-01T00:00:00+00:00 1 "),
        packed("never 1 thr_1"),
    ],
)
def test_a_cursor_that_never_was_is_a_sentence(alice: Owner, cursor: str) -> None:
    assert "no longer exists" in results(alice.sees(400, q="knots", after=cursor))


def test_markup_is_text_wherever_it_comes_from(alice: Owner) -> None:
    attack = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    alice.says(attack, attack, title=attack)

    page = alice.sees(q='<script>alert("1")</script> img')
    assert page.html.count("<img") == 0
    assert all("src" in script for script in page.all("script"))

    page = alice.sees(q="script img")
    assert len(hits(page)) == 3
    assert page.html.count("<img") == 0
    assert all("src" in script for script in page.all("script"))


def test_nobody_elses_messages_are_found(start_site: StartSite, conn: Connection) -> None:
    alice, mallory = Owner(start_site(), conn), Owner(start_site(), conn)
    alice.says("my secret knots", title="Secret")
    for number in range(25):
        alice.says(f"secret {number}", title="Secret")

    assert results(mallory.sees(q="secret")).startswith("Nothing found for secret .")
    place = more(alice.sees(q="secret"))
    assert hits(check_page(mallory.site.get(place))) == []


def fragment(answer: TestResponse, status: int = 200) -> str:
    assert answer.status_code == status
    html = answer.get_data(as_text=True)
    assert "<html" not in html
    assert "HX-Request" in answer.headers["Vary"]
    return html


def test_htmx_gets_the_same_results_as_a_part(alice: Owner) -> None:
    alice.says("knots", title="Knots")
    whole = alice.sees(q="knots").html

    part = fragment(alice.asks(HTMX, q="knots"))

    assert part.strip().startswith('<section class="search-results" id="results"')
    assert 'data-said="1 conversation by name and 1 message."' in part
    assert " ".join(part.split()) in " ".join(whole.split())


def test_htmx_gets_every_state_as_a_part(alice: Owner) -> None:
    for words, sentence in [
        ({"q": ""}, "Type a word"),
        ({"q": "!"}, "There is no word in that."),
        ({"q": "zebra"}, "Nothing found for"),
        ({"q": "x" * 201}, "at most 10 words"),
        ({"q": "x", "to": "?"}, "Those days can&#39;t be used."),
    ]:
        part = fragment(alice.asks(HTMX, **words))
        assert sentence in part
        assert part.count('id="results"') == 1


def test_htmx_gets_more_results_without_a_frame_around_them(alice: Owner) -> None:
    alice.says(*["knots"] * 25)
    address = more(alice.sees(q="knots"))

    part = fragment(alice.site.get(address, headers=HTMX))

    assert 'id="results"' not in part
    assert part.count("search-snippet") == 5
    assert "That is everything." in part


def test_what_is_no_text_is_looked_for_as_what_is_left_of_it(alice: Owner) -> None:
    assert "Nothing found for" in results(check_page(alice.site.get("/history/search?q=%ED%A0%80")))
    assert "Nothing found for" in results(check_page(alice.site.get("/history/search?q=x%FF")))


def test_a_database_that_is_away_is_said_with_the_words_still_there(away: Site) -> None:
    page = check_page(away.get("/history/search?q=knots"), 503)
    assert "Your conversations can't be reached right now." in results(page)
    assert [one["value"] for one in page.all("input") if one["name"] == "q"] == ["knots"]

    answer = away.get("/history/search?q=knots", headers=HTMX)
    assert answer.status_code == 503
    assert answer.get_json()["error"]["code"] == "database_unavailable"
