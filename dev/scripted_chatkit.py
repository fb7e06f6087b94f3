"""A ChatKit server that says what it is told to, byte for byte, and a bare page at it.

For what no real server can be brought to send: events that are cut anywhere, and more of them than
a browser can read.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from dev.settings import ROOT

THREAD: Final = {"id": "thr_1", "created_at": "2026-01-01T00:00:00Z", "status": {"type": "active"}}
ANSWER: Final = "msg_answer"
PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A bare page</title>
<link rel="icon" href="data:,">
<style>html, body, threadkeeper-chat { display: block; height: 100%; margin: 0 }</style>
<threadkeeper-chat></threadkeeper-chat>
<script type="module">
  import { define } from "/static/js/chat/element.js";
  define();
  document.querySelector("threadkeeper-chat").setOptions({ api: { url: "/chatkit" } });
</script>
"""

Script = Callable[[], Iterable[bytes]]


def event(data: dict[str, Any], *, end: str = "\n") -> bytes:
    """Return one server-sent event; `end` is what ends its lines."""
    return f"data: {json.dumps(data, ensure_ascii=False)}{end}{end}".encode()


def item(kind: str, id: str, **fields: Any) -> dict[str, Any]:
    """Return a thread item as the protocol sends it."""
    return {"type": kind, "id": id, "thread_id": THREAD["id"], **fields} | {
        "created_at": THREAD["created_at"]
    }


def question(text: str = "Go on") -> dict[str, Any]:
    """Return what a person said."""
    content = [{"type": "input_text", "text": text}]
    return item("user_message", "msg_question", content=content, attachments=[])


def answer(text: str) -> dict[str, Any]:
    """Return what the assistant says."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return item("assistant_message", ANSWER, content=content)


def added(item: dict[str, Any]) -> dict[str, Any]:
    """Return the event with which an item begins."""
    return {"type": "thread.item.added", "item": item}


def done(item: dict[str, Any]) -> dict[str, Any]:
    """Return the event with which an item is complete."""
    return {"type": "thread.item.done", "item": item}


def delta(text: str) -> dict[str, Any]:
    """Return the event that adds words to the answer."""
    update = {"type": "assistant_message.content_part.text_delta", "content_index": 0}
    return {"type": "thread.item.updated", "item_id": ANSWER, "update": {**update, "delta": text}}


def turn(pieces: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of a turn whose answer comes in these pieces."""
    said = []
    yield {"type": "thread.created", "thread": THREAD}
    yield done(question())
    yield added(answer(""))
    for piece in pieces:
        said.append(piece)
        yield delta(piece)
    yield done(answer("".join(said)))


class ScriptedChatKit:
    """Serves static/, the page at `/`, and at `/chatkit` what `script` yields, a write for each."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.script: Script = lambda: map(event, turn(["Hello"]))
        self.items: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer nothing any more."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, chatkit: ScriptedChatKit, *args: Any) -> None:
        self._chatkit = chatkit
        super().__init__(*args, directory=str(chatkit.root))

    def do_GET(self) -> None:
        if self.path.split("?")[0] == "/":
            self._answer("text/html", PAGE.encode())
        elif self.path.startswith("/static/"):
            super().do_GET()
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/chatkit":
            self.send_error(404)
        elif body["type"] == "threads.get_by_id":
            self._answer_json({**THREAD, "items": {"data": [], "has_more": False}})
        elif body["type"] == "items.list":
            self._answer_json({"data": self._chatkit.items[::-1], "has_more": False, "after": None})
        elif body["type"] in {"threads.create", "threads.add_user_message"}:
            self._stream()
        else:
            self.send_error(404)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with contextlib.suppress(OSError):
            for piece in self._chatkit.script():
                self.wfile.write(piece)

    def _answer_json(self, data: dict[str, Any]) -> None:
        self._answer("application/json", json.dumps(data).encode())

    def _answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
