"""The script that pages name, and how files that all share are sent: kept, packed, in parts."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
import requests
from werkzeug.test import TestResponse

from chat.web import gzipped
from tests.fix_server import ROOT, Server
from tests.fix_site import Site

LAUNCHER = 'const panel="__PANEL__";' + "go();" * 300
PICTURE = b"\x89PNG" + b"\0" * 4000
CSS = "/assets/x/widget/look.css"


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Path:
    """A folder of static files with a small launcher in it, which the site serves."""
    (tmp_path / "widget").mkdir()
    (tmp_path / "widget" / "launcher.js").write_text(LAUNCHER)
    (tmp_path / "widget" / "look.css").write_text("a { color: red }\n" * 200)
    (tmp_path / "widget" / "small.css").write_text("a{}")
    (tmp_path / "widget" / "look.png").write_bytes(PICTURE)
    site.app.static_folder = str(tmp_path)
    return tmp_path


def get(site: Site, path: str = "/widget.js", method: str = "GET", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return site.bare.open(path, method=method, headers=named, buffered=True)


def current(site: Site, name: str) -> str:
    """Return the address of a file of static/ under its own version."""
    text = get(site).get_data(as_text=True)
    panel = re.search(r'"(/assets/[0-9a-f]{12}/widget)"', text)
    assert panel
    return f"{panel[1]}/{name}"


def words_of(answer: TestResponse, header: str) -> set[str]:
    lines = answer.headers.getlist(header)
    return {word.strip() for line in lines for word in line.split(",")}


def test_the_script_knows_where_the_rest_of_the_widget_is(site: Site, folder: Path) -> None:
    script = get(site)

    assert script.status_code == 200
    assert script.content_type == "text/javascript; charset=utf-8"
    assert "__PANEL__" not in script.get_data(as_text=True)
    [panel] = re.findall(r'const panel=("[^"]+");', script.get_data(as_text=True))
    look = get(site, f"{json.loads(panel)}/look.css")
    assert look.get_data() == (folder / "widget" / "look.css").read_bytes()
    assert words_of(look, "Cache-Control") == {"public", "immutable", "max-age=31536000"}


def test_the_script_as_it_is_built_leads_to_the_panel(site: Site) -> None:
    script = get(site, Accept_Encoding="gzip")
    text = gzip.decompress(script.get_data()).decode()

    assert "__PANEL__" not in text
    [panel] = set(re.findall(r'"(/assets/[0-9a-f]{12}/widget)"', text))
    assert get(site, f"{panel}/panel.js").status_code == 200


def test_the_script_is_asked_for_again_soon_and_by_anybody(site: Site, folder: Path) -> None:
    script = get(site, Origin="https://elsewhere.example", Sec_Fetch_Dest="script")

    assert script.status_code == 200
    assert script.headers["Cache-Control"] == "public, max-age=300, stale-while-revalidate=86400"
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert words_of(script, "Vary") == {"Accept-Encoding", "Origin"}
    assert "Set-Cookie" not in script.headers


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_script_that_did_not_change_is_not_sent_again(
    site: Site, folder: Path, encoding: str
) -> None:
    etag = get(site, Accept_Encoding=encoding).headers["ETag"]

    again = get(site, Accept_Encoding=encoding, If_None_Match=etag)
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == etag
    assert words_of(again, "Vary") == {"Accept-Encoding", "Origin"}

    (folder / "widget" / "look.css").write_text("a { color: blue }")
    site.app.debug = True
    changed = get(site, Accept_Encoding=encoding, If_None_Match=etag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_only_the_head_of_the_script_can_be_asked_for(site: Site, folder: Path) -> None:
    for encoding in ("gzip", "identity"):
        whole = get(site, Accept_Encoding=encoding)
        head = get(site, method="HEAD", Accept_Encoding=encoding)

        assert head.get_data() == b""
        for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
            assert head.headers[name] == whole.headers[name]


def test_a_script_that_was_not_built_is_a_plain_404(site: Site, tmp_path: Path) -> None:
    site.app.static_folder = str(tmp_path)

    missing = get(site)

    assert missing.status_code == 404
    assert missing.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent_to_the_script(site: Site, folder: Path, method: str) -> None:
    assert get(site, method=method).status_code == 405


@pytest.mark.parametrize("path", ["/widget.js", CSS])
@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "GZIP", "*", "deflate, gzip"])
def test_text_is_packed_for_whoever_takes_it(
    site: Site, folder: Path, path: str, accepted: str
) -> None:
    plain, packed = get(site, path), get(site, path, Accept_Encoding=accepted)

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.get_data()) == plain.get_data()
    assert int(packed.headers["Content-Length"]) == len(packed.get_data()) < len(plain.get_data())
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert packed.content_type == plain.content_type
    for answer in (plain, packed):
        assert "Accept-Encoding" in words_of(answer, "Vary")


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "*;q=0", "x"])
def test_nobody_gets_what_they_cannot_read(site: Site, folder: Path, accepted: str | None) -> None:
    headers = {} if accepted is None else {"Accept_Encoding": accepted}
    plain = get(site, CSS, **headers)

    assert "Content-Encoding" not in plain.headers
    assert plain.get_data() == (folder / "widget" / "look.css").read_bytes()


def test_what_gets_no_smaller_stays_as_it_is(site: Site, folder: Path) -> None:
    small = get(site, "/assets/x/widget/small.css", Accept_Encoding="gzip")
    picture = get(site, "/assets/x/widget/look.png", Accept_Encoding="gzip")

    assert (small.get_data(), picture.get_data()) == (b"a{}", PICTURE)
    for answer in (small, picture):
        assert "Content-Encoding" not in answer.headers
    assert "Accept-Encoding" not in words_of(picture, "Vary")


def test_a_file_is_packed_once_and_anew_when_it_changed(site: Site, folder: Path) -> None:
    gzipped._packed.cache_clear()
    for _ in range(3):
        first = get(site, CSS, Accept_Encoding="gzip")
    assert gzipped._packed.cache_info().misses == 1

    (folder / "widget" / "look.css").write_text("b { color: blue }\n" * 200)
    second = get(site, CSS, Accept_Encoding="gzip")

    assert gzipped._packed.cache_info().misses == 2
    assert first.headers["ETag"] != second.headers["ETag"]
    assert gzip.decompress(second.get_data()).startswith(b"b { color: blue }")


@pytest.mark.parametrize("name", ["look.css", "look.png"])
def test_a_part_is_a_part_of_the_plain_file(site: Site, folder: Path, name: str) -> None:
    whole = (folder / "widget" / name).read_bytes()
    path = f"/assets/x/widget/{name}"

    part = get(site, path, Accept_Encoding="gzip", Range="bytes=10-29")
    rest = get(site, path, Accept_Encoding="gzip", Range="bytes=3000-")
    beyond = get(site, path, Range="bytes=99999-")

    assert (part.status_code, part.get_data()) == (206, whole[10:30])
    assert part.headers["Content-Range"] == f"bytes 10-29/{len(whole)}"
    assert "Content-Encoding" not in part.headers
    assert (rest.status_code, rest.get_data()) == (206, whole[3000:])
    assert beyond.status_code == 416


def test_a_download_that_began_packed_does_not_go_on_plain(site: Site, folder: Path) -> None:
    packed = get(site, CSS, Accept_Encoding="gzip")
    plain = get(site, CSS)

    other = get(site, CSS, Range="bytes=10-29", If_Range=packed.headers["ETag"])
    same = get(site, CSS, Range="bytes=10-29", If_Range=plain.headers["ETag"])

    assert (other.status_code, other.get_data()) == (200, plain.get_data())
    assert (same.status_code, same.get_data()) == (206, plain.get_data()[10:30])


def test_a_real_server_sends_the_same(server: Server) -> None:
    css = ROOT / "static" / "css" / "tokens.css"
    url = f"{server.url}/assets/x/css/tokens.css"

    def fetch(**headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(url, headers=named, timeout=30)

    packed, plain = fetch(Accept_Encoding="gzip"), fetch(Accept_Encoding="identity")
    part = fetch(Accept_Encoding="gzip", Range="bytes=-100")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content == css.read_bytes()
    assert (part.status_code, part.content) == (206, css.read_bytes()[-100:])


def test_nothing_private_is_packed(site: Site) -> None:
    assert site.sign_up().status_code == 303
    for path in ("/history", "/history/export.json", "/chatkit/session", "/chatkit/search?q=x"):
        answer = site.get(path, headers={"Accept-Encoding": "gzip"}, buffered=True)

        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers


def test_files_outside_the_folder_are_not_there(site: Site, folder: Path) -> None:
    (folder.parent / "secret.css").write_text("secret" * 100)

    for path in ("/assets/x/../secret.css", "/assets/x/%2e%2e/secret.css", "/assets/x//etc/passwd"):
        assert get(site, path, Accept_Encoding="gzip").status_code in {308, 404}


@pytest.mark.parametrize("wanted", ["lines=1-2", "bytes=", "bytes=5-2,7-9", "bytes=1-2,4-5", "no"])
def test_a_range_that_makes_no_sense_is_ignored(site: Site, folder: Path, wanted: str) -> None:
    answered = get(site, CSS, Range=wanted)

    assert answered.status_code == 200
    assert answered.data == (folder / "widget" / "look.css").read_bytes()


@pytest.mark.usefixtures("folder")
def test_a_file_has_no_slash_after_its_name(site: Site) -> None:
    assert get(site, CSS).status_code == 200
    assert get(site, f"{CSS}/").status_code == 404
