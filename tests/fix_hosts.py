"""Pages of other sites that embed the widget: their own origins, policies and style sheets.

Names that end in .test lead to this machine, in the browser of the tests only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

BUILT: Final = Path(__file__).parent.parent / "static" / "widget"
SOURCES: Final = BUILT.parent / "js" / "widget"
CHAT: Final = "chat.example.test"
SAME_SITE: Final = "www.example.test"
OTHER_SITE: Final = "shop.other.test"
ASSETS: Final = "/assets/1/widget"

PAGE: Final = """<!doctype html>
<html lang="en" {html}><head><meta charset="utf-8"><title>Knots</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}</head><body>{body}</body></html>"""
TEXT: Final = """<main><h1>Knots</h1><p id="text">The bowline makes a loop that does not slip.</p>
<p><label>Search <input id="field" value="words in a field"></label>
<button id="before">A button of the page</button></p></main>"""
# The interface that the launcher knows of a panel, which notes what it is told.
PANEL: Final = """import { holdWhenSmall } from "./small.js";
export async function mount(shell) {
  window.told = [["mount", shell.options()]];
  window.shell = shell;
  const field = document.createElement("textarea");
  field.setAttribute("aria-label", "Message");
  shell.body.append(field);
  holdWhenSmall(shell.root);
  const panel = { focus: () => field.focus() };
  for (const name of ["ask", "update", "opened", "closed", "refresh", "signedOut"]) {
    panel[name] = (...words) => void window.told.push([name, ...words]);
  }
  return panel;
}"""


@dataclass(frozen=True)
class Answer:
    """What an address is answered with."""

    body: bytes
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class HostSite:
    """Serves pages of any number of host names on one port, and the widget's files on one."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], Answer] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port: int = self._server.server_port
        self.seen: list[str] = []
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._serve_widget()

    @property
    def chat(self) -> str:
        """The origin of the chat."""
        return self.origin(CHAT)

    @property
    def script(self) -> str:
        """The tag that a site copies."""
        return self.tag()

    def origin(self, host: str) -> str:
        return f"http://{host}:{self.port}"

    def tag(self, attributes: str = "defer") -> str:
        """Return the script's tag with these attributes."""
        return f'<script src="{self.chat}/widget.js" {attributes}></script>'

    def page(
        self,
        path: str = "/",
        *,
        head: str | None = None,
        body: str = TEXT,
        csp: str | None = None,
        host: str = SAME_SITE,
        html: str = "",
    ) -> str:
        """Serve a page from now on, by default with the widget on it; return its address."""
        words = PAGE.format(head=self.script if head is None else head, body=body, html=html)
        policy = {} if csp is None else {"Content-Security-Policy": csp}
        self._answers[host, urlsplit(path).path] = Answer(words.encode(), headers=policy)
        return self.origin(host) + path

    def bundle(self, path: str, *, host: str = SAME_SITE) -> str:
        """Serve the launcher among a site's own scripts, as plugins do; return its address."""
        self._answers[host, path] = Answer(self._launcher, "text/javascript")
        return self.origin(host) + path

    def serve_panel(self, source: str = PANEL, name: str = "panel") -> None:
        """Serve this module as a panel from now on."""
        self._serve(f"{ASSETS}/{name}.js", source.encode())

    def lose_panel(self) -> None:
        """Have no panel from now on, like a server that does not know the page's origin."""
        self._answers.pop((CHAT, f"{ASSETS}/panel.js"), None)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve_widget(self) -> None:
        launcher = (BUILT / "launcher.js").read_bytes()
        assert launcher.count(b'"__PANEL__"') == 1
        self._launcher = launcher.replace(b'"__PANEL__"', f'"{ASSETS}"'.encode())
        self._serve("/widget.js", self._launcher)
        self.serve_panel()
        for name in ("small", "phone", "focus"):
            self.serve_panel((SOURCES / f"{name}.js").read_text(), name)

    def _serve(self, path: str, body: bytes) -> None:
        shared = {"Access-Control-Allow-Origin": "*"}
        self._answers[CHAT, path] = Answer(body, "text/javascript", shared)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host = self.headers["Host"].partition(":")[0]
                path = urlsplit(self.path).path
                site.seen.append(f"{host}{self.path}")
                found = site._answers.get((host, path))
                answer = found or Answer(b"nothing here", "text/plain")
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Cache-Control", "no-store")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_words: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def host_site() -> Iterator[HostSite]:
    """Return a site of host pages, and beside it the chat's, with a panel that takes notes."""
    site = HostSite()
    yield site
    site.close()
