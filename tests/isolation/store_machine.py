"""Three people at one store, with the same few ids, and a model of what each of them must see.

Every call is made as one person. Afterwards no row of another is different, and no word of another
is in what came back. A call about something that the person does not have is made once more with
an id that nobody has: both are answered alike.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from typing import Any, ClassVar, Final
from uuid import uuid4

from chatkit.types import (
    ActiveStatus,
    Annotation,
    AssistantMessageContent,
    AssistantMessageItem,
    ClientToolCallItem,
    ClosedStatus,
    EndOfTurnItem,
    FileAttachment,
    HiddenContextItem,
    InferenceOptions,
    SDKHiddenContextItem,
    ThreadItem,
    ThreadMetadata,
    URLSource,
    UserMessageItem,
    UserMessageTextContent,
)
from hypothesis.stateful import RuleBasedStateMachine
from pydantic import BaseModel

from chat.connection import Connection
from chat.context import RequestContext
from chat.db import Database
from chat.errors import ChatError
from chat.neon_store import NeonStore
from chat.stream import EventLoop
from tests.fix_store import NOON
from tests.isolation.canaries import canary, foreign_in
from tests.isolation.footprints import Footprints
from tests.isolation.store_model import Owned, Told

PEOPLE: Final = 3
THREADS: Final = ("thr_a", "thr_b", "thr_c", "thr_d")
ITEMS: Final = tuple(f"msg_{number}" for number in range(6))
WORDS: Final = ("harbour", "lantern", "meadow")
KINDS: Final = ("user", "assistant", "tool", "hidden", "note", "end")
_cases = count(1)


class Recorded(Database):
    """The database, and which table functions were run on it."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, pool_size=2)
        self.functions: Counter[str] = Counter()

    def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        self.functions[name_of(function)] += 1
        return super().run(function, *args, **kwargs)


class World:
    """What all cases share: one database, which fills up with what people of earlier cases had."""

    def __init__(self, dsn: str) -> None:
        self.database = Recorded(dsn)
        self.store = NeonStore(self.database)
        self.loop = EventLoop()
        self.footprints = Footprints(dsn)
        self.methods: Counter[str] = Counter()
        self.steps = self.twins = 0

    def close(self) -> None:
        self.loop.stop()
        self.footprints.close()
        self.database.close()


class Refusal(Exception):
    """What the model expects instead of an answer."""

    def __init__(self, error: type[ChatError]) -> None:
        self.error = error


class Gone:
    """Whatever: the model does not say."""


ANYTHING: Final = Gone()


class Person:
    """Somebody: their words, their context, and what they must see."""

    def __init__(self, case: int, number: int) -> None:
        self.word = canary(case, number)
        self.id = f"user_{case}_{number}_{self.word}"
        self.context = RequestContext(user_id=self.id)
        self.owned = Owned()


