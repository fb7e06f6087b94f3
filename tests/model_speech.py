"""What a model's server says, as bytes: Chat Completions and Responses, whole and broken."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Reply:
    """What one request gets.

    `pieces` are the deltas of the text, `pause` the seconds before each. `then` says what comes
    after them: the `end`; a `cut` connection; a `stop` as if all was said, but with no mark of
    it; a `hang` or `silence` that lasts until the client leaves, with signs of life or without; an
    `error` event. Another `status` than 200 sends an error instead. `tool` is a call (name,
    arguments) that comes after the text. `raw` bytes replace the whole body.
    """

    pieces: list[str] = field(default_factory=list)
    pause: float = 0.0
    then: Literal["end", "cut", "stop", "hang", "silence", "error"] = "end"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    tool: tuple[str, dict[str, Any]] | None = None
    refusal: str | None = None
    message_id: str = "msg_the_same_every_time"
    error_code: str = "server_error"
    raw: bytes | None = None


def _sse(event: dict[str, Any]) -> bytes:
    # ensure_ascii writes a lone surrogate as the escape that real servers send.
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def completion_chunks(reply: Reply) -> Iterator[bytes]:
    """Yield a streamed Chat Completion, up to the point that the reply says."""

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _sse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion.chunk",
                "created": int(time.time()),
                "model": "test-model",
                "choices": [choice],
            }
        )

    yield chunk({"role": "assistant", "content": ""})
    for piece in reply.pieces:
        yield chunk({"content": piece})
    if reply.refusal:
        yield chunk({"refusal": reply.refusal})
    if reply.tool:
        name, arguments = reply.tool
        function = {"name": name, "arguments": json.dumps(arguments)}
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        yield chunk({"tool_calls": [call]})
    if reply.then == "error":
        yield _sse({"error": {"message": "it broke", "code": reply.error_code}})
    elif reply.then == "end":
        yield chunk({}, "tool_calls" if reply.tool else "stop")
        yield b"data: [DONE]\n\n"


def response_events(reply: Reply) -> Iterator[bytes]:
    """Yield a streamed Response, up to the point that the reply says."""
    text, at = "".join(reply.pieces), {"item_id": reply.message_id, "output_index": 0}
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    item: dict[str, Any] = {"id": reply.message_id, "type": "message", "role": "assistant"}
    item |= {"status": "completed", "content": [part]}
    answer: dict[str, Any] = {"id": "resp_1", "object": "response", "created_at": 0}
    answer |= {"model": "test-model", "output": [], "tools": [], "tool_choice": "auto"}
    answer |= {"parallel_tool_calls": False, "status": "in_progress"}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": answer},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"content": []}},
        {"type": "response.content_part.added", "content_index": 0, "part": part | {"text": ""}}
        | at,
    ]
    events += [
        {"type": "response.output_text.delta", "content_index": 0, "delta": piece, "logprobs": []}
        | at
        for piece in reply.pieces
    ]
    if reply.then == "error":
        failed = {"code": reply.error_code, "message": "it broke"}
        events.append({"type": "response.failed", "response": answer | {"error": failed}})
    elif reply.then == "end":
        done = answer | {"output": [item], "status": "completed"}
        events += [
            {"type": "response.output_text.done", "content_index": 0, "text": text, "logprobs": []}
            | at,
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": done},
        ]
    for number, event in enumerate(events):
        yield _sse(event | {"sequence_number": number})


def completion(text: str) -> dict[str, Any]:
    """A whole Chat Completion, as a request without `stream` gets it."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "test-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def response(text: str) -> dict[str, Any]:
    """A whole Response, as a request without `stream` gets it."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 0,
        "model": "test-model",
        "status": "completed",
        "output": [item | {"content": [part]}],
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }
