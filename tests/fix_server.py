"""The whole app under real gunicorn, on a real database and auth server, over real sockets."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fix_auth import AuthServer, Person
from tests.fix_model import ModelServer
from tests.fix_postgres import Databases
from tests.ports import kept_port
from tests.warm import Gunicorn, can_be_warm

ROOT = Path(__file__).parent.parent
START_SECONDS = 60


@dataclass
class Server:
    """One gunicorn; `environ` is what it was started with, beside PATH and HOME."""

    environ: Mapping[str, str]
    log: Path
    workers: int = 1
    port: int = 0
    process: subprocess.Popen[bytes] | Gunicorn | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def dsn(self) -> str:
        """How to reach the database that this server uses."""
        return self.environ["DATABASE_URL"]

    def start(self) -> None:
        """Start gunicorn, and wait until it answers."""
        self.port = self.port or kept_port()
        self.process = self._spawn()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"gunicorn did not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop gunicorn as a deploy does."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None

    def kill(self) -> None:
        """SIGKILL gunicorn and all its workers."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def records(self) -> list[dict[str, Any]]:
        """Return what was logged, the lines that are JSON."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def client(self, person: Person | None = None) -> Client:
        """Return somebody at this server, signed in as that person or not at all."""
        return Client(self.url, person.cookie if person else None)

    def _spawn(self) -> subprocess.Popen[bytes] | Gunicorn:
        keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environ = {**keep, **self.environ}
        words = ["--bind", f"127.0.0.1:{self.port}", "--workers", str(self.workers), "wsgi:app"]
        if can_be_warm(environ):
            return Gunicorn(words, environ, ROOT, self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *words],
                env=environ,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/livez", timeout=2).status_code == 200
        except requests.RequestException:
            return False


@dataclass(frozen=True)
class Client:
    """A browser as the endpoint sees it: a cookie and the page's own origin."""

    url: str
    cookie: str | None

    def headers(self, **more: str) -> dict[str, str]:
        own = {"Origin": self.url, **({"Cookie": self.cookie} if self.cookie else {})}
        return {**own, **{name.replace("_", "-"): value for name, value in more.items()}}

    def get(self, path: str, **named: Any) -> requests.Response:
        return requests.get(
            self.url + path, headers=self.headers(), timeout=30, allow_redirects=False, **named
        )

    def post(self, path: str, data: Mapping[str, str]) -> requests.Response:
        return requests.post(
            self.url + path, data=data, headers=self.headers(), timeout=30, allow_redirects=False
        )

    def ask(self, kind: str, /, **params: Any) -> requests.Response:
        """Send a ChatKit request and return the answer, whole."""
        body = json.dumps({"type": kind, "params": params}).encode()
        return self.send(body)

    def send(self, body: bytes, **headers: str) -> requests.Response:
        """Send any bytes to the endpoint."""
        words = self.headers(**{"Content_Type": "application/json", **headers})
        return requests.post(f"{self.url}/chatkit", data=body, headers=words, timeout=60)

    def stream(self, kind: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Send a ChatKit request and yield its events as they come."""
        body = json.dumps({"type": kind, "params": params}).encode()
        words = self.headers(Content_Type="application/json")
        with requests.post(
            f"{self.url}/chatkit", data=body, headers=words, stream=True, timeout=60
        ) as answer:
            assert answer.status_code == 200, answer.text
            for line in answer.iter_lines(chunk_size=1):
                if line:
                    yield json.loads(line.removeprefix(b"data: "))

    def say(self, text: str, thread_id: str | None = None) -> list[dict[str, Any]]:
        """Say something in a thread, or in a new one, and return all events of the answer."""
        if thread_id is None:
            return list(self.stream("threads.create", input=words(text)))
        return list(self.stream("threads.add_user_message", thread_id=thread_id, input=words(text)))


def words(text: str) -> dict[str, Any]:
    """Return what ChatKit calls a user message's input."""
    return {
        "content": [{"type": "input_text", "text": text}],
        "attachments": [],
        "inference_options": {},
    }


def thread_of(events: list[dict[str, Any]]) -> str:
    """Return the id of the thread that these events created."""
    assert events[0]["type"] == "thread.created", events[:1]
    thread_id: str = events[0]["thread"]["id"]
    return thread_id


def text_of(events: list[dict[str, Any]]) -> str:
    """Return the text of the assistant's finished messages."""
    done = [event["item"] for event in events if event["type"] == "thread.item.done"]
    answers = [item for item in done if item["type"] == "assistant_message"]
    return "".join(part["text"] for item in answers for part in item["content"])


StartServer = Callable[..., Server]


@pytest.fixture
def start_server(dsn: str, auth: AuthServer, tmp_path: Path) -> Iterator[StartServer]:
    """Start gunicorn on this test's own database, with further settings by name."""
    started: list[Server] = []

    def start(*, workers: int = 1, **environ: str) -> Server:
        settings = {"DATABASE_URL": dsn, "BETTER_AUTH_URL": auth.url, **environ}
        server = Server(settings, tmp_path / f"gunicorn-{len(started)}.log", workers)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def server(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The whole app without a model, one for all tests: they tell people apart, not servers.

    A test that stops, floods or configures a server starts its own with `start_server`.
    """
    settings = {
        "DATABASE_URL": databases.create("server", template=migrated),
        "BETTER_AUTH_URL": auth.url,
    }
    server = Server(settings, tmp_path_factory.mktemp("server") / "gunicorn.log")
    server.start()
    yield server
    server.kill()


@dataclass(frozen=True)
class Talking:
    """A server, and the model that it asks."""

    server: Server
    model: ModelServer


@pytest.fixture(scope="session")
def _talking(
    databases: Databases, migrated: str, auth: AuthServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talking]:
    model = ModelServer()
    settings = {
        "DATABASE_URL": databases.create("talking", template=migrated),
        "BETTER_AUTH_URL": auth.url,
        "OPENAI_BASE_URL": model.base_url,
        "CHAT_MODEL": "test-model",
    }
    server = Server(settings, tmp_path_factory.mktemp("talking") / "gunicorn.log", workers=2)
    server.start()
    yield Talking(server, model)
    server.kill()
    model.close()


@pytest.fixture
def talking(_talking: Talking) -> Talking:
    """The whole app in two workers with a local model server, one for all tests."""
    _talking.model.forget()
    return _talking
