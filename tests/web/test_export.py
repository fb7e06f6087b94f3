"""Taking conversations along: what is in the file, what it is called, and how a download ends."""

from __future__ import annotations

import json
import re
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import psycopg
import pytest
import requests
from chatkit.types import (
    ClosedStatus,
    CustomSummary,
    CustomTask,
    DurationSummary,
    FileTask,
    GeneratedImage,
    GeneratedImageItem,
    ImageTask,
    SearchTask,
    Task,
    ThoughtTask,
    Workflow,
)
from flask import render_template_string

from chat.connection import Connection
from chat.context import User
from chat.errors import ThreadNotFound
from chat.tables import deletions, thread_marks, threads
from chat.web import item_words
from chat.web.export import export_selected
from chat.web.file_names import disposition, file_name
from chat.web.streams import STREAMS_EACH
from tests.admin.a_history import ODD, keep, keep_history, mark
from tests.fix_auth import Person
from tests.fix_proxy import Proxy, proxy
from tests.fix_server import Client, Server, StartServer
from tests.fix_site import Site, StartSite
from tests.fix_store import NOON, a_message, an_answer
from tests.web.every_item import NEVER_SHOWN, SHOWN, every_item
from tests.web.page_check import check_page

__all__ = ["proxy"]

PAGE_ONLY: Final = {"Its buttons and fields can’t be used here."}
# With words, if empty ones: otherwise the upkeep would be at them while memory is measured.
LONG: Final = """
    WITH thread AS (
             INSERT INTO chatkit_thread (user_id, id, title, title_words, document, last_position)
             VALUES (%(user_id)s, %(thread_id)s, 'Long', '', %(thread)s, %(items)s))
    INSERT INTO chatkit_thread_item (user_id, thread_id, position, id, kind, words, document)
    SELECT %(user_id)s, %(thread_id)s, n, 'm' || n, 'assistant_message', '',
           json_build_object('type', 'assistant_message', 'id', 'm' || n,
                             'thread_id', %(thread_id)s::text, 'created_at', '2026-03-01T12:00:00',
                             'content', json_build_array(json_build_object(
                                 'type', 'output_text', 'text', repeat('x', %(bytes)s),
                                 'annotations', json_build_array())))
      FROM generate_series(1, %(items)s) AS n
"""


def keep_long(
    conn: psycopg.Connection[Any], user_id: str, *, items: int, bytes: int, thread_id: str = "thr_l"
) -> None:
    """Store a thread with so many answers of so many characters."""
    document = json.dumps({"id": thread_id, "created_at": "2026-03-01T12:00:00"})
    params = {"user_id": user_id, "thread_id": thread_id, "items": items, "bytes": bytes}
    conn.execute(LONG, {**params, "thread": document})


class Owner:
    """A signed-in person, and what they own."""

    def __init__(self, site: Site, conn: Connection) -> None:
        assert site.sign_up().status_code == 303
        self.site = site
        self.conn = conn
        [body] = check_page(site.get("/history/new")).all("body")
        self.id = body["data-user"]

    def file(self, path: str) -> str:
        answer = self.site.get(path)
        assert answer.status_code == 200, answer.status
        return answer.get_data(as_text=True)

    def keeps(self, thread_id: str, title: str | None, *said: Any, **fields: Any) -> str:
        keep(self.conn, self.id, thread_id, title, said, **fields)
        return thread_id


