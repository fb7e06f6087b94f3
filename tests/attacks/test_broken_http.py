"""E5: heads that two servers could read in two ways, and words that want to become headers."""

from __future__ import annotations

import json
from typing import Final

import pytest
import requests

from chat.db import Database
from chat.tables import threads
from tests.attacks.addresses import THREAD, give
from tests.attacks.wire import exchange, head, statuses
from tests.fix_auth import AuthServer, Person
from tests.fix_figures import Figures
from tests.fix_server import Server
from tests.fix_store import a_thread
from tests.isolation.footprints import Footprints

CHUNKED: Final = "Transfer-Encoding: chunked"
END: Final = b"0\r\n\r\n"
# Each line makes an end of the body before the hidden request possible, and another one after it.
LENGTHS: Final = (
    "Content-Length: 5\r\nContent-Length: {all}",
    "Content-Length: {all}\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5, 5",
    "Content-Length: 5, {all}",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 0x5",
    "Content-Length: 5_0",
    "Content-Length: 5 5",
    "Content-Length: \xb2",
    "Content-Length:\x0b5",
    "Content-Length : 5",
    "Content-Length\t: 5",
    "Content-Length: 5\r\n\tmore: 5",
    "Content\x00-Length: 5",
    "Content-Length: 5\x00",
    f"Content-Length: 5\r\n{CHUNKED}",
    f"{CHUNKED}\r\nContent-Length: 5",
    f"Content-Length: {{all}}\r\n{CHUNKED}",
    "Content-Length: {all}\r\nTransfer-Encoding : chunked",
    "Content-Length: {all}\r\nTransfer-Encoding\t: chunked",
    "Content-Length: {all}\r\n Transfer-Encoding: chunked",
    "Content-Length: {all}\r\nTransfer-Encoding:\x0bchunked",
    "Content-Length: {all}\r\nTransfer-Encoding: \x00chunked",
    "Content-Length: {all}\r\nTransfer-Encoding: xchunked",
    "Content-Length: {all}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: chunked, chunked",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: gzip, chunked",
)
CHUNKS: Final = (
    b"0x0\r\n\r\n",
    b"+0\r\n\r\n",
    b"-0\r\n\r\n",
    b"0_0\r\n\r\n",
    b" 0\r\n\r\n",
    b"\r\n\r\n",
    b"0;a\n\r\n\r\n",
    b"0\n\n",
    b"0\r\r\n",
    b"0\x00\r\n\r\n",
    b"1\r\nZZ0\r\n\r\n",
    b"1\r\nZ\n0\r\n\r\n",
    b"ffffffffffffffffffff\r\n\r\n",
    b"-1\r\n\r\n",
)
IDENTITIES: Final = ("X-User-Id", "X-Forwarded-User", "Remote-User", "X-Threadkeeper-User", "From")
OVERRIDES: Final = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method")
LEAKS: Final = (b"create_app", b"DATABASE_URL", b"root:", b"[tool.ruff]", b"-- chat.", b"<h1>Index")
OUTSIDE: Final = (
    "../wsgi.py",
    "../chat/config.py",
    "../../../../../../etc/passwd",
    "css/../../wsgi.py",
    "./../wsgi.py",
    "..\\wsgi.py",
    "..;/wsgi.py",
    "....//wsgi.py",
    "/etc/passwd",
    "//etc/passwd",
    "C:/wsgi.py",
    "css",
    "",
    ".",
    "..",
)


@pytest.fixture
def alice(server: Server, auth: AuthServer) -> Person:
    person = auth.sign_up("Alice")
    give(server.dsn, person.id)
    return person


def hidden(server: Server, alice: Person) -> bytes:
    """Return a request that Alice never sent, to stand inside another one."""
    return (
        head(
            server,
            f"POST /history/{THREAD}/rename HTTP/1.1",
            "Content-Type: application/x-www-form-urlencoded",
            "Content-Length: 12",
            person=alice,
        )
        + b"title=Stolen"
    )


def spellings(path: str) -> set[str]:
    """Return the ways in which a path may be written in a first line."""
    dots, slashes = path.replace(".", "%2e"), path.replace("/", "%2f")
    both = slashes.replace(".", "%2E")
    found = {path, dots, slashes, both, both.replace("%", "%25"), path.replace("/", "%5c")}
    return found | {f"{each}%00.css" for each in (path, dots)} | {f"{dots}%00"}


