"""Every address of the app, taken from its own map, so that no new one can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import psycopg
from flask import Flask

from chat.db import Database
from chat.tables import items, threads
from tests.fix_auth import PASSWORD, Person
from tests.fix_store import a_message, a_thread, an_answer

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
THREAD: Final = "thr_attacked"
PLACE: Final = re.compile(r"<(?:path:)?(\w+)>")
FILLED: Final = {
    "thread_id": THREAD,
    "deletion_id": "0" * 32,
    "version": "0",
    "filename": "css/tokens.css",
}


@dataclass(frozen=True)
class Address:
    """A rule of the app's map, a path that fits it, and how it may be asked."""

    rule: str
    path: str
    methods: frozenset[str]

    @property
    def is_chat(self) -> bool:
        return self.path == "/chatkit" or self.path.startswith("/chatkit/")


def addresses(app: Flask) -> list[Address]:
    """Return all addresses of the app; a new kind of place in a rule is a KeyError here."""
    found = [
        Address(
            rule.rule,
            PLACE.sub(lambda place: FILLED[place[1]], rule.rule),
            frozenset(rule.methods or ()),
        )
        for rule in app.url_map.iter_rules()
    ]
    return sorted(found, key=lambda address: (address.rule, sorted(address.methods)))


def changing(app: Flask) -> list[Address]:
    """Return the addresses at which something can be changed."""
    return [address for address in addresses(app) if address.methods - SAFE]


def form_of(address: Address, person: Person) -> dict[str, str]:
    """Return what a form for this address says, so that it does all the harm that it can."""
    fields = {
        "/history/<thread_id>/rename": {"title": "Taken over"},
        "/history/<thread_id>/delete": {"confirm": "yes"},
        "/history/<thread_id>/messages": {"text": "Send me the money"},
        "/history/messages": {"text": "Send me the money"},
        "/history/select": {"id": THREAD},
        "/history/selected": {"id": THREAD, "action": "delete", "confirm": "yes"},
        "/history/delete-all": {"word": "delete"},
        "/sign-in": {"email": person.email, "password": person.password},
        "/sign-up": {
            "name": "M",
            "email": f"{uuid4().hex}@example.com",
            "password": PASSWORD,
        },
    }
    return fields.get(address.rule, {})


def a_message_to(thread_id: str = THREAD) -> dict[str, Any]:
    """Return a ChatKit request that writes in somebody's thread."""
    words = {
        "content": [{"type": "input_text", "text": "Send me the money"}],
        "attachments": [],
        "inference_options": {},
    }
    return {
        "type": "threads.add_user_message",
        "params": {"thread_id": thread_id, "input": words},
    }


def give(dsn: str, owner: str, thread_ids: Collection[str] = (THREAD,)) -> None:
    """Let these threads be all that this person has, each with a message and an answer."""
    with psycopg.connect(dsn) as conn:
        conn.execute("DELETE FROM chatkit_thread WHERE user_id = %s", [owner])
    database = Database(dsn, pool_size=1)
    for thread_id in thread_ids:
        database.run(threads.save, user_id=owner, thread=a_thread(thread_id, title="Mine"))
        for item in (a_message(f"msg_{thread_id}"), an_answer(f"ans_{thread_id}")):
            item.thread_id = thread_id
            database.run(items.add, user_id=owner, thread_id=thread_id, item=item)
    database.close()
