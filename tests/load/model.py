"""A model for thousands at once, in a process of its own: `python -m tests.load.model 0.5`.

It streams the one right answer to each question, with so many seconds between two deltas. In the
middle of each it waits until `POST /go` tells that everybody is there: from then on all of them
stream at once, however long it took until the last one had come.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from typing import Any, Final

from chat.stream import allow_descriptors
from tests.fix_model import last_message
from tests.load.speech import FIRST_PIECES, marks_in, pieces_for
from tests.load.wire import LIMIT, read_head
from tests.model_speech import Reply, completion, completion_chunks

STILL_THERE: Final = 10.0
"""While a stream waits for the others it says so, as real servers do, with a comment."""
DESCRIPTORS: Final = 8192


class CrowdModel:
    """Serves until its standard input is closed."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.everybody = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, headers = await read_head(reader)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._answer(first.split()[1], json.loads(body or b"{}"), writer)
        writer.close()

    async def _answer(self, path: str, body: dict[str, Any], out: asyncio.StreamWriter) -> None:
        if path == "/go":
            self.everybody.set()
            _whole(out, {})
        elif body.get("stream"):
            await self._stream(last_message(body), out)
        else:
            mark = "".join(marks_in(json.dumps(body)))
            _whole(out, completion(f"Notes of {mark}"))
        await out.drain()

    async def _stream(self, asked: str, out: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
        out.write(f"{head}\r\n\r\n".encode())
        chunks = completion_chunks(Reply(pieces=pieces_for(asked)))
        for number, chunk in enumerate(chunks):
            if number == FIRST_PIECES:
                await self._wait_for_everybody(out)
            _chunk(out, chunk)
            await out.drain()
            await asyncio.sleep(self.pause)
        out.write(b"0\r\n\r\n")

    async def _wait_for_everybody(self, out: asyncio.StreamWriter) -> None:
        while not self.everybody.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.everybody.wait(), STILL_THERE)
            _chunk(out, b": still here\n\n")
        # Not all in the same moment.
        await asyncio.sleep(random.uniform(0, self.pause))  # noqa: S311 - nothing secret.


def _whole(out: asyncio.StreamWriter, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    out.write(f"{head}\r\n\r\n".encode() + body)


def _chunk(out: asyncio.StreamWriter, data: bytes) -> None:
    out.write(b"%x\r\n%s\r\n" % (len(data), data))


async def main() -> None:
    """Tell the port, and serve until nobody holds our standard input any more."""
    allow_descriptors(DESCRIPTORS)
    model = CrowdModel(float(sys.argv[1]))
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0, backlog=2048, limit=LIMIT)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
