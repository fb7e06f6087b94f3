"""A model's server on a real socket: it speaks what OpenAI and compatible servers speak.

Unscripted, it answers `You said: <last message of the person>` in several pieces, so that any test
can check whole answers. `script` queues what the next requests get instead.
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests import model_speech as speech
from tests.model_speech import Reply

__all__ = ["ModelServer", "Reply", "last_message", "model_server", "pieces_of"]

NOTE = "(Note from the site"


class ModelServer:
    """Serves Chat Completions and Responses until `close`; safe to use from any thread."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        """The bodies of all requests, each with its `path` and `headers` (lower case)."""
        self.left_early = threading.Event()
        """Set when a client went away in the middle of an answer."""
        self._replies: deque[Reply] = deque()
        self._whole_replies: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL has to be."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def script(self, *replies: Reply | list[str] | str) -> None:
        """Queue what the next streaming requests get, one reply each; then the echo comes back."""
        with self._lock:
            self._replies.extend(_as_reply(reply) for reply in replies)

    def script_whole(self, *replies: Reply | str) -> None:
        """Queue what the next requests for a whole answer get: those that ask for a title."""
        with self._lock:
            self._whole_replies.extend(_as_reply(reply) for reply in replies)

    def forget(self) -> None:
        """Begin anew: no script, and nothing asked so far."""
        with self._lock:
            self._replies.clear()
            self._whole_replies.clear()
            self.requests.clear()
        self.left_early.clear()

    def next_reply(self, body: dict[str, Any]) -> Reply:
        with self._lock:
            self.requests.append(body)
            replies = self._replies if body.get("stream") else self._whole_replies
            if replies:
                return replies.popleft()
        return Reply(pieces=pieces_of(f"You said: {last_message(body)}"), pause=0.005)

    def wait(self, seconds: float) -> None:
        """Wait as a slow model does, but not for a server that is being closed."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """End all answers and stop listening."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.close()


def pieces_of(text: str) -> list[str]:
    """Cut a text as models do: a word with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def last_message(body: dict[str, Any]) -> str:
    """What the person said last, without the notes that come under their role."""
    said = [_text(part) for part in _messages(body) if part.get("role") == "user"]
    return next((text for text in reversed(said) if not text.startswith(NOTE)), "")


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages", body.get("input", []))
    return messages if isinstance(messages, list) else [{"role": "user", "content": messages}]


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(p.get("text", "") for p in content)


def _as_reply(reply: Reply | list[str] | str) -> Reply:
    if isinstance(reply, str):
        return Reply(pieces=pieces_of(reply))
    return Reply(pieces=reply) if isinstance(reply, list) else reply


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def __init__(self, model: ModelServer) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        model = self.server.model
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        body |= {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        try:
            self._reply(body, model.next_reply(body))
        except (BrokenPipeError, ConnectionResetError):
            model.left_early.set()
            self.close_connection = True

    def _reply(self, body: dict[str, Any], reply: Reply) -> None:
        responses = body["path"].endswith("/responses")
        if reply.status != 200:
            error = {"message": "no: " + last_message(body), "code": reply.error_code}
            self._whole(reply, {"error": error})
        elif reply.raw is not None:
            self._stream(reply, [reply.raw])
        elif not body.get("stream"):
            whole = speech.response if responses else speech.completion
            self._whole(reply, whole("".join(reply.pieces)))
        else:
            stream = speech.response_events if responses else speech.completion_chunks
            self._stream(reply, stream(reply))

    def _whole(self, reply: Reply, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.server.model.wait(reply.pause)
        self.send_response(reply.status)
        for name, value in {"content-type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: Reply, chunks: Iterable[bytes]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            if reply.pause:
                self.server.model.wait(reply.pause)
            self._chunk(chunk)
        self._end(reply)

    def _end(self, reply: Reply) -> None:
        if reply.then == "hang":
            # A comment now and then finds out that the client left, and is no news to it.
            for _ in range(1200):
                self.server.model.wait(0.05)
                self._chunk(b": still here\n\n")
        if reply.then == "silence":
            self.server.model.wait(60)
        if reply.then == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Say nothing on the terminal."""
