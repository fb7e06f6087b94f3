"""HTTP for thousands of connections at once: each request has one of its own, on one event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

LIMIT = 1 << 20


class BrokenOff(Exception):
    """The answer ended before it said that it was whole."""


@dataclass
class Answer:
    """A status and headers that have arrived, and the body that may still be coming."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes; raise BrokenOff if its end does not come."""
        try:
            if self.headers.get("transfer-encoding") != "chunked":
                yield await self.reader.readexactly(int(self.headers.get("content-length", "0")))
                return
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                yield (await self.reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as exc:
            raise BrokenOff(type(exc).__name__) from exc

    async def body(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def events(self) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events of a stream as they come."""
        waiting = b""
        async for chunk in self.chunks():
            *lines, waiting = (waiting + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


@asynccontextmanager
async def request(
    port: int,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> AsyncGenerator[Answer, None]:
    """Send a request to a server on this machine, and give its answer once the head is there."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LIMIT)
    try:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        try:
            status, found = await read_head(reader)
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise BrokenOff(f"no answer: {type(exc).__name__}") from exc
        yield Answer(int(status.split()[1]), found, reader)
    finally:
        writer.close()


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Return the first line of a request or an answer, and its headers by small names."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    pairs = [line.partition(":") for line in lines]
    return first, {name.lower(): value.strip() for name, _, value in pairs}
