"""No secret is in the project: no key, no token, no password that opens anything."""

from __future__ import annotations

import re
import subprocess
from typing import Final

import pytest

from tests.house.source import ROOT, number, text_files

SECRETS: Final = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a key of OpenAI or Anthropic": r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{24,}",
    "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})",
    "a token of a package registry": r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,})",
    "a key of AWS or Google": r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35})\b",
    "a password of Neon": r"\bnpg_[A-Za-z0-9]{10,}",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a token that is signed": r"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}",
    "a password in an address": (
        r"\b(?:postgres(?:ql)?|https?)://[\w.%-]+:(?P<password>(?!\d{1,5}@)[^\s@/:'\"`{}<>]+)@"
    ),
    "a secret with its value": (
        r"\b(?:BETTER_AUTH_SECRET|OPENAI_API_KEY|PGPASSWORD|[A-Z_]*(?:SECRET|TOKEN|PASSWORD))"
        r"[\"']?\s*[=:]\s*[\"']?(?P<value>[A-Za-z0-9+/_-]{16,})"
    ),
}
OPENS_NOTHING: Final = frozenset(
    {"correct-horse-battery", "hunter2", "password", "pw", "secret", "\N{HORIZONTAL ELLIPSIS}"}
)
"""What tests and examples say, word by word."""
IMAGE: Final = re.compile(r"(?i)^(?:dockerfile|containerfile|compose)\b")
KEPT_OUT: Final = ("var/auth-secret", "var/log/server.log", "test-results/a.png")


def secrets_in(text: str) -> list[str]:
    """Return what kinds of secrets there are in a text."""
    return [
        kind
        for kind, pattern in SECRETS.items()
        for found in re.finditer(pattern, text)
        if not OPENS_NOTHING & set(found.groupdict().values())
    ]


def test_no_file_holds_a_secret() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {kind}"
        for path in text_files()
        for kind in secrets_in(path.read_text(errors="replace"))
    ]

    assert not wrong, f"take it out, and make a new one, since this one was seen:{number(wrong)}"


# Each is put together here, so that this file holds none.
@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "a private key"),
        ("key = 'sk-" + "proj-" + "a1B2" * 8 + "'", "a key of OpenAI or Anthropic"),
        ("ghp_" + "a1B2" * 9, "a token of GitHub"),
        ("//registry.example/:_authToken=npm_" + "a1B2" * 9, "a token of a package registry"),
        ("AKIA" + "A1B2" * 4, "a key of AWS or Google"),
        ("postgresql://app:npg_" + "a1B2c3D4e5@host", "a password of Neon"),
        ("xoxb-" + "1234567890-abc", "a token of Slack"),
        (".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 40]), "a token that is signed"),
        ("postgresql://app:" + "Zx81Qq@db.example.com/chat", "a password in an address"),
        ("BETTER_AUTH_" + "SECRET=" + "a1B2" * 8, "a secret with its value"),
    ],
)
def test_a_planted_secret_is_found(planted: str, kind: str) -> None:
    assert kind in secrets_in(f"a line\n{planted}\nanother")


def test_what_opens_nothing_may_stand() -> None:
    assert secrets_in("postgresql://user:password@host, email/correct-horse-battery") == []


@pytest.mark.parametrize("path", KEPT_OUT)
def test_git_leaves_out_what_a_run_writes(path: str) -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)

    assert ignored.returncode == 0, f"{path}: name its folder in .gitignore"


def test_there_is_no_image_that_could_hold_one() -> None:
    recipes = [path for path in text_files() if IMAGE.search(path.name)]

    assert not recipes, (
        f"an image is checked like the repository first:{number(list(map(str, recipes)))}"
    )
