"""An HTTP proxy that writes down which hosts are asked, and lets nothing out of this machine."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest


class Recorder:
    """A proxy for HTTP_PROXY and HTTPS_PROXY.

    Plain requests, whatever host they are for, go to `port` on this machine; tunnels are refused.
    `hosts` has every host that somebody tried to reach.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.hosts: set[str] = set()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        """What HTTP_PROXY has to be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that send a program's requests here, those to this machine included."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        spelled = {spelling: self.url for n in names for spelling in (n, n.lower())}
        return {**spelled, "NO_PROXY": "", "no_proxy": ""}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def recorder(model_server: Any) -> Iterator[Recorder]:
    """A recorder in front of the model's server."""
    recorder = Recorder(model_server.port)
    yield recorder
    recorder.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_CONNECT(self) -> None:
        self.server.recorder.hosts.add(self.path.rpartition(":")[0])
        self.send_error(502)
        self.close_connection = True

    def do_POST(self) -> None:
        asked = urlsplit(self.path)
        self.server.recorder.hosts.add(asked.hostname or "")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        onward = http.client.HTTPConnection("127.0.0.1", self.server.recorder.port)
        with closing(onward):
            onward.request("POST", asked.path, body, dict(self.headers.items()))
            self._pass_on(onward.getresponse())

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("connection", "close")
        self.end_headers()
        with answer:
            while piece := answer.read1(65536):
                self.wfile.write(piece)
        self.close_connection = True

    do_GET = do_POST

    def log_message(self, *args: Any) -> None:
        """Say nothing on the terminal."""
