"""Better Auth servers that are set up as other sites set theirs up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dev import node
from tests.fix_auth import AuthServer, Person, an_address
from tests.ports import kept_port

Variant = Callable[..., AuthServer]

SERVER = """
import http from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { bearer } from "better-auth/plugins";

const { AUTH_PORT, AUTH_BASE_URL, AUTH_SECRET, AUTH_OPTIONS, AUTH_TRUSTED_ORIGINS } = process.env;
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
const tables = { user: [], session: [], account: [], verification: [] };
const handle = toNodeHandler(betterAuth({
  baseURL: AUTH_BASE_URL,
  secret: AUTH_SECRET,
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  trustedOrigins: AUTH_TRUSTED_ORIGINS.split(",").filter(Boolean),
  telemetry: { enabled: false },
  plugins: [bearer()],
  ...JSON.parse(AUTH_OPTIONS),
}));
http.createServer((request, response) => {
  handle(request, response).catch(() => { response.statusCode = 500; response.end(); });
}).listen(Number(AUTH_PORT), "127.0.0.1");
"""


class VariantServer(AuthServer):
    """A real Better Auth that keeps its tables in memory and takes options as JSON."""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting."""
        program = node.ready_node(lambda _line: None)
        self.port = self.port or kept_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "server.mjs").write_text(SERVER)
        modules = self.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(node.AUTH_FOLDER / "node_modules")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), str(self.folder / "server.mjs")],
                env={**os.environ, **self._environment()},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    def sign_up(self, name: str, *, email: str = "") -> Person:
        """Make an account in earnest: there is no database that copies could be put into."""
        return self._really_sign_up(name, email or an_address(name))

    def answers(self) -> bool:
        """Return whether the server answers anything: its base path may be another."""
        try:
            return requests.get(self.url, timeout=2).status_code > 0
        except requests.RequestException:
            return False


@pytest.fixture
def variant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """Start an auth server with these Better Auth options, and for this test alone."""
    servers: list[AuthServer] = []

    def start(
        options: dict[str, Any],
        *,
        base_url: str | None = None,
        trusted_origins: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
    ) -> AuthServer:
        folder: Path = tmp_path_factory.mktemp("auth")
        server = VariantServer(
            folder,
            dsn="",
            base_url=base_url,
            trusted_origins=trusted_origins,
            env={"AUTH_OPTIONS": json.dumps(options), **(env or {})},
        )
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
