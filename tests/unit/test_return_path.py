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


ORIGINS = frozenset({"https://shop.example.com", "http://localhost:5173", "https://[::1]"})


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example.com",
        "https://shop.example.com/",
        "https://shop.example.com/a//b?next=//evil.example#@evil.example",
        "https://shop.example.com?q=a@b",
        "HTTPS://Shop.Example.com:443/x",
        "http://localhost:5173/cart",
        "https://[::1]/x",
    ],
)
def test_an_address_on_a_listed_origin_is_kept_as_it_is(address: str) -> None:
    assert return_path(address, "/default", ORIGINS) == address
    assert return_path(address, "/default") == "/default"


@pytest.mark.parametrize(
    "value",
    [
        "http://shop.example.com/",
        "https://shop.example.com:8443/",
        "https://shop.example.com.evil.example/",
        "https://shop.example.com.",
        "https://evilshop.example.com/",
        "https://evil.example/https://shop.example.com",
        "https://evil.example?https://shop.example.com",
        "https://shop.example.com@evil.example/",
        "https://me@shop.example.com/",
        "https://me:pw@shop.example.com/",
        "https://@shop.example.com/",
        "https://evil.example\\@shop.example.com/",
        "https:\\\\shop.example.com/",
        "https://shop.example.com\\.evil.example/",
        "https:shop.example.com",
        "https:/shop.example.com",
        "https:///shop.example.com",
        "//shop.example.com",
        "shop.example.com",
        "https://shop%2eexample.com/",
        "https://shop\u3002example.com/",
        "https://shop.example.com\uff0fevil/",
        "https://shop.example.com:x/",
        "https://[::1]x/",
        "ftp://shop.example.com/",
        "javascript://shop.example.com/%0aalert(1)",
        "blob:https://shop.example.com/1",
        "null",
        "https://shop.example.com/" + "a" * 2000,
    ],
)
def test_what_only_looks_like_a_listed_origin_is_the_default(value: str) -> None:
    assert return_path(value, "/default", ORIGINS) == "/default"


def test_control_characters_are_taken_out_before_an_address_is_read() -> None:
    assert return_path("ht\ntps://shop.exam\tple.com/a\0b", "/", ORIGINS) == (
        "https://shop.example.com/ab"
    )
    assert return_path("https://shop.example.com\t.evil.example", "/", ORIGINS) == "/"


def test_control_characters_are_taken_out_of_a_path() -> None:
    assert return_path("/his\r\ntory\t?a=\x00b\ud800", "/default") == "/history?a=b"