@pytest.mark.measured
def test_nothing_is_hidden_inside_another_request(
    server: Server, alice: Person, figures: Figures
) -> None:
    footprints = Footprints(server.dsn)
    before, inside = footprints.of([alice.id]), hidden(server, alice)
    raws = [
        head(server, "POST /chatkit HTTP/1.1", lines.format(all=len(END + inside))) + END + inside
        for lines in LENGTHS
    ]
    raws += [head(server, "POST /chatkit HTTP/1.1", CHUNKED) + end + inside for end in CHUNKS]
    raws += [
        head(server, "GET /livez HTTP/1.1", "X: a\rb") + inside,
        head(server, "GET /livez HTTP/1.1", "X\r\n: a") + inside,
        head(server, "GET /livez HTTP/1.1\nX: a", "Y: b\n\n") + inside,
        head(server, "GET /livez HTTP/1.1", "Host: evil.example", "Content-Length: 5") + inside,
        head(server, "GET /livez HTTP/1.0", CHUNKED) + END + inside,
        b" " + head(server, "GET /livez HTTP/1.1"),
        b"GET /livez\r\n\r\n" + inside,
    ]
    for raw in raws:
        found = statuses(exchange(server, raw))
        assert len(found) <= 1, (raw, found)
        assert not found or 400 <= found[0] < 505, (raw, found)
        assert footprints.of([alice.id]) == before, raw
    # And it would have worked, had it stood alone.
    assert statuses(exchange(server, inside)) == [303]
    assert footprints.of([alice.id]) != before
    footprints.close()
    figures.tell(
        "E5",
        "No request hides in another one at the web server",
        {
            "heads and chunks that two servers may read differently": len(raws),
            "hidden ones done": 0,
        },
    )


def test_no_word_of_anybody_becomes_a_header(server: Server, alice: Person) -> None:
    split = "a\r\nSet-Cookie: evil=1\r\n\r\n<script>"
    database = Database(server.dsn, pool_size=1)
    database.run(threads.save, user_id=alice.id, thread=a_thread(THREAD, title=f'"{split}; é'))
    database.close()
    encoded = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0a<script>".replace("<", "%3c")
    raws = [
        head(server, f"GET {path} HTTP/1.1", *lines, person=alice)
        for path, lines in [
            (f"/sign-in?next=/{encoded}", ()),
            (f"/history/{encoded}", ()),
            (f"/history/{THREAD}?at={encoded}", ()),
            (f"/history/{THREAD}/export.md", ()),
            (f"/history/{THREAD}/export.json", ()),
            (f"/assets/{encoded}/css/tokens.css", ()),
            (f"/{encoded}", ()),
            ("/livez", ("X-Request-Id: a%0d%0aSet-Cookie: evil=1",)),
            ("/livez", ("X-Request-Id: a\tSet-Cookie: evil=1",)),
            ("/livez", ("X-Request-Id: \xe5\x98\x8a\xe5\x98\x8dSet-Cookie: evil=1",)),
            ("/chatkit/session", (f"Origin: {encoded}",)),
        ]
    ]
    raws += [
        head(server, f"POST /history/{THREAD}/pin HTTP/1.1", *lines, person=alice)
        for lines in [
            ("Content-Length: 0", f"Referer: {server.url}/{encoded}"),
            ("Content-Length: 0", "HX-Request: true", f"HX-Target: {encoded}"),
        ]
    ]
    for raw in raws:
        answer = exchange(server, raw)
        assert len(statuses(answer)) == 1, raw
        names = answer.partition(b"\r\n\r\n")[0].lower()
        assert b"\r\nset-cookie" not in names, raw
        assert b"<script>" not in names, raw
        assert b"\n" not in names.replace(b"\r\n", b""), raw


def test_heads_that_are_too_large_or_too_many_are_refused(server: Server, alice: Person) -> None:
    line = "GET /chatkit/session HTTP/1.1"
    fits = [f"X-{n}: a" for n in range(50)]
    cases = {
        "many": (head(server, line, *fits, person=alice), {200}),
        "too many": (head(server, line, *fits, *fits), {400, 431}),
        "large": (head(server, line, "X: " + 16_000 * "a", person=alice), {200}),
        "too large": (head(server, line, "X: " + 17_000 * "a"), {400, 431}),
        "a megabyte": (head(server, line, "X: " + 1_000_000 * "a"), {400, 431}),
        "long name": (head(server, line, 17_000 * "a" + ": b"), {400, 431}),
        "long line": (head(server, f"GET /{5_000 * 'a'} HTTP/1.1"), {400, 414}),
        "long method": (head(server, f"{'A' * 500} / HTTP/1.1"), {400, 405, 501}),
        "cookies": (head(server, line, "Cookie: " + "a=b; " * 3_000), {200}),
        "odd cookies": (head(server, line, "Cookie: ;;=;\xff=\xfe; a=b=c; =; \x7f"), {200, 400}),
        "two sessions": (
            head(server, line, "Cookie: better-auth.session_token=x", person=alice),
            {200, 400},
        ),
        "odd bearer": (head(server, line, "Authorization: Bearer \xff\xfe a b"), {200, 400}),
    }
    # A head that is refused unread may be answered by a reset.
    may_be_cut = {"a megabyte", "too large", "too many", "long name", "long line"}
    for name, (raw, expected) in cases.items():
        found = statuses(exchange(server, raw))
        assert set(found) <= expected, (name, found)
        assert len(found) == 1 or (not found and name in may_be_cut), (name, found)
    assert statuses(exchange(server, cases["many"][0])) == [200]


