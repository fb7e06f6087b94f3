"""A ChatKit server as the SDK's own pages show one: no sessions, no search, nothing to join.

Behind uvicorn, with everything in memory, and a bare page with the element at `/`.
"""

# ruff: noqa: ARG002 - the SDK says what its methods take.

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import uvicorn
from chatkit.errors import CustomStreamError
from chatkit.server import ChatKitServer, StreamingResult
from chatkit.store import NotFoundError, Store
from chatkit.types import (
    AssistantMessageContent,
    AssistantMessageContentPartTextDelta,
    AssistantMessageItem,
    Attachment,
    FeedbackKind,
    Page,
    ProgressUpdateEvent,
    ThreadItem,
    ThreadItemAddedEvent,
    ThreadItemDoneEvent,
    ThreadItemUpdatedEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    UserMessageTextContent,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dev.settings import ROOT

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A plain ChatKit server</title>
<link rel="icon" href="data:,">
<style>threadkeeper-chat { display: block; height: 340px }</style>
%s
<script type="module">
  import { define } from "/static/js/chat/element.js";
  define();
  const initialThread = new URLSearchParams(location.search).get("thread");
  for (const chat of document.querySelectorAll("threadkeeper-chat")) {
    const threadItemActions = { feedback: true, retry: true };
    chat.setOptions({ api: { url: "/chatkit" }, initialThread, threadItemActions });
  }
</script>
"""


class Memory(Store[None]):
    """Threads and items in dictionaries, each in the order in which it came."""

    def __init__(self) -> None:
        self.threads: dict[str, ThreadMetadata] = {}
        self.items: dict[str, dict[str, ThreadItem]] = {}

    async def load_thread(self, thread_id: str, context: None) -> ThreadMetadata:
        if thread_id not in self.threads:
            raise NotFoundError(f"Thread {thread_id} not found")
        return self.threads[thread_id].model_copy()

    async def save_thread(self, thread: ThreadMetadata, context: None) -> None:
        # It may come as the thread's answer to a browser, with a page of items in it.
        self.threads[thread.id] = ThreadMetadata.model_validate(thread.model_dump())

    async def load_threads(
        self, limit: int, after: str | None, order: str, context: None
    ) -> Page[ThreadMetadata]:
        return page_of(list(self.threads.values()), limit, after, order)

    async def delete_thread(self, thread_id: str, context: None) -> None:
        self.threads.pop(thread_id, None)
        self.items.pop(thread_id, None)

    async def load_thread_items(
        self, thread_id: str, after: str | None, limit: int, order: str, context: None
    ) -> Page[ThreadItem]:
        return page_of(list(self.items.get(thread_id, {}).values()), limit, after, order)

    async def add_thread_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        self.items.setdefault(thread_id, {})[item.id] = item

    async def save_item(self, thread_id: str, item: ThreadItem, context: None) -> None:
        await self.add_thread_item(thread_id, item, context)

    async def load_item(self, thread_id: str, item_id: str, context: None) -> ThreadItem:
        return self.items[thread_id][item_id]

    async def delete_thread_item(self, thread_id: str, item_id: str, context: None) -> None:
        self.items.get(thread_id, {}).pop(item_id, None)

    async def save_attachment(self, attachment: Attachment, context: None) -> None:
        raise NotImplementedError

    async def load_attachment(self, attachment_id: str, context: None) -> Attachment:
        raise NotImplementedError

    async def delete_attachment(self, attachment_id: str, context: None) -> None:
        raise NotImplementedError


def page_of(rows: list[Any], limit: int, after: str | None, order: str) -> Page[Any]:
    """Return the page behind the row of that id."""
    if order == "desc":
        rows.reverse()
    start = next((at + 1 for at, row in enumerate(rows) if row.id == after), 0)
    page = rows[start : start + limit]
    more = len(rows) > start + limit
    return Page(data=page, has_more=more, after=page[-1].id if more else None)


class Parrot(ChatKitServer[None]):
    """Says what it was told, word by word; some words make it do something else."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.feedback: list[tuple[list[str], FeedbackKind]] = []
        self.asked: list[str] = []
        super().__init__(self.memory)

    async def respond(
        self, thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: None
    ) -> AsyncIterator[ThreadStreamEvent]:
        text = await self._asked_in(thread, input_user_message)
        self.asked.append(text)
        if text == "fail":
            raise RuntimeError("as told")
        if text == "refuse":
            raise CustomStreamError("I would rather not.", allow_retry=False)
        yield ProgressUpdateEvent(text="Thinking it over")
        async for event in self._say(thread, f"You said: {text} ({len(self.asked)})"):
            yield event
            if text == "slowly":
                await asyncio.sleep(0.2)
        thread.title = text[:40]

    async def _asked_in(self, thread: ThreadMetadata, message: UserMessageItem | None) -> str:
        if message is None:
            items = self.memory.items[thread.id].values()
            message = [item for item in items if isinstance(item, UserMessageItem)][-1]
        parts = [part for part in message.content if isinstance(part, UserMessageTextContent)]
        return "".join(part.text for part in parts)

    async def _say(self, thread: ThreadMetadata, text: str) -> AsyncIterator[ThreadStreamEvent]:
        item = AssistantMessageItem(
            id=self.memory.generate_item_id("message", thread, None),
            thread_id=thread.id,
            created_at=datetime.now(),
            content=[AssistantMessageContent(text="")],
        )
        yield ThreadItemAddedEvent(item=item)
        for word in text.split(" "):
            delta = AssistantMessageContentPartTextDelta(content_index=0, delta=f"{word} ")
            yield ThreadItemUpdatedEvent(item_id=item.id, update=delta)
        done = item.model_copy(update={"content": [AssistantMessageContent(text=f"{text} ")]})
        yield ThreadItemDoneEvent(item=done)

    async def add_feedback(
        self, thread_id: str, item_ids: list[str], feedback: FeedbackKind, context: None
    ) -> None:
        self.feedback.append((item_ids, feedback))


class PlainServer:
    """The server, at `url`; what was asked of it that it does not have is in `missed`."""

    def __init__(self) -> None:
        self.parrot = Parrot()
        self.missed: list[str] = []
        self.down = False
        routes = [
            Route("/", self._page),
            Route("/chatkit", self._chatkit, methods=["POST"]),
            Mount("/static", StaticFiles(directory=ROOT / "static")),
            Route("/{path:path}", self._missing, methods=["GET", "POST"]),
        ]
        app = Starlette(routes=routes)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self) -> None:
        """End, and wait until that is so."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    async def _page(self, request: Request) -> Response:
        count = int(request.query_params.get("elements", 1))
        return HTMLResponse(PAGE % ("<threadkeeper-chat></threadkeeper-chat>\n" * count))

    async def _chatkit(self, request: Request) -> Response:
        if self.down:
            return Response("Bad gateway", status_code=502)
        try:
            result = await self.parrot.process(await request.body(), None)
        except NotFoundError:
            return Response("Not found", status_code=404)
        if isinstance(result, StreamingResult):
            return StreamingResponse(result, media_type="text/event-stream")
        return Response(result.json, media_type="application/json")

    async def _missing(self, request: Request) -> Response:
        self.missed.append(f"{request.method} {request.url.path}")
        return Response("Not found", status_code=404)
