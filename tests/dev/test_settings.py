"""What `./run` makes of the environment before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from chat.config import Settings
from chat.errors import ConfigError
from dev import settings

FOREIGN = "postgresql://app@db.example.com/production"


def read(folder: Path, **variables: str) -> settings.RunSettings:
    return settings.read({"DATA_DIR": str(folder), **variables})


def test_nobody_else_in_the_network_reaches_it_unless_one_says_so(tmp_path: Path) -> None:
    assert read(tmp_path).environ["HOST"] == "127.0.0.1"
    assert read(tmp_path, HOST="192.0.2.1").environ["HOST"] == "192.0.2.1"


def test_both_names_of_this_machine_are_trusted_and_our_origin_is_the_requests(
    tmp_path: Path,
) -> None:
    run = read(tmp_path, PORT="8123")

    assert "PUBLIC_URL" not in run.environ
    assert run.origins == ["http://localhost:8123", "http://127.0.0.1:8123"]
    named = read(tmp_path, PUBLIC_URL="https://chat.example.com")
    assert "https://chat.example.com" in named.origins


@pytest.mark.parametrize("said", [{}, {"LINK_AUTH_USERS": "on"}])
def test_people_in_somebody_elses_database_are_left_alone(
    tmp_path: Path, said: dict[str, str]
) -> None:
    local_accounts = read(tmp_path, DATABASE_URL=FOREIGN, **said)
    own_accounts = read(
        tmp_path, DATABASE_URL=FOREIGN, BETTER_AUTH_URL="https://auth.example.com", **said
    )

    assert local_accounts.environ["LINK_AUTH_USERS"] == "leave"
    assert own_accounts.environ.get("LINK_AUTH_USERS") == said.get("LINK_AUTH_USERS")
    stand_in = {**settings.STAND_INS, **local_accounts.environ}
    assert Settings.from_env(stand_in).link_auth_users == "leave"


def test_wrong_settings_of_the_server_are_named_with_the_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, PORT="0", WEB_THREADS="10", CHAT_MODEL="a\nb")

    named = [problem.split()[0] for problem in raised.value.problems]
    assert named == ["PORT", "WEB_THREADS", "CHAT_MODEL"]
