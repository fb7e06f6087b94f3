"""Managing conversations with plain forms and as htmx does it. No JavaScript runs here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from chat.connection import Connection
from chat.tables import deletions, threads
from chat.tables.thread_lists import MOST_PINNED
from chat.web.services import EXTENSION
from chat.web.thread_list import PAGE_SIZE
from tests.fix_site import Site, StartSite
from tests.web.page_check import Page, check_page
from tests.web.test_history import Owner, groups, rows

PART = {"HX-Request": "true"}
ALL_FORMS = ("rename", "pin", "unpin", "archive", "unarchive", "delete")


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


@pytest.fixture
def mallory(start_site: StartSite, conn: Connection) -> Owner:
    return Owner(start_site(), conn)


def send(who: Owner, path: str, form: Any = None, **headers: str) -> TestResponse:
    return who.site.post(f"/history/{path}", {} if form is None else form, **headers)


def select(who: Owner, ids: list[str], action: str, **more: str) -> TestResponse:
    pairs = [("id", each) for each in ids] + [("action", action), *more.items()]
    return send(who, "selected", MultiDict(pairs))


def news(answer: TestResponse) -> dict[str, Any]:
    """Return what an answer to htmx tells the page."""
    assert answer.status_code == 204, answer.get_data(as_text=True)
    told: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])["threads-changed"]
    return told


def title_of(who: Owner, thread_id: str) -> str:
    title = threads.load(who.conn, user_id=who.id, thread_id=thread_id).title
    assert title is not None
    return title


def where(answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.status_code
    return answer.headers["Location"]


# Renaming


def test_a_person_names_a_thread_and_no_model_changes_it_again(alice: Owner) -> None:
    thread_id = alice.owns("Made by us")
    page = alice.page(f"/history/{thread_id}/rename")
    assert [one["value"] for one in page.all("input")] == ["Made by us"]

    answer = send(alice, f"{thread_id}/rename", {"title": "  Mine\n now "})

    assert where(answer) == f"/history/{thread_id}"
    assert title_of(alice, thread_id) == "Mine now"
    improved = threads.improve_title(
        alice.conn, user_id=alice.id, thread_id=thread_id, title="Better"
    )
    assert not improved
    assert title_of(alice, thread_id) == "Mine now"


@pytest.mark.parametrize("title", ["x", "x" * 200, "🧵" * 200, "<b>&amp;</b>", "مرحبا", "0"])
def test_names_up_to_200_characters_are_taken_as_they_are(alice: Owner, title: str) -> None:
    thread_id = alice.owns("Before")

    told = news(send(alice, f"{thread_id}/rename", {"title": title}, **PART))

    assert told == {"said": "Renamed.", "id": thread_id, "title": title}
    assert title_of(alice, thread_id) == title
    assert "<b>&amp;</b>" not in alice.page("/history").html


@pytest.mark.parametrize(
    ("title", "kept"), [("a\0b\u202ec", "a\N{REPLACEMENT CHARACTER}bc"), ("a\x07\x1b[0mb", "a[0mb")]
)
def test_control_and_direction_signs_are_taken_out(alice: Owner, title: str, kept: str) -> None:
    thread_id = alice.owns("Before")

    news(send(alice, f"{thread_id}/rename", {"title": title}, **PART))

    assert title_of(alice, thread_id) == kept


@pytest.mark.parametrize(
    ("title", "sentence"),
    [
        ("", "has to say something"),
        (" \t\r\n", "has to say something"),
        ("\u200b\u202e\u2066", "has to say something"),
        ("x" * 201, "at most 200"),
        ("x" * 100_000, "at most 200"),
        ("<i>" * 100, "at most 200"),
    ],
)
def test_a_name_that_cannot_be_is_shown_again_with_a_sentence(
    alice: Owner, title: str, sentence: str
) -> None:
    thread_id = alice.owns("Before")

    page = check_page(send(alice, f"{thread_id}/rename", {"title": title}), 400)
    part = send(alice, f"{thread_id}/rename", {"title": title}, **PART)

    assert sentence in page.text()
    if title.strip():
        assert page.all("input")[0]["value"] == title
    assert part.status_code == 400
    assert part.json
    assert sentence in part.json["error"]["message"]
    assert title_of(alice, thread_id) == "Before"


def test_a_form_without_a_title_is_an_empty_one(alice: Owner) -> None:
    check_page(send(alice, f"{alice.owns('Before')}/rename"), 400)


# Pinning and putting away


def test_pinned_threads_stand_above_all_others(alice: Owner) -> None:
    old, new = alice.owns("Old", ago=timedelta(days=9)), alice.owns("New")

    assert where(send(alice, f"{old}/pin")) == "/history"

    page = alice.page("/history")
    assert rows(page) == [old, new]
    assert groups(page) == ["Pinned", "Today"]
    assert where(send(alice, f"{old}/unpin")) == "/history"
    assert rows(alice.page("/history")) == [new, old]


def test_pinned_threads_are_not_on_further_pages(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(PAGE_SIZE + 2)]
    send(alice, f"{made[-1]}/pin")

    first = alice.page("/history")
    [more] = [a["href"] for a in first.all("a") if a.get("rel") == "next"]

    assert rows(first) == [made[-1], *made[:PAGE_SIZE]]
    assert rows(alice.page(more)) == [made[PAGE_SIZE]]


def test_only_so_many_fit_above(alice: Owner) -> None:
    for _ in range(MOST_PINNED):
        assert send(alice, f"{alice.owns('Pinned')}/pin").status_code == 303
    page = check_page(send(alice, f"{alice.owns('Too many')}/pin"), 409)

    assert "unpin one first" in page.text()


def test_an_archived_thread_is_in_the_archive_and_says_so(alice: Owner) -> None:
    kept, away = alice.owns("Kept"), alice.owns("Away")

    assert news(send(alice, f"{away}/archive", **PART)) == {
        "said": "Archived.",
        "id": away,
        "archived": True,
    }

    assert rows(alice.page("/history")) == [kept]
    assert rows(alice.page("/history/archived")) == [away]
    assert "in the archive" in alice.page(f"/history/{away}").text()
    assert "in the archive" not in alice.page(f"/history/{kept}").text()
    assert where(send(alice, f"{away}/unarchive")) == "/history"
    assert rows(alice.page("/history/archived")) == []
    assert "archive is empty" in alice.page("/history/archived").text()


def test_pinning_brings_a_thread_out_of_the_archive(alice: Owner) -> None:
    thread_id = alice.owns("Away")
    send(alice, f"{thread_id}/archive")

    send(alice, f"{thread_id}/pin")

    assert rows(alice.page("/history")) == [thread_id]
    assert rows(alice.page("/history/archived")) == []


def test_the_archive_has_pages_too(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(PAGE_SIZE + 3)]
    select(alice, made, "archive")

    first = alice.page("/history/archived")
    [more] = [a["href"] for a in first.all("a") if a.get("rel") == "next"]

    assert more.startswith("/history/archived?after=")
    assert rows(first) + rows(alice.page(more)) == made
    assert "That is everything." in alice.page(more).text()
    alice.page("/history/archived?after=nonsense", 400)


@pytest.mark.parametrize("verb", ["pin", "unpin", "archive", "unarchive"])
def test_a_form_leads_back_to_where_the_person_was(alice: Owner, verb: str) -> None:
    thread_id = alice.owns("Here")

    def back(referer: str) -> str:
        return where(send(alice, f"{thread_id}/{verb}", Referer=referer))

    assert back("http://localhost/history/archived?after=x") == "/history/archived?after=x"
    for foreign in ("https://evil.example/history", "http://localhost.evil/x", "nonsense", ""):
        assert back(foreign) == "/history"


# Deleting


def test_a_thread_that_was_set_aside_is_gone_until_it_is_brought_back(alice: Owner) -> None:
    thread_id = alice.owns("Oops")
    alice.says(thread_id, "Still here?")

    told = news(send(alice, f"{thread_id}/delete", {"undo": "yes"}, **PART))

    assert told["said"] == "Deleted."
    for path in (f"/history/{thread_id}", f"/history/{thread_id}/rename"):
        alice.page(path, 404)
    for form in ALL_FORMS:
        answer = send(alice, f"{thread_id}/{form}", {"title": "x", "undo": "yes"})
        check_page(answer, 404)
    assert rows(alice.page("/history")) == []

    restored = news(send(alice, f"deletions/{told['deletion']}/undo", **PART))

    assert restored["restored"] is True
    assert "Still here?" in alice.page(f"/history/{thread_id}").text()
    assert rows(alice.page("/history")) == [thread_id]


def test_a_second_delete_of_the_same_thread_is_not_found(alice: Owner) -> None:
    thread_id = alice.owns("Once")
    assert send(alice, f"{thread_id}/delete", {"undo": "yes"}).status_code == 303

    for form in ({"undo": "yes"}, {"confirm": "yes"}, {}):
        check_page(send(alice, f"{thread_id}/delete", form), 404)


def test_an_undo_that_comes_too_late_says_so(alice: Owner) -> None:
    thread_id = alice.owns("Late")
    told = news(send(alice, f"{thread_id}/delete", {"undo": "yes"}, **PART))
    alice.conn.execute(
        "UPDATE chatkit_thread SET deleted_at = deleted_at - make_interval(secs => %s)"
        " WHERE user_id = %s",
        [deletions.UNDO_SECONDS + deletions.GRACE_SECONDS, alice.id],
    )

    page = check_page(send(alice, f"deletions/{told['deletion']}/undo"), 410)
    part = send(alice, f"deletions/{told['deletion']}/undo", **PART)

    assert "too late" in page.text()
    assert part.json
    assert part.json["error"]["code"] == "undo_too_late"


@pytest.mark.parametrize("deletion_id", ["nonsense", "%00", "x" * 3000, "%ED%A0%80"])
def test_an_undo_of_nothing_is_too_late_as_well(alice: Owner, deletion_id: str) -> None:
    check_page(send(alice, f"deletions/{deletion_id}/undo"), 410)


def test_nobody_else_can_undo(alice: Owner, mallory: Owner) -> None:
    told = news(send(alice, f"{alice.owns('Mine')}/delete", {"undo": "yes"}, **PART))

    check_page(send(mallory, f"deletions/{told['deletion']}/undo"), 410)

    assert rows(alice.page("/history")) == []


# Several at once


def test_several_are_put_away_and_brought_back(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(4)]

    assert where(select(alice, made[:3], "archive")) == "/history"
    assert rows(alice.page("/history")) == made[3:]
    select(alice, made[:2], "unarchive")

    assert rows(alice.page("/history")) == [made[0], made[1], made[3]]


def test_several_are_deleted_after_asking_and_undone(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(3)]

    question = check_page(select(alice, made[:2], "delete"))
    assert "Delete 2 conversations?" in question.text()
    assert rows(alice.page("/history")) == made

    undo_page = where(select(alice, made[:2], "delete", confirm="yes"))
    assert rows(alice.page("/history")) == made[2:]
    [form] = alice.page(undo_page).all("form")
    assert where(alice.site.post(form["action"], {})) == "/history/new"

    assert rows(alice.page("/history")) == made


@pytest.mark.parametrize("form", ["md", "json"])
def test_several_are_exported(alice: Owner, form: str) -> None:
    made = [alice.owns(f"Title {n}") for n in range(3)]

    answer = select(alice, made[:2], f"export.{form}")

    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    assert ["Title 0" in text, "Title 1" in text, "Title 2" in text] == [True, True, False]


def test_what_is_ticked_stays_so_on_further_pages(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(PAGE_SIZE + 5)]
    first = alice.page("/history/select")
    [more] = [one for one in first.all("button") if one.get("name") == "after"]

    form = MultiDict([("id", made[0]), ("id", made[PAGE_SIZE]), ("after", more["value"])])
    second = check_page(alice.site.post(more["formaction"], form))

    assert rows(second) == made[PAGE_SIZE:]
    boxes = [one for one in second.all("input") if one.get("name") == "id"]
    assert [one["value"] for one in boxes if one["type"] == "hidden"] == [made[0]]
    assert [one["value"] for one in boxes if "checked" in one] == [made[PAGE_SIZE]]
    assert "1 selected on other pages" in second.text()


def test_further_rows_to_tick_come_as_a_part(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(minutes=n)) for n in range(PAGE_SIZE + 1)]
    [more] = [
        one["hx-get"] for one in alice.page("/history/select").all("button") if "hx-get" in one
    ]

    html = alice.site.get(more, headers=PART).get_data(as_text=True)

    assert f'value="{made[-1]}"' in html
    assert "<html" not in html


def test_the_archive_can_be_selected_from(alice: Owner) -> None:
    away = alice.owns("Away")
    send(alice, f"{away}/archive")

    page = alice.page("/history/select?from=archived")

    assert rows(page) == [away]
    actions = [one["value"] for one in page.all("button") if one.get("name") == "action"]
    assert actions[0] == "unarchive"


@pytest.mark.parametrize("action", ["delete", "archive", "unarchive", "export.md", "export.json"])
def test_what_is_somebody_elses_is_left_alone_and_not_told_apart(
    alice: Owner, mallory: Owner, action: str
) -> None:
    private, own = alice.owns("Private"), mallory.owns("Own")

    foreign = select(mallory, [private], action, confirm="yes")
    missing = select(mallory, ["thr_nobody"], action, confirm="yes")
    mixed = select(mallory, [private, own, "a\0b", "x" * 5000], action, confirm="yes")

    def said(answer: TestResponse) -> str:
        return re.sub(r"Reference \w+", "", check_page(answer, 404).text())

    assert said(foreign) == said(missing)
    assert mixed.status_code in {200, 303}
    assert "Private" not in mixed.get_data(as_text=True)
    assert rows(alice.page("/history")) == [private]


@pytest.mark.parametrize("verb", ALL_FORMS)
def test_no_form_reaches_somebody_elses_thread(alice: Owner, mallory: Owner, verb: str) -> None:
    private = alice.owns("Private")
    form = {"title": "Stolen", "confirm": "yes"}

    check_page(send(mallory, f"{private}/{verb}", form), 404)
    assert send(mallory, f"{private}/{verb}", {**form, "undo": "yes"}, **PART).status_code == 404

    assert rows(alice.page("/history")) == [private]
    assert title_of(alice, private) == "Private"


@pytest.mark.parametrize("path", ["selected", "select"])
@pytest.mark.parametrize("count", [1001, 10_000])
def test_more_than_a_thousand_are_refused_with_a_sentence(
    alice: Owner, path: str, count: int
) -> None:
    pairs = [("id", f"thr_{n:032d}") for n in range(count)]

    answer = send(alice, path, MultiDict([*pairs, ("action", "archive")]))

    assert "at most 1000" in check_page(answer, 400).text()


def test_ids_that_cannot_be_any_select_nothing(alice: Owner) -> None:
    for action in ("delete", "archive", "export.md"):
        page = check_page(send(alice, "selected", {"id": "\0", "action": action}), 400)
        assert "Nothing is selected" in page.text()


def test_a_list_of_which_everything_is_archived_says_so(alice: Owner) -> None:
    own = alice.owns("Own")
    assert "No conversations yet" not in alice.page("/history/new").text()

    select(alice, [own], "archive")

    assert "Everything is in the archive" in alice.page("/history/new").text()


def test_an_undo_page_is_there_as_long_as_there_is_something_to_undo(alice: Owner) -> None:
    answer = send(alice, f"{alice.owns('Own')}/delete", {"undo": "yes"})
    address = answer.headers["Location"].removeprefix("/history/")

    alice.page(f"/history/{address}")
    send(alice, f"{address}/undo", {})

    assert "too late" in alice.page(f"/history/{address}", status=410).text()


def test_a_form_that_is_sent_twice_is_one_deletion_with_its_undo(alice: Owner) -> None:
    one, two = alice.owns("One"), alice.owns("Two")
    same = {"deletion": "0123456789abcdef" * 2}
    forms: list[tuple[str, dict[str, Any]]] = [
        (f"{one}/delete", {"undo": "yes", **same}),
        ("selected", {"id": [one, two], "action": "delete", "confirm": "yes", **same}),
        ("delete-all", {"word": "delete", **same}),
    ]
    for path, form in forms:
        answers = [send(alice, path, form) for _ in range(2)]

        addresses = {answer.headers["Location"] for answer in answers}
        assert addresses == {f"/history/deletions/{same['deletion']}"}
        send(alice, f"deletions/{same['deletion']}/undo", {})
        assert set(rows(alice.page("/history/new"))) == {one, two}


def test_who_is_not_signed_in_wakes_nobody_to_purge(start_site: StartSite) -> None:
    site = start_site()
    upkeep = site.app.extensions[EXTENSION].upkeep
    for path in ("/", "/history", "/history/new", "/history/thr_1"):
        assert site.get(path).status_code in {302, 303}
    assert not upkeep.awake

    site.sign_up()
    site.get("/history/new")

    deadline = time.monotonic() + 10
    while not upkeep.awake and time.monotonic() < deadline:
        time.sleep(0.01)
    assert upkeep.awake


def test_a_thousand_are_not_too_many(alice: Owner) -> None:
    own = alice.owns("Own")

    select(alice, [own, *(f"thr_{n:032d}" for n in range(999))], "archive")

    assert rows(alice.page("/history/archived")) == [own]


def test_a_selection_over_the_bound_of_a_body_is_refused(alice: Owner) -> None:
    check_page(send(alice, "selected", {"id": "x" * (1024 * 1024 + 1)}), 413)


@pytest.mark.parametrize("action", ["", "explode", "DELETE", "delete\0", "export.exe"])
def test_an_action_that_is_none_is_refused(alice: Owner, action: str) -> None:
    thread_id = alice.owns("Kept")

    check_page(select(alice, [thread_id], action, confirm="yes"), 400)

    assert rows(alice.page("/history")) == [thread_id]


def test_nothing_ticked_is_said(alice: Owner) -> None:
    page = check_page(select(alice, [], "delete"), 400)

    assert "Nothing is selected" in page.text()


# Everything


def test_everything_goes_after_a_word_and_comes_back(alice: Owner, mallory: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(3)]
    others = mallory.owns("Not hers")
    send(alice, f"{made[0]}/archive")
    alice.page("/history/delete-all")

    undo_page = where(send(alice, "delete-all", {"word": " Delete "}))

    assert rows(alice.page("/history")) == rows(alice.page("/history/archived")) == []
    assert rows(mallory.page("/history")) == [others]
    [form] = alice.page(undo_page).all("form")
    alice.site.post(form["action"], {})
    assert rows(alice.page("/history")) == made[1:]
    assert rows(alice.page("/history/archived")) == made[:1]


@pytest.mark.parametrize("word", [None, "", "yes", "delete!", "dele\0te", "x" * 60_000])
def test_another_word_deletes_nothing(alice: Owner, word: str | None) -> None:
    thread_id = alice.owns("Kept")

    page = check_page(send(alice, "delete-all", {} if word is None else {"word": word}), 400)

    assert "Nothing was deleted" in page.text()
    assert rows(alice.page("/history")) == [thread_id]


def test_nothing_to_delete_is_fine(alice: Owner) -> None:
    assert where(send(alice, "delete-all", {"word": "delete"})) == "/history/new"


# Parts, and what goes wrong in them


def test_the_top_of_a_thread_comes_alone(alice: Owner) -> None:
    thread_id = alice.owns("Above")
    headers = {**PART, "HX-Target": "stage-top"}

    html = alice.site.get(f"/history/{thread_id}", headers=headers).get_data(as_text=True)
    new = alice.site.get("/history/new", headers=headers).get_data(as_text=True)

    assert html.lstrip().startswith('<div id="stage-top"')
    assert "Above" in html
    assert "New conversation" in new
    assert alice.site.get("/history/thr_none", headers=headers).status_code == 404


def test_a_further_part_does_not_repeat_the_heading_it_goes_on_under(alice: Owner) -> None:
    for number in range(PAGE_SIZE + 1):
        alice.owns(f"{number}", ago=timedelta(seconds=number))
    [more] = [a["href"] for a in alice.page("/history").all("a") if a.get("rel") == "next"]

    part = alice.site.get(more, headers=PART).get_data(as_text=True)

    assert "<h2" not in part
    assert "<h2" in alice.page(more).html


def test_what_goes_wrong_is_a_sentence_for_htmx_and_never_a_page(alice: Owner) -> None:
    gone = alice.site.post("/history/thr_none/pin", {}, **PART)
    cursor = alice.site.get("/history?after=x", headers=PART)
    alice.site.browser.delete_cookie("better-auth.session_token")
    signed_out = alice.site.bare.get("/history", headers=PART)

    for answer, status in ((gone, 404), (cursor, 400), (signed_out, 401)):
        assert answer.status_code == status
        assert answer.json
        assert answer.json["error"]["message"].endswith(".")


def test_more_of_the_list_goes_on_behind_a_row_that_was_deleted(alice: Owner) -> None:
    made = [alice.owns(f"{n}", ago=timedelta(hours=n)) for n in range(PAGE_SIZE + 2)]
    [more] = [a["href"] for a in alice.page("/history").all("a") if a.get("rel") == "next"]

    send(alice, f"{made[PAGE_SIZE - 1]}/delete", {"confirm": "yes"})

    assert rows(alice.page(more)) == made[PAGE_SIZE:]


@pytest.mark.parametrize("path", ["thr_1/pin", "thr_1/archive", "thr_1/delete", "deletions/x/undo"])
def test_a_link_changes_nothing(alice: Owner, path: str) -> None:
    alice.page(f"/history/{path}", 405)


@pytest.mark.parametrize("path", ["thr_1/pin", "thr_1/rename", "selected", "delete-all"])
def test_another_site_changes_nothing(alice: Owner, path: str) -> None:
    answer = alice.site.browser.post(
        f"/history/{path}",
        base_url=alice.site.origin,
        data={"word": "delete"},
        headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    )

    check_page(answer, 403)


@pytest.mark.parametrize("thread_id", ["%00", "%ED%A0%80", "a" * 5000, "..", "%F0%9F%A7%B5"])
@pytest.mark.parametrize("verb", ALL_FORMS)
def test_an_id_that_cannot_be_one_is_not_found(alice: Owner, thread_id: str, verb: str) -> None:
    check_page(send(alice, f"{thread_id}/{verb}", {"title": "x", "undo": "yes"}), 404)


def test_pages_about_managing_ask_who_one_is(site: Site) -> None:
    for path in ("archived", "select", "delete-all", "thr_1/rename", "deletions/x"):
        answer = site.get(f"/history/{path}")
        assert answer.headers["Location"].startswith("/sign-in?next=/history/"), path


def test_titles_are_text_in_every_form(alice: Owner) -> None:
    thread_id = alice.owns("<script>alert(1)</script>\"'")
    send(alice, f"{thread_id}/pin")

    def shows(page: Page) -> None:
        assert "<script>alert(1)" not in page.html
        assert "&lt;script&gt;" in page.html

    shows(alice.page("/history"))
    shows(alice.page("/history/select"))
    shows(alice.page(f"/history/{thread_id}/rename"))
    shows(check_page(send(alice, f"{thread_id}/delete")))
    send(alice, f"{thread_id}/archive")
    shows(alice.page("/history/archived"))
