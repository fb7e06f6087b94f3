"""A thousand people who are signed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from tests import auth_copies
from tests.fix_auth import AuthServer
from tests.load.speech import mark_of


@dataclass
class Somebody:
    """One of many, signed in.

    `threads` are their own, from id to title; of those in `unsure` nobody knows whether a change
    was made that was not answered.
    """

    mark: str
    id: str
    cookie: str = field(repr=False)
    threads: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)


def signed_in(auth: AuthServer, dsn: str, count: int) -> list[Somebody]:
    """Return so many people with sessions; `dsn` is the auth server's own database."""
    original = auth.sign_up("One of many")
    signer = auth_copies.signer_of(original.cookie, (auth.folder / "secret").read_text())
    assert signer is not None, "this is how Better Auth signs"
    run = secrets.token_hex(4)
    marks = [mark_of(number) for number in range(count)]
    copies = [auth_copies.a_copy(mark, f"{mark}-{run}@example.com") for mark in marks]
    auth_copies.store(dsn, original.id, copies)
    return [Somebody(one.name, one.id, signer.cookie(one.token)) for one in copies]
