"""Many people at one server at once: each has a turn that streams, and all go on living.

All of them are tasks on one event loop. Every byte of every answer is looked through for words
of somebody else; every answer and every list is compared with what its owner must see.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

from tests.fix_server import text_of, words
from tests.load.people import Somebody
from tests.load.speech import marks_in, pieces_for, question
from tests.load.tally import Tally
from tests.load.wire import Answer, BrokenOff, request

KEEP: Final = {"X-Threadkeeper-Turn": "keep"}
ARRIVING: Final = 24
"""How many may wait for their first words at a time: people do not come in one millisecond."""
LOOKING: Final = 16
"""How many look at a time at what was stored of their answers."""
TRIES: Final = 5
TRY_SECONDS: Final = 2.0

Event = dict[str, Any]


class NotServed(Exception):
    """A request that had no good answer; it has been counted."""


class Crowd:
    """People at the server on this port, whose answers come from the model on that one."""

    def __init__(self, port: int, model_port: int, people: list[Somebody]) -> None:
        self.port = port
        self.model_port = model_port
        self.people = people
        self.tally = Tally()
        self._looking = asyncio.Semaphore(LOOKING)
        self.refused: list[Somebody] = []
        """Whose turns were refused."""
        self.spoken: dict[str, str] = {}
        """The threads that turns were told in, by their owners' ids."""

    async def talk_all(self, people: list[Somebody]) -> int:
        """Have all of them talk at the same time; return how many streams were open at once.

        Whoever is not refused reads the first words of the answer. Only when the last one does,
        the model goes on with all of them.
        """
        gate = asyncio.Semaphore(ARRIVING)
        here = [asyncio.Event() for _ in people]
        talks = [
            asyncio.create_task(self._talk(one, gate, begun))
            for one, begun in zip(people, here, strict=True)
        ]
        for begun in here:
            await begun.wait()
        at_once = self.tally.streaming
        async with request(self.model_port, "POST", "/go") as answer:
            await answer.body()
        await asyncio.gather(*talks)
        return at_once

    async def ask(self, one: Somebody, what: str, kind: str, **params: Any) -> Any:
        """Send a ChatKit request and return the answer; raise NotServed if it is no success."""
        return json.loads(await self.fetch(one, what, "POST", "/chatkit", _chatkit(kind, **params)))

    async def ask_again(self, one: Somebody, what: str, kind: str, **params: Any) -> Any:
        """Ask until there is an answer, a few times; each failure is counted."""
        for _ in range(TRIES - 1):
            with suppress(NotServed):
                return await self.ask(one, what, kind, **params)
            await asyncio.sleep(TRY_SECONDS)
        return await self.ask(one, what, kind, **params)

    async def fetch(
        self, one: Somebody, what: str, method: str, path: str, body: bytes = b""
    ) -> bytes:
        """Return the body of an answer; raise NotServed if it is no success."""
        came = time.monotonic()
        try:
            async with self._send(one, body, method, path) as answer:
                found = await answer.body()
                if answer.status != 200:
                    self._note_failure(what, answer, found)
        except (BrokenOff, OSError) as exc:
            self.tally.failed[f"{what} {type(exc).__name__}"] += 1
            raise NotServed from exc
        self._look_for_others(one, found.decode())
        if answer.status != 200:
            raise NotServed
        self.tally.took(what, time.monotonic() - came)
        return found

    async def _talk(self, one: Somebody, gate: asyncio.Semaphore, begun: asyncio.Event) -> None:
        """Ask something in a new thread, read the answer to its end, and judge it."""
        asked, events = question(one.mark), list[Event]()
        await gate.acquire()
        try:
            await self._read(one, asked, events, gate, begun)
        except NotServed:
            return
        except (BrokenOff, OSError) as exc:
            self.tally.failed[f"turn {type(exc).__name__}"] += 1
        finally:
            self.tally.streaming -= begun.is_set()
            if not begun.is_set():
                gate.release()
                begun.set()
        await self._judge(one, asked, events)

    async def _read(
        self,
        one: Somebody,
        asked: str,
        events: list[Event],
        gate: asyncio.Semaphore,
        begun: asyncio.Event,
    ) -> None:
        came = time.monotonic()
        async with self._send(one, _chatkit("threads.create", input=words(asked))) as answer:
            if answer.status != 200:
                if self._note_failure("turn", answer, await answer.body()):
                    self.refused.append(one)
                raise NotServed
            async for event in answer.events():
                events.append(event)
                if event["type"] == "thread.item.updated" and not begun.is_set():
                    self.tally.took("first words", time.monotonic() - came)
                    self.tally.streaming += 1
                    begun.set()
                    gate.release()
        self.tally.took("answer", time.monotonic() - came)

    async def _judge(self, one: Somebody, asked: str, events: list[Event]) -> None:
        """Count an answer as whole, lost or mixed up."""
        expected, told = "".join(pieces_for(asked)), text_of(events)
        updates = [each["update"] for each in events if each["type"] == "thread.item.updated"]
        shown = "".join(update.get("delta", "") for update in updates)
        self._look_for_others(one, json.dumps(events))
        if len(shown) < len(expected) or not told:
            ends = [each.get("message", each["type"]) for each in events[-1:]]
            self.tally.lost[f"{len(shown)} of {len(expected)} characters, then {ends}"] += 1
        elif not shown == told == expected:
            self.tally.mixed += 1
        elif await self._stored(one, events[0]["thread"]["id"]) != [asked, expected]:
            self.tally.lost["stored otherwise than streamed"] += 1
        else:
            self.tally.whole += 1

    async def _stored(self, one: Somebody, thread_id: str) -> list[str]:
        self.spoken[one.id] = thread_id
        try:
            async with self._looking:
                params = {"thread_id": thread_id, "order": "asc"}
                found = await self.ask_again(one, "open", "items.list", **params)
        except NotServed:
            return []
        return ["".join(part["text"] for part in item["content"]) for item in found["data"]]

    def _note_failure(self, what: str, answer: Answer, body: bytes) -> bool:
        """Count what is no success; return whether it asks politely to come again."""
        page = not answer.headers.get("content-type", "").startswith("application/json")
        error = {} if page else json.loads(body).get("error", {})
        polite = page or error.get("message", "").endswith(".")
        later = int(answer.headers.get("retry-after", "0")) > 0
        if answer.status == 503 and polite and later:
            self.tally.refused[f"{what} {error.get('code', '')}"] += 1
            return True
        self.tally.failed[f"{what} {answer.status} {error.get('code', '')}"] += 1
        return False

    def _send(
        self, one: Somebody, body: bytes, method: str = "POST", path: str = "/chatkit"
    ) -> AbstractAsyncContextManager[Answer]:
        headers = {"Cookie": one.cookie, "Origin": f"http://localhost:{self.port}", **KEEP}
        headers |= {"Content-Type": "application/json"} if body else {}
        return request(self.port, method, path, headers=headers, body=body)

    def _look_for_others(self, one: Somebody, text: str) -> None:
        self.tally.foreign += bool(marks_in(text) - {one.mark})


def _chatkit(kind: str, **params: Any) -> bytes:
    return json.dumps({"type": kind, "params": params}).encode()
