"""The assistant without a model: it answers the same way, and says what it is not."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import uuid4

from agents import Model, ModelResponse, Usage
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

from chat.model.convert import NOTE
from chat.model.titles import title_from_message

NAME: Final = "offline"
PAUSE_SECONDS: Final = 0.03
_PIECE: Final = re.compile(r"\S+\s*(?:\S+\s*)?")
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|~])")


class OfflineModel(Model):
    """A model that answers from the conversation alone; it understands nothing, and says so."""

    async def get_response(
        self,
        system_instructions: str | None,  # noqa: ARG002 - it has nothing to instruct
        input: str | list[TResponseInputItem],
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        """Return the whole answer at once."""
        message = _message(offline_answer(questions_in(input)), done=True)
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    async def stream_response(
        self,
        system_instructions: str | None,  # noqa: ARG002 - it has nothing to instruct
        input: str | list[TResponseInputItem],
        *_: Any,
        **__: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Yield the answer in small pieces with pauses between them, one to two seconds in all."""
        text = offline_answer(questions_in(input))
        events = _Events()
        for event in events.opening():
            yield event
        for piece in _PIECE.findall(text):
            await asyncio.sleep(PAUSE_SECONDS)
            yield events.delta(piece)
        for event in events.closing(text):
            yield event


def questions_in(input: str | list[TResponseInputItem]) -> list[str]:
    """Return what the person said, oldest first, without the notes that we added ourselves."""
    if isinstance(input, str):
        return [input]
    texts = [_text_of(item) for item in input if item.get("role") == "user"]
    return [text for text in texts if text and not text.startswith(NOTE)]


def offline_answer(questions: list[str]) -> str:
    """Return the Markdown answer to the last of the questions."""
    return "\n\n".join(
        [
            "**No language model is connected here yet**, so this is a fixed reply and not a real"
            " answer.",
            _what_was_asked(questions),
            "Everything is stored, and a model will see it later. To connect one, set one of these"
            " and restart:\n\n"
            "- `OPENAI_API_KEY` for a model of OpenAI\n"
            "- `OPENAI_BASE_URL` for any server that speaks Chat Completions",
        ]
    )


def _what_was_asked(questions: list[str]) -> str:
    if not questions:
        return "There is no question in this conversation yet."
    said = f"You wrote: {_quoted(questions[-1])}."
    if len(questions) == 1:
        return f"{said} It is the first message of this conversation."
    earlier = len(questions) - 1
    count = "one earlier message" if earlier == 1 else f"{earlier} earlier messages"
    return f"{said} I can see {count} of yours here; the one before was {_quoted(questions[-2])}."


def _quoted(text: str) -> str:
    short = title_from_message(text) or "something without words"
    return "\u201c" + _MARKDOWN.sub(r"\\\1", short) + "\u201d"


def _text_of(item: Any) -> str:
    content = item.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)


def _message(text: str, *, done: bool, item_id: str = "msg_offline") -> ResponseOutputMessage:
    part = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(
        id=item_id,
        content=[part] if done else [],
        role="assistant",
        type="message",
        status="completed" if done else "in_progress",
    )


class _Events:
    """The stream events of one message, as the Responses API numbers and orders them."""

    def __init__(self) -> None:
        self._next = 0
        self._at: dict[str, Any] = {"item_id": f"msg_{uuid4().hex}", "output_index": 0}
        self._response = Response(
            id=f"resp_{uuid4().hex}",
            created_at=time.time(),
            model=NAME,
            object="response",
            output=[],
            tool_choice="none",
            tools=[],
            parallel_tool_calls=False,
        )

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def opening(self) -> list[TResponseStreamEvent]:
        """Return what comes before the first piece of text."""
        item = _message("", done=False, item_id=self._at["item_id"])
        part = ResponseOutputText(text="", type="output_text", annotations=[])
        return [
            ResponseCreatedEvent(
                type="response.created", response=self._response, sequence_number=self._number()
            ),
            ResponseOutputItemAddedEvent(
                type="response.output_item.added",
                item=item,
                output_index=0,
                sequence_number=self._number(),
            ),
            ResponseContentPartAddedEvent(
                type="response.content_part.added",
                part=part,
                content_index=0,
                sequence_number=self._number(),
                **self._at,
            ),
        ]

    def delta(self, piece: str) -> TResponseStreamEvent:
        """Return the next piece of text."""
        return ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta=piece,
            content_index=0,
            logprobs=[],
            sequence_number=self._number(),
            **self._at,
        )

    def closing(self, text: str) -> list[TResponseStreamEvent]:
        """Return what comes after the last piece; `text` is all of them together."""
        item = _message(text, done=True, item_id=self._at["item_id"])
        part = ResponseOutputText(text=text, type="output_text", annotations=[])
        whole = self._response.model_copy(update={"output": [item], "status": "completed"})
        return [
            ResponseTextDoneEvent(
                type="response.output_text.done",
                text=text,
                content_index=0,
                logprobs=[],
                sequence_number=self._number(),
                **self._at,
            ),
            ResponseContentPartDoneEvent(
                type="response.content_part.done",
                part=part,
                content_index=0,
                sequence_number=self._number(),
                **self._at,
            ),
            ResponseOutputItemDoneEvent(
                type="response.output_item.done",
                item=item,
                output_index=0,
                sequence_number=self._number(),
            ),
            ResponseCompletedEvent(
                type="response.completed", response=whole, sequence_number=self._number()
            ),
        ]
