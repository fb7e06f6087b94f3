"""Settings: read once, checked whole, and every wrong one named at once."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.better_auth import CALLS_AT_ONCE, POSTS_AT_ONCE
from chat.config import (
    DEFAULT_MODEL,
    FEWEST_THREADS,
    MOST_THREADS,
    ServerSettings,
    Settings,
    origin_of,
)
from chat.errors import ConfigError
from chat.stream import SPARE_THREADS
from chat.turns import TURNS_OF_A_WORKER

NEEDED = {
    "DATABASE_URL": "postgresql://app:secret@db.example.com/chat",
    "BETTER_AUTH_URL": "https://auth.example.com",
}


def read(**variables: str) -> Settings:
    return Settings.from_env({**NEEDED, **variables})


def problems(**variables: str) -> list[str]:
    """Return what is wrong with these variables."""
    with pytest.raises(ConfigError) as raised:
        read(**variables)
    return raised.value.problems


def test_two_variables_are_enough() -> None:
    settings = read()

    assert settings.database_url == NEEDED["DATABASE_URL"]
    assert settings.auth_url == NEEDED["BETTER_AUTH_URL"]
    assert settings == Settings(NEEDED["DATABASE_URL"], NEEDED["BETTER_AUTH_URL"])
    assert settings.chat_model == DEFAULT_MODEL


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        Settings.from_env(
            {
                "PUBLIC_URL": "chat.example.com",
                "ALLOWED_ORIGINS": "*, https://shop.example.com null",
                "TRUSTED_PROXIES": "yes",
                "OPENAI_API_KEY": "sk two words",
                "OPENAI_BASE_URL": "ftp://models",
                "CHAT_MODEL": "two\nlines",
                "ASSISTANT": "shop",
                "HISTORY_TOKENS": "99",
                "SIGN_IN_URL": "/login",
                "LINK_AUTH_USERS": "perhaps",
                "DATABASE_POOL_SIZE": "0",
                "REQUESTS_PER_MINUTE": "-1",
                "TURNS_PER_MINUTE": "many",
                "TURNS_PER_DAY": "1.5",
            }
        )

    named = [problem.split()[0] for problem in raised.value.problems]
    assert named == [
        "DATABASE_URL",
        "BETTER_AUTH_URL",
        "PUBLIC_URL",
        "ALLOWED_ORIGINS",
        "ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "CHAT_MODEL",
        "ASSISTANT",
        "HISTORY_TOKENS",
        "SIGN_IN_URL",
        "LINK_AUTH_USERS",
        "DATABASE_POOL_SIZE",
        "REQUESTS_PER_MINUTE",
        "TURNS_PER_MINUTE",
        "TURNS_PER_DAY",
    ]
    assert str(raised.value) == "\n".join(raised.value.problems)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_variable_counts_as_missing_and_an_example_is_given(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})

    assert problem.startswith(f"{name} is not set: set it to something like ")


def test_an_empty_optional_variable_is_its_default() -> None:
    names = (
        "PUBLIC_URL",
        "ALLOWED_ORIGINS",
        "TRUSTED_PROXIES",
        "OPENAI_API_KEY",
        "CHAT_MODEL",
        "LINK_AUTH_USERS",
    )

    assert read(**dict.fromkeys(names, " ")) == read()


def test_secrets_show_neither_in_the_settings_nor_in_a_problem() -> None:
    settings = read(OPENAI_API_KEY="sk-hidden")

    assert "sk-hidden" not in repr(settings)
    assert "secret" not in repr(settings)
    assert "sk-hidden" not in "".join(problems(OPENAI_API_KEY="sk-hidden with a space"))
    assert "hidden" not in "".join(problems(DATABASE_URL="mysql:hidden"))


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().pool_size = 99  # type: ignore[misc]


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://app:secret@db.example.com/chat",
        "postgres://app@db.example.com:5433/chat?sslmode=require",
        "host=/var/run/postgresql dbname=chat",
        "dbname=chat",
        "service=chat",
    ],
)
def test_addresses_of_databases_stay_as_they_are(dsn: str) -> None:
    assert read(DATABASE_URL=dsn).database_url == dsn


@pytest.mark.parametrize("dsn", ["mysql://db/chat", "db.example.com", "postgresql://", "host"])
def test_what_is_no_address_of_a_database_is_refused(dsn: str) -> None:
    (problem,) = problems(DATABASE_URL=dsn)

    assert problem.startswith("DATABASE_URL must be a PostgreSQL address like postgresql://")


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("https://auth.example.com", "https://auth.example.com"),
        ("https://auth.example.com/", "https://auth.example.com"),
        ("http://auth:3000/identity/", "http://auth:3000/identity"),
        ("  http://127.0.0.1:3000  ", "http://127.0.0.1:3000"),
    ],
)
def test_an_address_loses_its_last_slash(given_url: str, expected: str) -> None:
    assert read(BETTER_AUTH_URL=given_url).auth_url == expected


@pytest.mark.parametrize(
    "url",
    [
        "auth.example.com",
        "//auth.example.com",
        "ftp://auth.example.com",
        "https://",
        "https://auth.example.com:0",
        "https://auth.example.com:99999",
        "https://auth.example.com?x=1",
        "https://auth.example.com#x",
        "https://me:pw@auth.example.com",
        "https://[::1",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    (problem,) = problems(BETTER_AUTH_URL=url)

    assert problem.startswith("BETTER_AUTH_URL is ")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://chat.example.com", "https://chat.example.com"),
        ("HTTPS://Chat.Example.com:443/", "https://chat.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_our_origin_is_spelled_as_browsers_spell_it(url: str, origin: str) -> None:
    assert read(PUBLIC_URL=url).public_url == origin


def test_our_origin_has_no_path() -> None:
    (problem,) = problems(PUBLIC_URL="https://example.com/chat")

    assert "without the path '/chat'" in problem


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("https://shop.example.com", {"https://shop.example.com"}),
        (" https://a.example,https://b.example ,\n", {"https://a.example", "https://b.example"}),
        ("https://a.example\thttp://b.example", {"https://a.example", "http://b.example"}),
        ("HTTPS://Shop.Example.COM:443/", {"https://shop.example.com"}),
        (
            "http://localhost:80 http://localhost:5173",
            {"http://localhost", "http://localhost:5173"},
        ),
        ("http://[0:0:0:0:0:0:0:1]:8000", {"http://[::1]:8000"}),
        ("https://xn--bcher-kva.example", {"https://xn--bcher-kva.example"}),
        ("https://a.example https://A.example/ https://a.example:443", {"https://a.example"}),
        (" , ,", set()),
    ],
)
def test_listed_origins_are_spelled_as_browsers_spell_them(written: str, origins: set[str]) -> None:
    assert read(ALLOWED_ORIGINS=written).allowed_origins == origins


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("*", "a * would let in any site"),
        ("https://*.example.com", "a * would let in any site"),
        ("null", "any site can make a page that calls itself that"),
        ("NULL", "any site can make a page that calls itself that"),
        ("shop.example.com", "it must be an address like"),
        ("ftp://shop.example.com", "it must be an address like"),
        ("file:///shop", "it must be an address like"),
        ("https://", "it must be an address like"),
        ("https://shop.example.com:0", "it must be an address like"),
        ("https://shop.example.com:99999", "it must be an address like"),
        ("https://[::1", "it must be an address like"),
        ("https://[::1]x", "it must be an address like"),
        ("https://shop.example.com/chat", "without the path '/chat'"),
        ("https://shop.example.com?x", "with no name, password, query or fragment"),
        ("https://me:pw@shop.example.com", "with no name, password, query or fragment"),
        ("https://bücher.example", "write its host as browsers send it"),
        ("https://shop.example.com;evil.example", "write its host as browsers send it"),
        ("https://[fe80::1%25eth0]", "write its host as browsers send it"),
    ],
)
def test_what_is_no_origin_to_list_is_refused_by_a_sentence(written: str, why: str) -> None:
    (problem,) = problems(ALLOWED_ORIGINS=f"https://good.example, {written}")

    assert problem.startswith("ALLOWED_ORIGINS has ")
    assert why in problem


def test_every_wrong_origin_of_a_list_is_named() -> None:
    named = problems(ALLOWED_ORIGINS="*,null, https://good.example ftp://x")

    assert [problem.split("'")[1] for problem in named] == ["*", "null", "ftp://x"]


@pytest.mark.parametrize("nonsense", ["", "example.com", "https://", "https://a:b"])
def test_there_is_no_origin_in_nonsense(nonsense: str) -> None:
    with pytest.raises(ValueError, match=r"origin|[Pp]ort"):
        origin_of(nonsense)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((word, "on") for word in ("1", "true", "YES", "on")),
        *((word, "off") for word in ("0", "false", "No", "OFF")),
        ("Leave", "leave"),
    ],
)
def test_the_link_to_users_is_on_off_or_left_as_it_is(word: str, meant: str) -> None:
    assert read(LINK_AUTH_USERS=word).link_auth_users == meant


def test_the_server_needs_no_setting_and_names_all_wrong_ones() -> None:
    nothing = dict.fromkeys(("HOST", "PORT", "WEB_CONCURRENCY", "WEB_THREADS"), " ")
    assert ServerSettings.from_env(nothing) == ServerSettings()

    wrong = {"HOST": "a b", "PORT": "web", "WEB_CONCURRENCY": "two", "WEB_THREADS": "10"}
    with pytest.raises(ConfigError) as raised:
        ServerSettings.from_env(wrong)

    assert [problem.split()[0] for problem in raised.value.problems] == list(wrong)
    assert "from 51 to 1050" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1:80"), ("::", "[::]:80"), ("chat.local", "chat.local:80")],
)
def test_the_server_listens_on_an_address(host: str, address: str) -> None:
    assert ServerSettings.from_env({"HOST": host, "PORT": "80"}).address == address


def test_the_fewest_threads_leave_one_for_a_stream() -> None:
    assert FEWEST_THREADS == SPARE_THREADS + 1
    assert SPARE_THREADS > CALLS_AT_ONCE + POSTS_AT_ONCE + 8


def test_the_most_threads_are_enough_for_all_turns() -> None:
    assert MOST_THREADS == SPARE_THREADS + TURNS_OF_A_WORKER


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("TRUSTED_PROXIES", 0, 10),
        ("HISTORY_TOKENS", 100, 10_000_000),
        ("DATABASE_POOL_SIZE", 1, 1000),
    ],
)
def test_numbers_have_a_range_that_the_problem_names(name: str, low: int, high: int) -> None:
    read(**{name: str(low)})
    read(**{name: str(high)})

    for wrong in (str(low - 1), str(high + 1), "1.5", "٣", "1e3", "many"):
        (problem,) = problems(**{name: wrong})
        assert problem.endswith(f"it must be a whole number from {low} to {high}")


@pytest.mark.parametrize("name", ["shop:assistant", "site.shop:assistant", "a.b.c:d"])
def test_an_assistant_is_a_module_and_a_name(name: str) -> None:
    assert read(ASSISTANT=name).assistant == name


@pytest.mark.parametrize("name", ["shop", "shop:", ":assistant", "shop.py:x y", "1a:b", "a..b:c"])
def test_what_names_no_assistant_is_refused(name: str) -> None:
    (problem,) = problems(ASSISTANT=name)

    assert problem.startswith("ASSISTANT is ")


NAMES = ["BETTER_AUTH_URL", "PUBLIC_URL", "ALLOWED_ORIGINS", "ASSISTANT"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_no_text_does_more_than_name_itself_as_a_problem(variables: dict[str, str]) -> None:
    try:
        Settings.from_env({**NEEDED, **variables})
    except ConfigError as exc:
        assert {problem.split()[0] for problem in exc.problems} <= variables.keys()
