"""A run of the Agents SDK as a stream that can be merged, stopped and cleaned up after."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from agents import AgentUpdatedStreamEvent, RawResponsesStreamEvent, RunResultStreaming, StreamEvent
from agents.exceptions import InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered
from openai.types.responses import ResponseTextDeltaEvent

_TRIPWIRES = (InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered)
_STOP_SECONDS = 2.0


class Feed:
    """Stands in for the run's result where ChatKit's `stream_agent_response` reads it.

    That function waits for the run and for its own queue in tasks of its own, and leaves both
    tasks behind when it fails or is cancelled. So the run is read by a task of ours, which can be
    cancelled and awaited, and a failure ends the events early instead of raising: it is kept in
    `failure`, and what was said before it is converted in peace. Only a guardrail's is raised,
    because ChatKit takes the answer back at that.

    Pieces of text that are ready together come out as one: each event costs ChatKit far more than
    its text does.
    """

    def __init__(self, result: RunResultStreaming) -> None:
        self.failure: Exception | None = None
        self._result = result
        self._ready: deque[StreamEvent] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._reader = asyncio.create_task(self._read())

    async def stream_events(self) -> AsyncIterator[StreamEvent]:
        """Yield the run's events; ends early when the run fails, see `failure`."""
        while True:
            while self._ready:
                yield self._next_merged()
            if self._ended:
                break
            self._news.clear()
            await self._news.wait()
        if isinstance(self.failure, _TRIPWIRES):
            raise self.failure

    async def stop(self) -> None:
        """Stop the run and its request to the model; safe to repeat, and when it has ended."""
        # Whoever still waits for an event gets one that means nothing, and ends without a trace.
        self._ready.append(AgentUpdatedStreamEvent(new_agent=self._result.current_agent))
        self._news.set()
        self._result.cancel()
        self._reader.cancel()
        await asyncio.wait({self._reader}, timeout=_STOP_SECONDS)

    async def _read(self) -> None:
        try:
            async for event in self._result.stream_events():
                self._ready.append(event)
                self._news.set()
        except Exception as exc:
            # It is raised, in our own words, by whoever reads this feed.
            self.failure = exc
        finally:
            self._ended = True
            self._news.set()

    def _next_merged(self) -> StreamEvent:
        event = self._ready.popleft()
        first = _delta(event)
        if first is None or not self._ready:
            return event
        pieces = [first.delta]
        while self._ready and _continues(first, following := _delta(self._ready[0])):
            assert following is not None  # noqa: S101 - _continues says so
            pieces.append(following.delta)
            self._ready.popleft()
        merged = first.model_copy(update={"delta": "".join(pieces)})
        return RawResponsesStreamEvent(data=merged)


def _delta(event: StreamEvent) -> ResponseTextDeltaEvent | None:
    data = event.data if isinstance(event, RawResponsesStreamEvent) else None
    return data if isinstance(data, ResponseTextDeltaEvent) else None


def _continues(first: ResponseTextDeltaEvent, following: ResponseTextDeltaEvent | None) -> bool:
    return following is not None and (first.item_id, first.content_index) == (
        following.item_id,
        following.content_index,
    )
