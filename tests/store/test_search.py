"""What search finds in PostgreSQL: one's own messages and titles, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from chat.connection import Connection
from chat.search_text import owner_of, parse
from chat.tables import deletions, items, search, search_words, threads
from tests.fix_store import a_message, a_thread, an_answer

ALICE, MALLORY = "user_alice", "user_mallory"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def says(
    conn: Connection, *texts: str, thread_id: str = "thr_1", who: str = ALICE, title: str = "Talk"
) -> list[str]:
    """Store a thread with these messages, questions and answers in turn; return their ids."""
    threads.save(conn, user_id=who, thread=a_thread(thread_id, title))
    said = []
    for number, text in enumerate(texts):
        item = (an_answer if number % 2 else a_message)(text=text, thread_id=thread_id)
        items.add(conn, user_id=who, thread_id=thread_id, item=item)
        said.append(item.id)
    return said


def found(conn: Connection, query: str, *, who: str = ALICE, limit: int = 21) -> list[str]:
    """Return the ids of the messages that a query finds."""
    words = parse(query).tsquery(who)
    return [one.item.id for one in search.messages(conn, user_id=who, query=words, limit=limit)]


def titles(conn: Connection, query: str, *, who: str = ALICE) -> list[str]:
    words = parse(query).tsquery(who)
    return [one.thread_id for one in search.titles(conn, user_id=who, query=words)]


@pytest.mark.parametrize(
    "query",
    [
        "tax",
        "TAX ",
        "return tax",
        '"tax return"',
        "ret* tax ",
        "straße",
        "e-mail",
        "email",
        "don't",
        "dont",
        "京都",
        "東京都",
        "한국",
        "हिन्दी",
        "v1.2",
    ],
)
def test_words_and_beginnings_are_found(conn: Connection, query: str) -> None:
    text = "The tax RETURN of the Strasse, by e-mail: don't. 東京都 한국어를 हिन्दी v1.2.3"
    _, answer = says(conn, "Another thing", text)

    assert found(conn, query) == [answer]


@pytest.mark.parametrize("query", ["ta ", "ax", "tax returned", '"retur"', "zebra", "京東"])
def test_other_words_are_not(conn: Connection, query: str) -> None:
    says(conn, "The tax return 東京都")

    assert found(conn, query) == []


@pytest.mark.parametrize("sign", ["'", '"', "\\", "&", "|", "!", "(", ")", ":*", "<->", "%", "\0"])
def test_no_sign_means_anything_to_the_database(conn: Connection, sign: str) -> None:
    [said] = says(conn, "The tax return")

    assert found(conn, f"tax{sign} {sign}return{sign} ") == [said]


def test_questions_quotations_and_answers_are_found_newest_first(conn: Connection) -> None:
    said = says(conn, "knots", "more knots", "no such word", "knots again")
    quoting = a_message(text="why?", thread_id="thr_1").model_copy(
        update={"quoted_text": "a quoted knots"}
    )
    items.add(conn, user_id=ALICE, thread_id="thr_1", item=quoting)

    assert found(conn, "knots") == [quoting.id, said[3], said[1], said[0]]


def test_all_words_have_to_be_in_the_same_message(conn: Connection) -> None:
    says(conn, "tax", "return")

    assert found(conn, "tax return") == []


def test_titles_are_found_newest_activity_first_and_archived_ones_last(
    conn: Connection, by_hand: Connection
) -> None:
    for number in range(4):
        says(conn, "x", thread_id=f"thr_{number}", title=f"Knots {number}")
    by_hand.execute("UPDATE chatkit_thread SET archived_at = now() WHERE id IN ('thr_3', 'thr_2')")

    assert titles(conn, "kno") == ["thr_1", "thr_0", "thr_3", "thr_2"]
    assert titles(conn, "knots 2") == ["thr_2"]
    assert titles(conn, "zebra") == []


def test_one_title_more_than_are_shown_says_that_there_are_more(conn: Connection) -> None:
    for number in range(9):
        says(conn, thread_id=f"thr_{number}", title="Knots")

    assert len(titles(conn, "knots")) == search.MOST_TITLES + 1


def test_a_new_title_is_found_and_the_old_one_is_not(conn: Connection) -> None:
    says(conn, "x", title="Knots")

    threads.rename(conn, user_id=ALICE, thread_id="thr_1", title="Bends")

    assert titles(conn, "knots") == []
    assert titles(conn, "bends") == ["thr_1"]
    words = parse("x").tsquery(ALICE)
    [one] = search.messages(conn, user_id=ALICE, query=words, limit=5)
    assert one.title == "Bends"


def test_archived_threads_are_searched_and_say_so(conn: Connection, by_hand: Connection) -> None:
    says(conn, "old knots", thread_id="thr_old")
    says(conn, "new knots", thread_id="thr_new")
    by_hand.execute("UPDATE chatkit_thread SET archived_at = now() WHERE id = 'thr_old'")

    words = parse("knots").tsquery(ALICE)
    hits = search.messages(conn, user_id=ALICE, query=words, limit=5)

    assert [(one.thread_id, one.archived) for one in hits] == [
        ("thr_new", False),
        ("thr_old", True),
    ]


def test_what_is_set_aside_is_gone_at_once_and_found_again_after_an_undo(conn: Connection) -> None:
    said = says(conn, "knots", title="Knots")

    deletions.set_aside(conn, user_id=ALICE, thread_ids=["thr_1"], deletion_id="del_1")
    assert (found(conn, "knots"), titles(conn, "knots")) == ([], [])
    deletions.restore(conn, user_id=ALICE, deletion_id="del_1")
    assert (found(conn, "knots"), titles(conn, "knots")) == (said, ["thr_1"])
    deletions.delete(conn, user_id=ALICE, thread_id="thr_1")
    assert (found(conn, "knots"), titles(conn, "knots")) == ([], [])


def test_replaced_and_deleted_messages_are_not_found_by_what_they_said(conn: Connection) -> None:
    first, second = says(conn, "knots", "bends")
    items.save(conn, user_id=ALICE, thread_id="thr_1", item=a_message(first, "hitches"))
    items.delete(conn, user_id=ALICE, thread_id="thr_1", item_ids=[second])

    assert found(conn, "knots") == []
    assert found(conn, "bends") == []
    assert found(conn, "hitches") == [first]


def test_nobody_elses_words_are_found(conn: Connection) -> None:
    says(conn, "my secret knots", title="Secret", who=ALICE)

    assert found(conn, "secret", who=MALLORY) == []
    assert titles(conn, "secret", who=MALLORY) == []


def two_with_the_same_digits() -> tuple[str, str]:
    """Return two users whose words stand behind the same digits; one in some 80 000 has one."""
    known: dict[str, str] = {}
    for number in count():
        user_id = f"user_{number}"
        other = known.setdefault(owner_of(user_id), user_id)
        if other != user_id:
            return user_id, other
    raise AssertionError("there are only so many digits")


def test_nor_are_they_where_two_owners_share_the_digits(conn: Connection) -> None:
    one, other = two_with_the_same_digits()
    [own] = says(conn, "my secret knots", title="Secret", who=one)
    says(conn, "another secret", title="Secret too", who=other, thread_id="thr_2")

    assert parse("secret").tsquery(one) == parse("secret").tsquery(other)
    assert found(conn, "secret", who=one) == [own]
    assert titles(conn, "secret", who=one) == ["thr_1"]


def at(by_hand: Connection, moment: datetime) -> None:
    by_hand.execute("UPDATE chatkit_thread_item SET created_at = %s", [moment])


def pages(conn: Connection, query: str, limit: int) -> Iterator[list[search.Found]]:
    """Yield page after page, as a person who asks for more."""
    words, after = parse(query).tsquery(ALICE), None
    while True:
        page = search.messages(conn, user_id=ALICE, query=words, limit=limit + 1, after=after)
        yield page[:limit]
        if len(page) <= limit:
            return
        after = page[limit - 1].place


@pytest.mark.parametrize("looked_at", [2, 10, 1_000])
def test_pages_miss_nothing_and_repeat_nothing_where_all_dates_are_the_same(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, looked_at: int, by_hand: Connection
) -> None:
    monkeypatch.setattr(search, "NEWEST_MESSAGES", looked_at)
    said = []
    for number in range(5):
        # The same ids in every thread, as an import may have them.
        threads.save(conn, user_id=ALICE, thread=a_thread(f"thr_{number}"))
        for item_id in ("m1", "m2", "m3"):
            item = a_message(item_id, "knots", thread_id=f"thr_{number}")
            items.add(conn, user_id=ALICE, thread_id=f"thr_{number}", item=item)
            said.append((f"thr_{number}", item_id))
    at(by_hand, NEW_YEAR)

    seen = [(one.thread_id, one.item.id) for page in pages(conn, "knots", 4) for one in page]

    assert seen == sorted(said, reverse=True)


@pytest.mark.parametrize("looked_at", [3, 1_000])
def test_rare_words_are_found_behind_any_number_of_newer_messages(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(search, "NEWEST_MESSAGES", looked_at)
    monkeypatch.setattr(search, "NEWEST_THREADS", looked_at)
    rare = says(conn, "a needle", "another needle", thread_id="thr_0", title="Needle")
    for number in range(1, 9):
        says(conn, "hay", "and hay", thread_id=f"thr_{number}", title="Hay")

    assert found(conn, "needle") == rare[::-1]
    assert titles(conn, "needle") == ["thr_0"]
    assert len(found(conn, "hay", limit=5)) == 5


def test_a_word_that_is_neither_common_nor_rare_is_found_among_some_more_of_the_newest(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "NEWEST_MESSAGES", 10)
    said = says(conn, *["a needle" if number % 5 == 0 else "hay" for number in range(60)])
    needles = [item_id for number, item_id in enumerate(said) if number % 5 == 0]
    expected = needles[::-1][:5]
    assert found(conn, "needle", limit=5) == expected

    monkeypatch.setattr(search, "EVERYWHERE", "SELECT 1 / 0")

    assert found(conn, "needle", limit=5) == expected


def test_a_page_goes_on_behind_a_message_that_was_deleted(conn: Connection) -> None:
    said = says(conn, *["knots"] * 6)
    words = parse("knots").tsquery(ALICE)
    place = search.messages(conn, user_id=ALICE, query=words, limit=2)[-1].place

    items.delete(conn, user_id=ALICE, thread_id="thr_1", item_ids=[said[4]])
    rest = search.messages(conn, user_id=ALICE, query=words, limit=21, after=place)

    assert [one.item.id for one in rest] == said[3::-1]


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    conn: Connection, by_hand: Connection
) -> None:
    said = says(conn, *["knots"] * 4)
    for number, item_id in enumerate(said):
        moment = NEW_YEAR + timedelta(days=number)
        by_hand.execute(
            "UPDATE chatkit_thread_item SET created_at = %s WHERE id = %s", [moment, item_id]
        )
    words = parse("knots").tsquery(ALICE)

    def between(since: datetime | None, before: datetime | None) -> list[str]:
        period = search.Period(since, before)
        hits = search.messages(conn, user_id=ALICE, query=words, limit=21, period=period)
        return [one.item.id for one in hits]

    day = timedelta(days=1)
    assert between(None, None) == said[::-1]
    assert between(NEW_YEAR + day, NEW_YEAR + 3 * day) == [said[2], said[1]]
    assert between(NEW_YEAR + 2 * day, None) == [said[3], said[2]]
    assert between(None, NEW_YEAR) == []


def test_titles_of_a_period_are_those_of_threads_that_were_alive_in_it(
    conn: Connection, by_hand: Connection
) -> None:
    says(conn, title="Knots")
    by_hand.execute(
        "UPDATE chatkit_thread SET created_at = %s, last_message_at = %s",
        [NEW_YEAR, NEW_YEAR + timedelta(days=9)],
    )
    words, day = parse("knots").tsquery(ALICE), timedelta(days=1)

    def alive(since: datetime, before: datetime) -> bool:
        period = search.Period(since, before)
        return bool(search.titles(conn, user_id=ALICE, query=words, period=period))

    assert alive(NEW_YEAR + 3 * day, NEW_YEAR + 4 * day)
    assert not alive(NEW_YEAR - day, NEW_YEAR)
    assert not alive(NEW_YEAR + 10 * day, NEW_YEAR + 11 * day)


def test_what_was_stored_before_there_was_search_is_filled_in(
    conn: Connection, by_hand: Connection
) -> None:
    number = search_words.AT_ONCE + 30
    mine = says(conn, *["old knots"] * number, title="Old")
    theirs = says(conn, "their knots", who=MALLORY, title="Theirs")
    by_hand.execute("UPDATE chatkit_thread_item SET words = NULL, preview = NULL")
    by_hand.execute("UPDATE chatkit_thread SET title_words = NULL")
    assert found(conn, "knots") == []
    new = says(conn, "new knots", thread_id="thr_new", title="New")

    done = []
    while (some := search_words.fill_some(conn)) is not None:
        done.append(some)

    assert sum(done) == number + 1 + 2
    assert max(done) <= 2 * search_words.AT_ONCE
    assert found(conn, "knots", limit=999) == new + mine[::-1]
    assert found(conn, "knots", who=MALLORY) == theirs
    assert titles(conn, "old") == ["thr_1"]
    row = by_hand.execute("SELECT DISTINCT preview FROM chatkit_thread_item").fetchall()
    assert sorted(row) == [("new knots",), ("old knots",), ("their knots",)]


def test_a_message_that_nobody_can_read_any_more_does_not_stop_the_filling(
    conn: Connection, by_hand: Connection
) -> None:
    broken, whole = says(conn, "knots", "knots too")
    by_hand.execute("UPDATE chatkit_thread_item SET words = NULL")
    by_hand.execute("UPDATE chatkit_thread_item SET document = '{}' WHERE id = %s", [broken])

    assert search_words.fill_some(conn) == 2
    assert search_words.fill_some(conn) is None
    assert found(conn, "knots") == [whole]


def test_two_workers_share_the_filling(dsn: str, conn: Connection, by_hand: Connection) -> None:
    says(conn, *["knots"] * 5)
    by_hand.execute("UPDATE chatkit_thread_item SET words = NULL")
    with Connection.connect(dsn) as other:
        other.execute(search_words.MESSAGES, {"user_id": ALICE, "limit": 3})

        assert search_words.fill_some(conn) == 2
        assert search_words.fill_some(conn) == 0

    assert search_words.fill_some(conn) == 3
    assert search_words.fill_some(conn) is None


def test_an_answer_that_is_changed_while_it_is_filled_in_keeps_its_new_words(
    conn: Connection, by_hand: Connection
) -> None:
    [said] = says(conn, "knots")
    by_hand.execute("UPDATE chatkit_thread_item SET words = NULL")
    late = {
        "user_id": ALICE,
        "thread_ids": ["thr_1"],
        "positions": [1],
        "ids": [said],
        "words": [f"{owner_of(ALICE)}knots"],
        "previews": ["knots"],
    }

    items.save(conn, user_id=ALICE, thread_id="thr_1", item=a_message(said, "bends"))
    conn.execute(search_words.FILL_MESSAGES, late)

    assert found(conn, "knots") == []
    assert found(conn, "bends") == [said]