@pytest.fixture
def conn(site_dsn: str) -> Iterator[Connection]:
    with Connection.connect(site_dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def alice(site: Site, conn: Connection) -> Owner:
    return Owner(site, conn)


def test_a_thread_is_a_file_named_by_its_title(alice: Owner) -> None:
    alice.keeps("thr_1", "Tax return", a_message("m1"))

    for form, kind in (("md", "text/markdown; charset=utf-8"), ("json", "application/json")):
        answer = alice.site.get(f"/history/thr_1/export.{form}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == kind
        assert answer.headers["Content-Disposition"] == (
            f"attachment; filename=\"Tax return.{form}\"; filename*=UTF-8''Tax%20return.{form}"
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_everything_is_a_file_named_by_the_readers_day(alice: Owner) -> None:
    alice.site.browser.set_cookie("timezone", "Pacific/Kiritimati", path="/history")

    before = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    answer = alice.site.get("/history/export.json")
    after = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()

    [day] = re.findall(r'filename="threadkeeper-([\d-]+)\.json"', disposition_of(answer))
    assert before.isoformat() <= day <= after.isoformat()


def disposition_of(answer: Any) -> str:
    return str(answer.headers["Content-Disposition"])


TITLES: Final[dict[str, tuple[str, str]]] = {
    'He said "no"': ("He said no", "He said no"),
    "a/b\\c:d*e?f<g>h|i": ("a b c d e f g h i", "a b c d e f g h i"),
    "../../etc/passwd": ("etc passwd", "etc passwd"),
    "Grüße": ("Grüße", "Grue"),
    "你好": ("你好", "conversation"),
    "👩‍👩‍👧 family": ("👩‍👩‍👧 family", "family"),
    "👩‍👩‍👧": ("👩‍👩‍👧", "conversation"),
    "one\r\nSet-Cookie: a=b\n": ("one Set-Cookie a=b", "one Set-Cookie a=b"),
    "tab\tnul\0bell\a": ("tab nul\ufffdbell", "tab nulbell"),
    "invoice\u202efdp.exe": ("invoicefdp.exe", "invoicefdp.exe"),
    "half \ud83d": ("half \ufffd", "half"),
    "x" * 200: ("x" * 80, "x" * 80),
    "你" * 200: ("你" * 60, "conversation"),
    "100 % sure; filename=evil": ("100 % sure; filename=evil", "100 sure; filename=evil"),
    "con": ("_con", "_con"),
    "LPT1.txt": ("_LPT1.txt", "_LPT1.txt"),
    "console": ("console", "console"),
    ".hidden": ("hidden", "hidden"),
    "ends in dots... ": ("ends in dots", "ends in dots"),
    "~": ("conversation", "conversation"),
    "\u200b\u2060": ("conversation", "conversation"),
    "e\u0301": ("é", "e"),
    "": ("conversation", "conversation"),
}


@pytest.mark.parametrize("title", TITLES)
def test_a_file_has_a_name_that_every_file_system_takes(title: str) -> None:
    name, plain = TITLES[title]

    header = disposition(file_name(title, "md"))

    match = re.fullmatch(r"attachment; filename=\"([^\"]*)\"; filename\*=UTF-8''(\S*)", header)
    assert match, header
    assert (unquote(match[2]), match[1]) == (f"{name}.md", f"{plain}.md")
    assert header.isascii()
    assert header.isprintable()
    assert len(f"{name}.json".encode()) < 200


@pytest.mark.parametrize("title", [ODD, "\r\n", None, '";\\', "x" * 200, "%00"])
def test_no_title_breaks_the_headers(alice: Owner, title: str | None) -> None:
    alice.keeps("thr_1", title, a_message("m1"))

    answer = alice.site.get("/history/thr_1/export.md")

    assert answer.status_code == 200
    assert disposition_of(answer).startswith('attachment; filename="')
    assert "default-src" in answer.headers["Content-Security-Policy"]


def test_json_is_one_value_and_each_line_of_it_too(alice: Owner) -> None:
    keep_history(alice.conn, alice.id)

    text = alice.file("/history/export.json")

    whole = json.loads(text)
    assert (whole["format"], whole["version"]) == ("threadkeeper", 1)
    ids = [thread["id"] for thread in whole["threads"]]
    assert ids == sorted(ids)
    assert len(ids) == 9
    lines = text.split("\n")
    for line in lines[1:]:
        bare = line.removesuffix(",").removesuffix("]}")
        json.loads(bare + ("]}" if bare.endswith("[") else "") or "null")
    [every] = [thread for thread in whole["threads"] if thread["id"] == "thr_all"]
    documents = [item["document"]["type"] for item in every["items"]]
    assert documents == [item.type for item in every_item("thr_all")]
    assert documents == [item["kind"] for item in every["items"]]
    assert [item["outcome"] for item in every["items"]][:4] == ["failed", None, None, "interrupted"]


def test_json_has_nothing_that_changes_by_itself(alice: Owner) -> None:
    keep_history(alice.conn, alice.id)
    once = alice.file("/history/export.json")

    threads.mark_read(alice.conn, user_id=alice.id, thread_id="thr_all")

    assert alice.file("/history/export.json") == once
    assert alice.id not in once


def test_json_of_one_thread_is_that_part_of_everything(alice: Owner) -> None:
    keep_history(alice.conn, alice.id)

    [one] = json.loads(alice.file("/history/thr_all/export.json"))["threads"]

    everything = json.loads(alice.file("/history/export.json"))["threads"]
    assert one in everything


def test_somebody_without_conversations_gets_files_that_say_so(alice: Owner) -> None:
    assert json.loads(alice.file("/history/export.json"))["threads"] == []
    assert alice.file("/history/export.md") == "No conversations.\n"


def test_markdown_has_what_the_page_shows(alice: Owner) -> None:
    alice.keeps("thr_1", "Every *type*", *every_item("thr_1"))

    text = alice.file("/history/thr_1/export.md")

    for words in set(SHOWN) - PAGE_ONLY:
        assert bare(words) in bare(text), words
    for words in NEVER_SHOWN:
        assert words not in text
    assert text.startswith("# Every \\*type\\*\n\n")


def bare(text: str) -> str:
    """Return the text as it reads once Markdown's backslashes are gone."""
    return re.sub(r"\\([\\`*_\[\]<>~|&#])", r"\1", text)


EXPECTED: Final = """# Tax return

Began 1 March 2026, 11:00, last message 1 March 2026, 23:30. Times are in Asia/Kathmandu. \
This conversation is closed.

## You · 1 March 2026, 17:45

> what it said
>
> - and *so*

# Not a heading of mine

## Assistant · 1 March 2026, 17:45

```python
print("it broke off

## here
```

*This answer was interrupted.*

*You found this helpful.*

## Assistant · 1 March 2026, 17:45

Done.
"""


def test_markdown_reads_like_this(alice: Owner) -> None:
    question = a_message("m1", "# Not a heading of mine")
    question.quoted_text = "what it said\n\n- and *so*"
    answer = an_answer("a1", '```python\nprint("it broke off\n\n## here')
    said = [question, answer, an_answer("a2", "Done.")]
    for item in said:
        item.created_at = NOON.replace(tzinfo=UTC)
    alice.keeps("thr_1", "Tax return", *said, status=ClosedStatus())
    mark(alice.conn, alice.id, "a1", "positive", "interrupted")
    alice.conn.execute(
        "UPDATE chatkit_thread SET created_at = '2026-03-01T05:15Z',"
        " last_message_at = '2026-03-01T17:45Z' WHERE user_id = %s",
        [alice.id],
    )
    alice.site.browser.set_cookie("timezone", "Asia/Kathmandu", path="/history")

    assert alice.file("/history/thr_1/export.md") == EXPECTED
    assert alice.file("/history/export.md") == EXPECTED


def test_markdown_of_everything_is_one_thread_after_the_other(alice: Owner) -> None:
    for number in (1, 2, 3):
        alice.keeps(f"thr_{number}", f"Thread {number}", a_message(f"m{number}"))
    thread_marks.archive(alice.conn, user_id=alice.id, thread_ids=["thr_2"])

    parts = alice.file("/history/export.md").split("\n---\n\n")

    assert [part.split("\n")[0] for part in parts] == ["# Thread 1", "# Thread 2", "# Thread 3"]
    assert parts[0] == alice.file("/history/thr_1/export.md")


def test_a_picture_that_is_all_data_does_not_fill_the_markdown(alice: Owner) -> None:
    image = GeneratedImage(id="i", url=f"data:image/png;base64,{'A' * 100_000}")
    item = GeneratedImageItem(id="i1", thread_id="thr_1", created_at=NOON, image=image)
    alice.keeps("thr_1", "Picture", item)

    text = alice.file("/history/thr_1/export.md")

    assert "*Image made by the assistant*" in text
    assert len(text) < 1000


def test_a_thread_that_nobody_may_see_reads_like_one_that_is_not_there(
    alice: Owner, start_site: StartSite, conn: Connection
) -> None:
    alice.keeps("thr_hers", "Hers", a_message("m1"))
    alice.keeps("thr_gone", "Gone", a_message("m1"))
    deletions.set_aside(conn, user_id=alice.id, thread_ids=["thr_gone"], deletion_id="d")
    mallory = Owner(start_site(), conn)

    for form in ("md", "json"):
        pages = [
            check_page(owner.site.get(f"/history/{thread_id}/export.{form}"), 404).text()
            for owner, thread_id in (
                (mallory, "thr_hers"),
                (mallory, "thr_never_was"),
                (mallory, "a%00b"),
                (alice, "thr_gone"),
            )
        ]
        assert len({re.sub(r"Reference \w+", "", page) for page in pages}) == 1
        assert "find that conversation" in pages[0]
        assert "Content-Disposition" not in mallory.site.get("/history/x/export.md").headers
        assert "Hers" not in mallory.file(f"/history/export.{form}")
        assert "Gone" not in alice.file(f"/history/export.{form}")


def test_nobody_exports_before_signing_in_and_there_are_two_forms(site: Site) -> None:
    for path in ("/history/export.md", "/history/thr_1/export.json"):
        answer = site.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].endswith(f"/sign-in?next={path}")
    assert site.get("/history/thr_1/export.pdf").status_code == 404


def selected(owner: Owner, ids: list[str], form: Any = "json") -> Any:
    with owner.site.app.test_request_context("/history/selected", method="POST"):
        return export_selected(User(owner.id), ids, form)


def test_some_threads_are_exported_together(
    alice: Owner, start_site: StartSite, conn: Connection
) -> None:
    for number in range(150):
        alice.keeps(f"thr_{number:03}", f"Thread {number}", a_message(f"m{number}"))
    mallory = Owner(start_site(), conn)
    mallory.keeps("thr_his", "His", a_message("m1"))
    wanted = [f"thr_{number:03}" for number in range(149, 10, -2)]

    answer = selected(alice, [*wanted, wanted[0], "thr_his", "no\0where", "", "x" * 999])

    found = json.loads(answer.get_data(as_text=True))["threads"]
    assert [thread["id"] for thread in found] == sorted(wanted)
    assert {len(thread["items"]) for thread in found} == {1}
    assert "threadkeeper-" in disposition_of(answer)
    for ids in ([], ["thr_his"], ["\0"]):
        with pytest.raises(ThreadNotFound):
            selected(alice, ids)


@pytest.mark.parametrize("form", ["md", "json"])
@pytest.mark.parametrize(("items_", "size"), [(6000, 5_000), (25, 1_200_000)])
def test_an_export_needs_the_memory_of_a_page(
    alice: Owner, form: str, items_: int, size: int
) -> None:
    keep_long(alice.conn, alice.id, items=items_, bytes=size)
    alice.site.get("/history/thr_l/export.md", buffered=False).close()

    tracemalloc.start()
    answer = alice.site.get(f"/history/thr_l/export.{form}", buffered=False)
    lengths = [len(piece) for piece in answer.response]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    answer.close()

    assert sum(lengths) > items_ * size
    # What is sent at once is small also when a message is not: a slow reader has 30 s for each.
    assert max(lengths) <= 16 * 1024
    assert peak < 10_000_000, peak


def test_a_download_holds_no_connection_and_gives_its_place_back(
    start_site: StartSite, conn: Connection
) -> None:
    alice = Owner(start_site(pool_size=1), conn)
    keep_long(conn, alice.id, items=3000, bytes=2000)

    half_read = []
    for _ in range(STREAMS_EACH):
        answer = alice.site.get("/history/thr_l/export.json", buffered=False)
        next(iter(answer.response))
        half_read.append(answer)
    refused = alice.site.get("/history/export.json")
    page = alice.site.get("/history")
    for answer in half_read:
        answer.close()

    assert [answer.status_code for answer in half_read] == [200] * STREAMS_EACH
    assert (refused.status_code, page.status_code) == (429, 200)
    assert alice.site.get("/history/export.json").status_code == 200


TASKS: Final[list[Task]] = [
    task
    for title in (None, "Named <b> & co")
    for task in (
        CustomTask(title=title),
        SearchTask(title=title),
        ThoughtTask(title=title, content="x"),
        FileTask(title=title),
        ImageTask(title=title),
    )
]
SUMMARIES: Final = [None, CustomSummary(title="In short"), DurationSummary(duration=3)]


def test_steps_are_called_as_on_the_page(site: Site) -> None:
    called = "{% import 'history/_items.html' as items %}{{ items[name](value) }}"

    def on_page(name: str, value: Any) -> str:
        with site.app.test_request_context():
            html = render_template_string(called, name=name, value=value)
        for sign, name in (("<", "&lt;"), (">", "&gt;"), ("&", "&amp;")):
            html = html.replace(name, sign)
        return html.strip()

    for task in TASKS:
        assert item_words.task_title(task) == on_page("task_title", task)
    kinds: tuple[Literal["custom", "reasoning"], ...] = ("custom", "reasoning")
    for kind in kinds:
        for summary in SUMMARIES:
            workflow = Workflow(type=kind, tasks=[], summary=summary)
            assert item_words.workflow_title(workflow) == on_page("workflow_title", workflow)
    for outcome, words in item_words.OUTCOMES.items():
        assert words in on_page("outcome_line", outcome)


def opened(client: Client, path: str) -> requests.Response:
    return requests.get(client.url + path, headers=client.headers(), stream=True, timeout=30)


def test_a_database_that_fails_in_the_middle_breaks_the_download_off(
    start_server: StartServer, proxy: Proxy, dsn: str, alice_session: Person
) -> None:
    server = start_server(DATABASE_URL=proxy.dsn)
    client = server.client(alice_session)
    with psycopg.connect(dsn, autocommit=True) as conn:
        keep_long(conn, alice_session.id, items=1500, bytes=10_000)

    for form in ("json", "md"):
        with opened(client, f"/history/export.{form}") as answer:
            assert answer.status_code == 200
            pieces = answer.iter_content(16 * 1024)
            next(pieces)
            with proxy.away(), pytest.raises(requests.exceptions.ChunkedEncodingError):
                for _ in pieces:
                    pass
        with proxy.away():
            assert client.get(f"/history/export.{form}").status_code == 503
    again = client.get("/history/export.json")

    assert len(json.loads(again.content)["threads"][0]["items"]) == 1500
    codes = [line["message"] for line in server.records() if "code=" in line["message"]]
    assert any("database_unavailable" in words for words in codes)


def test_a_suspended_database_is_no_reason_to_break_off(
    start_server: StartServer, proxy: Proxy, dsn: str, alice_session: Person
) -> None:
    client = start_server(DATABASE_URL=proxy.dsn).client(alice_session)
    with psycopg.connect(dsn, autocommit=True) as conn:
        keep_long(conn, alice_session.id, items=1500, bytes=10_000)

    with opened(client, "/history/export.json") as answer:
        pieces = answer.iter_content(16 * 1024)
        parts = [next(pieces)]
        proxy.cut()
        parts.extend(pieces)

    assert len(json.loads(b"".join(parts))["threads"][0]["items"]) == 1500


def test_a_client_that_leaves_ends_the_work_for_it(
    start_server: StartServer, proxy: Proxy, dsn: str, alice_session: Person
) -> None:
    server = start_server(DATABASE_URL=proxy.dsn)
    client = server.client(alice_session)
    with psycopg.connect(dsn, autocommit=True) as conn:
        keep_long(conn, alice_session.id, items=5000, bytes=10_000)

    socks = [_asks(server, client, "/history/export.json") for _ in range(STREAMS_EACH)]
    assert client.get("/history/export.md").status_code == 429
    for sock in socks:
        sock.close()
    proxy.take_statements()
    _wait_until(lambda: _is_quiet(proxy))

    read = proxy.take_statements().count("chat.exports.items")
    # 5000 such items are some 190 pages, for each of ten.
    assert read < 200
    with opened(client, "/history/export.json") as answer:
        assert answer.status_code == 200
    assert not [line for line in server.records() if line["message"].startswith("unexpected")]


def _asks(server: Server, client: Client, path: str) -> socket.socket:
    """Ask for a file, and read no more of it than its first bytes."""
    sock = socket.create_connection(("localhost", server.port), timeout=30)
    head = "".join(f"{name}: {value}\r\n" for name, value in client.headers().items())
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n{head}\r\n".encode())
    assert sock.recv(13) == b"HTTP/1.1 200 "
    return sock


def _is_quiet(proxy: Proxy) -> bool:
    before = len(proxy._statements)
    time.sleep(0.5)
    new = proxy._statements[before:]
    return "chat.exports.items" not in new


def _wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_reader_who_says_no_more_before_the_first_piece_is_no_failure(
    server: Server, alice_session: Person
) -> None:
    before = len(server.records())
    request = (
        f"GET /history/export.json HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        f"Cookie: {alice_session.cookie}\r\nConnection: close\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert not [line for line in server.records()[before:] if line["level"] == "error"]
