from __future__ import annotations

import pytest

from chat.web.return_path import return_path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/history",
        "/history/thr_1?after=abc%3D&q=two words#m3",
        "/search?q=//evil.example",
        "/históry/ünïcode",
        "/a:b@c",
    ],
)
def test_a_path_of_ours_is_kept_as_it_is(path: str) -> None:
    assert return_path(path, "/default") == path


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        "history",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "/\x00/evil.example",
        "/\x7f/evil.example",
        "/.//evil.example",
        "/a/..//evil.example",
        "https:evil.example",
        "https://evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "?next=/x",
        "#x",
        "@evil.example",
        "/" + "a" * 2000,
        "//[evil",
    ],
)
def test_whatever_could_lead_to_another_site_is_the_default(value: str | None) -> None:
    assert return_path(value, "/default") == "/default"


def test_control_characters_are_taken_out_of_a_path() -> None:
    assert return_path("/his\r\ntory\t?a=\x00b\ud800", "/default") == "/history?a=b"
