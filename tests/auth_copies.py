"""People at a Better Auth server without a slow password hash for each of them.

One signs up. The others are copies of the rows that the server wrote then, with ids, addresses and
tokens of their own, and their cookies are signed as it signs them. The server cannot tell them from
people who signed up: it looks their sessions up as all others, and takes the same password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

import psycopg

TABLES: Final = {"user": "id", "account": "userId", "session": "userId"}
"""Better Auth's tables, and the column that says whose row it is."""
COPY: Final = """
    INSERT INTO "{table}"
    SELECT (jsonb_populate_record(one, changed.value)).*
      FROM "{table}" AS one, jsonb_array_elements(%(changes)s::jsonb) AS changed
     WHERE one."{owner}" = %(original)s
"""


@dataclass(frozen=True)
class Copy:
    """Somebody who never signed up: whom to make, and the token of their session."""

    id: str
    name: str
    email: str
    token: str


@dataclass(frozen=True)
class Signer:
    """How a server names its session cookie, and the secret that it signs it with."""

    name: str
    secret: str

    def cookie(self, token: str) -> str:
        """Return the whole Cookie header of the session with that token."""
        return f"{self.name}={quote(self.bearer(token), safe='')}"

    def bearer(self, token: str) -> str:
        """Return the same session as a bearer token."""
        signature = hmac.digest(self.secret.encode(), token.encode(), hashlib.sha256)
        return f"{token}.{base64.b64encode(signature).decode()}"


def signer_of(cookie: str, secret: str) -> Signer | None:
    """Return how this Cookie header was signed; None if we cannot sign like that."""
    name, _, value = cookie.partition("=")
    signer = Signer(name, secret)
    token = unquote(value).rpartition(".")[0]
    return signer if signer.cookie(token) == cookie else None


def a_copy(name: str, email: str) -> Copy:
    """Return somebody of that name, with an id and a token that nobody has."""
    return Copy(secrets.token_hex(16), name, email, secrets.token_hex(16))


def store(dsn: str, original: str, copies: Iterable[Copy]) -> None:
    """Write the rows of all copies; `original` is the id of whoever signed up."""
    changes = [
        {
            "user": {"id": one.id, "name": one.name, "email": one.email},
            "account": {"id": f"a{one.id}", "accountId": one.id, "userId": one.id},
            "session": {"id": f"s{one.id}", "token": one.token, "userId": one.id},
        }
        for one in copies
    ]
    with psycopg.connect(dsn) as conn:
        for table, owner in TABLES.items():
            values = json.dumps([each[table] for each in changes])
            statement = COPY.format(table=table, owner=owner).encode()
            conn.execute(statement, {"changes": values, "original": original})
