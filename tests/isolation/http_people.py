"""People at the whole app, what each of them must see, and how an answer is judged."""

from __future__ import annotations

import html
import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from chatkit.types import InferenceOptions, ThreadMetadata, UserMessageItem, UserMessageTextContent
from werkzeug.test import TestResponse

from chat.context import RequestContext
from chat.db import Database
from chat.neon_store import NeonStore
from chat.stream import EventLoop
from tests.fix_auth import AuthServer, Person
from tests.fix_site import OWN, Site
from tests.fix_store import NOON
from tests.isolation.canaries import canary, foreign_in
from tests.isolation.footprints import Footprints

ID: Final = re.compile(r"\b(?:[a-z]{2,5}_[0-9a-f]{38}|[0-9a-f]{32})\b")
RANDOM: Final = re.compile(r'(?<=value=")[0-9a-f]{32}(?=")')
NONCE: Final = re.compile(r"'nonce-([^']+)'")
UNLIKE: Final = frozenset({"X-Request-Id", "Date"})
ASIDE_SECONDS: Final = 8.0
"""After this what was deleted with an undo may be purged at any moment."""


@dataclass
class Talk:
    """A thread as its owner knows it, and what was said in it."""

    id: str
    title: str
    said: list[str]
    items: list[str]
    pinned: bool = False
    archived: bool = False
    deletion: str | None = None
    aside_at: float = 0.0


@dataclass
class Visitor:
    """Somebody who is signed in, and all that they must see."""

    word: str
    person: Person
    talks: dict[str, Talk] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    late: bool = False
    writing: bool = False
    """An answer is being written for them: what is stored of it grows by itself."""

    @property
    def id(self) -> str:
        return self.person.id

    def live(self) -> list[Talk]:
        return [talk for talk in self.talks.values() if talk.deletion is None]

    def listed(self) -> set[str]:
        return {talk.id for talk in self.live() if not talk.archived}


class Town:
    """The app, the people of all cases, and what is stored of them."""

    def __init__(self, site: Site, auth: AuthServer, dsn: str) -> None:
        self.site, self.auth = site, auth
        self.footprints = Footprints(dsn)
        self.database = Database(dsn, pool_size=1)
        self.store, self.loop = NeonStore(self.database), EventLoop()
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.twins = 0
        self.swept = False

    def close(self) -> None:
        self.loop.stop()
        self.database.close()
        self.footprints.close()

    def visitor(self, case: int, number: int) -> Visitor:
        """Make an account whose name and address are canaries as well."""
        word = canary(case, number)
        return Visitor(word, self.auth.sign_up(f"Visitor {word}", email=f"{word}@example.com"))

    def give(self, visitor: Visitor, thread_id: str, item_id: str) -> Talk:
        """Put a thread of a chosen id there, as an import does."""
        context = RequestContext(user_id=visitor.id)
        text = f"given {visitor.word}"
        about = ThreadMetadata(
            id=thread_id, title=text, created_at=NOON, metadata={"m": visitor.word}
        )
        item = UserMessageItem(
            id=item_id,
            thread_id=thread_id,
            created_at=NOON,
            content=[UserMessageTextContent(text=text)],
            quoted_text=f"quote {visitor.word}",
            inference_options=InferenceOptions(),
        )
        self.loop.run(self.store.start_thread(about, item, context))
        talk = visitor.talks[thread_id] = Talk(thread_id, text, [text], [item_id])
        return talk

    def send(self, visitor: Visitor, method: str, path: str, **named: Any) -> TestResponse:
        """Send a request as that person's browser does."""
        headers = {"Cookie": visitor.person.cookie, "Origin": OWN, **named.pop("headers", {})}
        answer = self.site.bare.open(path, method=method, base_url=OWN, headers=headers, **named)
        self.requests[f"{method} {rule_of(self.site, method, path)}"] += 1
        self.statuses[answer.status_code] += 1
        return answer

    def ask(
        self,
        visitor: Visitor,
        kind: str,
        /,
        *,
        headers: Any = None,
        meta: Any = None,
        **params: Any,
    ) -> TestResponse:
        """Send a ChatKit request."""
        sent: dict[str, Any] = {"type": kind, "params": params}
        if meta:
            sent["metadata"] = meta
        return self.send(visitor, "POST", "/chatkit", json=sent, headers=headers or {})


def rule_of(site: Site, method: str, path: str) -> str:
    adapter = site.app.url_map.bind("localhost")
    rule, _ = adapter.match(path.split("?")[0], method, return_rule=True)
    return str(rule.rule)


def whole(answer: TestResponse) -> str:
    """Return all bytes of an answer as text: status, headers and body."""
    lines = [f"{answer.status_code}", *(f"{name}: {value}" for name, value in answer.headers)]
    return "\n".join(lines) + "\n\n" + answer.get_data().decode()


def neutral(answer: TestResponse, echoed: str) -> str:
    """Return an answer without what is new in each, and without the id that was asked for."""
    lines = sorted(f"{name}: {value}" for name, value in answer.headers if name not in UNLIKE)
    text = "\n".join([str(answer.status_code), *lines, answer.get_data().decode()])
    for found in NONCE.findall(text):
        text = text.replace(found, "<nonce>")
    text = RANDOM.sub("<random>", text)
    text = text.replace(answer.headers["X-Request-Id"], "<request>")
    for spelled in (echoed, quote(echoed), quote(echoed, safe=""), html.escape(echoed)):
        text = text.replace(spelled, "<id>")
    return text


def events_in(answer: TestResponse) -> list[dict[str, Any]]:
    lines = answer.get_data(as_text=True).split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line]


def message(text: str, quoted: str | None = None) -> dict[str, Any]:
    """Return what ChatKit calls a user message's input."""
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "quoted_text": quoted,
        "inference_options": {},
    }


class Judge:
    """What holds for every answer to anybody."""

    def __init__(self, town: Town, visitors: list[Visitor]) -> None:
        self.town, self.visitors = town, visitors
        self.before = self.look()

    def look(self) -> dict[str, str]:
        return self.town.footprints.of([each.id for each in self.visitors])

    def of(self, visitor: Visitor, answer: TestResponse, sent: str = "") -> TestResponse:
        """Check an answer: nothing of others in it, and nothing of others changed."""
        text = whole(answer)
        answer.close()
        assert answer.status_code < 500, text
        assert not foreign_in(text.replace(sent, "") if sent else text, visitor.word), text
        for found in set(ID.findall(text)) - set(ID.findall(sent)) - visitor.known:
            assert self.town.footprints.owner_of(found) <= {visitor.id}, (found, text)
            visitor.known.add(found)
        after = self.look()
        for other in self.visitors:
            if other is not visitor and not other.writing and not self.may_be_purged(other):
                assert after[other.id] == self.before[other.id], "somebody else's rows changed"
        self.before = after
        return answer

    def may_be_purged(self, visitor: Visitor) -> bool:
        now = time.monotonic()
        aside = (talk.aside_at for talk in visitor.talks.values() if talk.deletion)
        visitor.late = visitor.late or any(now - since > ASIDE_SECONDS for since in aside)
        return visitor.late