def test_a_header_names_nobody_and_changes_no_method(
    server: Server, alice: Person, figures: Figures
) -> None:
    footprints = Footprints(server.dsn)
    before = footprints.of([alice.id])
    for name in IDENTITIES:
        raw = head(server, "GET /chatkit/session HTTP/1.1", f"{name}: {alice.id}")
        assert b'"user":null' in exchange(server, raw)
    for name in OVERRIDES:
        for method in ("POST", "DELETE"):
            line = f"GET /history/{THREAD}/delete?_method={method}&confirm=yes HTTP/1.1"
            answer = exchange(server, head(server, line, f"{name}: {method}", person=alice))
            assert statuses(answer) == [405]
    for name in ("X-Original-URL", "X-Rewrite-URL", "SCRIPT_NAME", "PATH_INFO", "X-Forwarded-Path"):
        raw = head(server, "GET /livez HTTP/1.1", f"{name}: /history/export.json", person=alice)
        assert b"Mine" not in exchange(server, raw)
    # What a script of another site may name a header without being asked: not these.
    foreign = f"POST /history/{THREAD}/pin HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    for forged in ("Sec_Fetch_Site: same-origin", f"ORIGIN_: {server.url}", "X_Origin: a"):
        raw = f"{foreign}Cookie: {alice.cookie}\r\n{forged}\r\nContent-Length: 0\r\n\r\n".encode()
        assert statuses(exchange(server, raw)) == [403]
    for hosts in (
        f"Host: localhost:{server.port}\r\nHost: evil.example",
        f"Host: evil.example\r\nHost: localhost:{server.port}",
        f"Host: localhost:{server.port}\r\nX-Forwarded-Host: evil.example",
        f"Host: localhost:{server.port}\r\nForwarded: host=evil.example",
        f"Host: localhost:{server.port}\r\nX_Forwarded_Host: evil.example",
        f"Host: localhost:{server.port}, evil.example",
        f"Host: evil.example@localhost:{server.port}",
    ):
        words = f"Origin: http://evil.example\r\nCookie: {alice.cookie}\r\nContent-Length: 0"
        raw = f"POST /history/{THREAD}/pin HTTP/1.1\r\n{hosts}\r\n{words}\r\n\r\n".encode()
        assert statuses(exchange(server, raw))[0] in {400, 403}, hosts
    assert footprints.of([alice.id]) == before
    footprints.close()


@pytest.mark.parametrize("folder", ["/static/", "/assets/0/", "/assets/", "/static/../", "/"])
def test_no_path_leads_out_of_the_folder_of_files(server: Server, folder: str) -> None:
    for path in OUTSIDE:
        for spelled in spellings(path):
            answer = exchange(server, head(server, f"GET {folder}{spelled} HTTP/1.1"))
            assert not any(leak in answer for leak in LEAKS), (spelled, answer[:300])
            [status] = statuses(answer)
            assert 300 <= status < 500, (spelled, answer[:300])


def test_odd_targets_are_answered_without_a_bug(server: Server, alice: Person) -> None:
    for target in (
        "http://evil.example/history",
        "*",
        "evil.example:443",
        "/history/..",
        "/history/%00",
        "/history/a%2fpin",
        "/history/%ff%fe",
        "/history/%",
        "/history/%zz",
        "/history;a=b",
        "/history/thr_attacked%0d%0a",
        "/HISTORY",
        "/history/./thr_attacked",
        "/history?" + "a=b&" * 900,
        "/history?%00=%00&after=%00",
        "/history#x",
        "/\xe2\x80\xae",
    ):
        for method in ("GET", "POST", "OPTIONS", "CONNECT"):
            raw = head(server, f"{method} {target} HTTP/1.1", "Content-Length: 0", person=alice)
            answer = exchange(server, raw)
            assert statuses(answer)[0] < 500, (method, target, answer[:300])
            assert b"evil.example" not in answer.partition(b"\r\n\r\n")[0], (method, target)


def test_a_session_is_not_cached_for_the_next_on_a_kept_connection(
    server: Server, alice: Person, auth: AuthServer
) -> None:
    mallory = auth.sign_up("Mallory")
    with requests.Session() as kept:
        for person in (alice, mallory, None, alice, None, mallory):
            words = {"Cookie": person.cookie} if person else {}
            found = kept.get(f"{server.url}/chatkit/session", headers=words, timeout=30).json()
            assert (found["user"] or {}).get("id") == (person and person.id), json.dumps(found)
