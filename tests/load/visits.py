"""What people do while answers stream: they list, open, rename and delete what they own."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, TypeVar

from tests.load.crowd import Crowd, NotServed
from tests.load.people import Somebody
from tests.load.speech import marks_in

T = TypeVar("T")

AT_ONCE: Final = 8
"""How many of these requests may wait for their answers at a time."""


class Visits:
    """Requests of a crowd beside its turns, so many a second if the server is as fast."""

    def __init__(self, crowd: Crowd, a_second: float) -> None:
        self._crowd = crowd
        self._a_second = a_second
        self._locks = {one.id: asyncio.Lock() for one in crowd.people}
        self._acts: list[Callable[[Somebody], Awaitable[None]]] = [
            *[self.list] * 4,
            *[self._page] * 2,
            *[self._open] * 2,
            self._rename,
            self._delete,
        ]

    @asynccontextmanager
    async def going_on(self) -> AsyncGenerator[None, None]:
        """Have people come and go inside."""
        visiting = asyncio.create_task(self._go_on())
        yield
        visiting.cancel()
        with suppress(asyncio.CancelledError):
            await visiting

    async def look_through(self) -> None:
        """Compare everybody's list with what they must have, when all is over."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(one: Somebody) -> None:
            async with gate:
                await self.list(one)

        await asyncio.gather(*(look(one) for one in self._crowd.people))

    async def list(self, one: Somebody) -> None:
        """Compare what is listed with what they have, and with the turn that is or was told."""
        found = await self._crowd.ask_again(one, "list", "threads.list", limit=20)
        listed = {each["id"]: each["title"] for each in found["data"]}
        theirs = {id_: title for id_, title in listed.items() if id_ in one.threads}
        # A thread that is being begun may be there already, and its title is the model's.
        further = len(listed.keys() - one.threads.keys() - one.unsure)
        spoken = self._crowd.spoken.get(one.id)
        if theirs != one.threads or further > 1 or (spoken and spoken not in listed):
            self._crowd.tally.lost[f"list: {listed} for {one}, {spoken}"] += 1

    async def _go_on(self) -> None:
        async with asyncio.TaskGroup() as group:
            gate = asyncio.Semaphore(AT_ONCE)
            while True:
                await asyncio.sleep(1 / self._a_second)
                await gate.acquire()
                task = group.create_task(self._visit(_any(self._crowd.people), _any(self._acts)))
                task.add_done_callback(lambda _task: gate.release())

    async def _visit(self, one: Somebody, act: Callable[[Somebody], Awaitable[None]]) -> None:
        async with self._locks[one.id]:
            with suppress(NotServed):
                # Nothing is left of somebody all of whose changes went unanswered.
                if one.threads:
                    await act(one)

    async def _page(self, one: Somebody) -> None:
        thread_id = _any(["", *one.threads])
        path = f"/history/{thread_id}" if thread_id else "/history"
        await self._crowd.fetch(one, "page", "GET", path)

    async def _open(self, one: Somebody) -> None:
        thread_id = _any([*one.threads])
        found = await self._crowd.ask(one, "open", "items.list", thread_id=thread_id)
        if not marks_in(json.dumps(found)):
            self._crowd.tally.lost["nothing in a thread"] += 1

    async def _rename(self, one: Somebody) -> None:
        thread_id = _any([*one.threads])
        title = f"{one.mark} calls it {random.randrange(1000)}"  # noqa: S311 - nothing secret.
        with _unsure(one, thread_id):
            await self._crowd.ask(one, "rename", "threads.update", thread_id=thread_id, title=title)
            one.threads[thread_id] = title

    async def _delete(self, one: Somebody) -> None:
        # Who keeps one can go on with all the rest.
        if len(one.threads) > 1:
            thread_id = _any([*one.threads])
            with _unsure(one, thread_id):
                await self._crowd.ask(one, "delete", "threads.delete", thread_id=thread_id)
                del one.threads[thread_id]


@contextmanager
def _unsure(one: Somebody, thread_id: str) -> Iterator[None]:
    """Forget a thread whose change was not answered: nobody knows what is right of it."""
    try:
        yield
    except BaseException:
        one.threads.pop(thread_id, None)
        one.unsure.add(thread_id)
        raise


def _any(among: Sequence[T]) -> T:
    return random.choice(among)  # noqa: S311 - nothing secret.
