"""A thousand people who are signed in, without a thousand slow password hashes.

One signs up at the real Better Auth server. The others are copies of the rows that it wrote then,
with ids, addresses and tokens of their own, and their cookies are signed as it signs them. The
server cannot tell them from people who signed up: it looks their sessions up as all others.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote

import psycopg

from tests.fix_auth import AuthServer, Person
from tests.load.speech import mark_of

TABLES: Final = {"user": "id", "account": "userId", "session": "userId"}
"""Better Auth's tables, and the column that says whose row it is."""
COPY: Final = """
    INSERT INTO "{table}"
    SELECT (jsonb_populate_record(one, changed.value)).*
      FROM "{table}" AS one, jsonb_array_elements(%(changes)s::jsonb) AS changed
     WHERE one."{owner}" = %(original)s
"""


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
    name, token = _token_of(original)
    secret = (auth.folder / "secret").read_text()
    assert _cookie(name, token, secret) == original.cookie, "this is how Better Auth signs"
    run = secrets.token_hex(4)
    people, tokens = [], []
    for number in range(count):
        tokens.append(secrets.token_hex(16))
        user_id = f"{run}{number:04d}{secrets.token_hex(10)}"
        people.append(Somebody(mark_of(number), user_id, _cookie(name, tokens[-1], secret)))
    changes = [
        {
            "user": {"id": one.id, "name": one.mark, "email": f"{one.mark}-{run}@example.com"},
            "account": {"id": f"a{one.id}", "accountId": one.id, "userId": one.id},
            "session": {"id": f"s{one.id}", "token": token, "userId": one.id},
        }
        for one, token in zip(people, tokens, strict=True)
    ]
    with psycopg.connect(dsn) as conn:
        for table, owner in TABLES.items():
            values = json.dumps([each[table] for each in changes])
            statement = COPY.format(table=table, owner=owner).encode()
            conn.execute(statement, {"changes": values, "original": original.id})
    return people


def _token_of(person: Person) -> tuple[str, str]:
    """Return the name of a person's session cookie, and the token that is signed in it."""
    name, _, value = person.cookie.partition("=")
    return name, unquote(value).rpartition(".")[0]


def _cookie(name: str, token: str, secret: str) -> str:
    signature = hmac.digest(secret.encode(), token.encode(), hashlib.sha256)
    return f"{name}={quote(f'{token}.{base64.b64encode(signature).decode()}', safe='')}"