class Ground(RuleBasedStateMachine):
    """The people of a case, and how each call of theirs is judged."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        case = next(_cases)
        self.people = [Person(case, number) for number in range(PEOPLE)]
        self.before = self.world.footprints.of([person.id for person in self.people])
        self.numbers = count(1)

    def method(self, name: str, person: Person, *args: Any) -> Callable[[], Any]:
        """Return a call of one of the store's methods."""
        self.world.methods[name] += 1
        function = getattr(self.world.store, name)
        if not inspect.iscoroutinefunction(function):
            return lambda: function(*args, person.context)
        return lambda: self.world.loop.run(function(*args, person.context))

    def table(self, function: Any, person: Person, **named: Any) -> Callable[[], Any]:
        """Return a call of a table function."""
        return lambda: self.world.database.run(function, user_id=person.id, **named)

    def judge(self, person: Person, call: Callable[[], Any], expected: Any = ANYTHING) -> Any:
        """Call, and compare what came back with the model; return it, plain."""
        self.world.steps += 1
        found = outcome(call)
        after = self.world.footprints.of([each.id for each in self.people])
        others = {each.id for each in self.people} - {person.id}
        assert {other: after[other] for other in others} == {
            other: self.before[other] for other in others
        }, "somebody else's rows were changed"
        self.before = after
        assert not foreign_in(json.dumps(found), person.word), found
        if isinstance(expected, Refusal):
            assert isinstance(found, dict), found
            assert found.get("error") == expected.error.__name__, (found, expected.error)
        elif expected is not ANYTHING:
            assert found == plain(expected), (found, plain(expected))
        return found

    def ask(
        self,
        person: Person,
        call: Callable[[str], Callable[[], Any]],
        any_id: str,
        expected: Any = ANYTHING,
        *,
        has: object,
    ) -> Any:
        """Judge a call about an id; one that the person lacks answers like one that nobody has."""
        found = self.judge(person, call(any_id), expected)
        if not has:
            self.world.twins += 1
            missing = f"{any_id[:4]}{uuid4().hex}"
            same = self.judge(person, call(missing))
            assert neutral(found, any_id) == neutral(same, missing)
        return found

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.world.database.connection() as conn, conn.transaction():
            yield conn

    def text(self, person: Person) -> str:
        """Return words of this person: one that others have too, and a number."""
        number = next(self.numbers)
        return f"{WORDS[number % len(WORDS)]} {person.word} n{number}"

    def a_thread(self, person: Person, thread_id: str, *, titled: bool = True) -> ThreadMetadata:
        title = self.text(person)
        return ThreadMetadata(
            id=thread_id,
            title=title if titled else None,
            created_at=NOON,
            metadata={"note": person.word},
            status=ClosedStatus(reason=person.word) if "n7" in title else ActiveStatus(),
        )

    def an_item(self, person: Person, thread_id: str, item_id: str, kind: str) -> ThreadItem:
        text = self.text(person)
        base: dict[str, Any] = {"id": item_id, "thread_id": thread_id, "created_at": NOON}
        match kind:
            case "user":
                return UserMessageItem(
                    **base,
                    content=[UserMessageTextContent(text=text)],
                    quoted_text=f"quoted {person.word}",
                    inference_options=InferenceOptions(),
                )
            case "assistant":
                source = URLSource(title=person.word, url=f"https://example.com/{person.word}")
                part = AssistantMessageContent(text=text, annotations=[Annotation(source=source)])
                return AssistantMessageItem(**base, content=[part])
            case "tool":
                return ClientToolCallItem(
                    **base,
                    call_id=f"call_{person.word}",
                    name="look",
                    arguments={"for": text},
                    output={"found": person.word},
                    status="completed",
                )
            case "hidden":
                return HiddenContextItem(**base, content={"secret": text})
            case "context":
                return HiddenContextItem(**base, content={"threadkeeper_context": {"title": text}})
            case "note":
                return SDKHiddenContextItem(**base, content=text)
        return EndOfTurnItem(**base)

    def an_attachment(self, person: Person, name: str, thread_id: str) -> FileAttachment:
        return FileAttachment(
            id=name, name=person.word, mime_type="text/plain", thread_id=thread_id
        )

    def teardown(self) -> None:
        for person in self.people:
            for thread_id in THREADS:
                self.look_at_thread(person, thread_id)

    def look_at_thread(self, person: Person, thread_id: str) -> None:
        """Compare all items of a thread with the model."""
        thread = person.owned.live(thread_id)
        expected = [kept.item for kept in thread.in_order()] if thread else []
        page = self.judge(
            person, self.method("load_thread_items", person, thread_id, None, 100, "asc")
        )
        assert page["data"] == plain(expected)


def name_of(function: Any) -> str:
    return f"{function.__module__.removeprefix('chat.tables.')}.{function.__name__}"


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call answers as plain JSON, or which of our errors it raises."""
    try:
        found = call()
    except ChatError as exc:
        return {"error": type(exc).__name__, "words": str(exc), "public": exc.public}
    assert not isinstance(found, Future)
    return plain(found)


def plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, BaseModel):
        return json.loads(value.model_dump_json())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Sequence | set | frozenset):
        return [plain(part) for part in value]
    return str(value)


def neutral(found: Any, echoed: str) -> str:
    """Return an outcome without the id that was asked for."""
    return json.dumps(found, sort_keys=True).replace(echoed, "<id>")


def row_of(thread: Told) -> dict[str, Any]:
    """Return what a list shows of a thread, without its moments."""
    return {
        "id": thread.about.id,
        "title": thread.about.title,
        "status": thread.about.status.type,
        "unread": thread.unread,
        "pinned": thread.pinned,
        "archived": thread.archived,
        "preview": thread.preview(),
    }


def rows_of(found: Any) -> list[dict[str, Any]]:
    """Return the same of what came back."""
    wanted = ("id", "title", "status", "unread", "pinned", "archived", "preview")
    return [{name: row[name] for name in wanted} for row in found]
