"""The HTTP client to the model's server: one per worker, with bounded waits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx2
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 60.0
"""How long a model may think before its first byte, and between two bytes."""

# Below the 5 s after which common servers close an idle connection: a request that is sent into
# that moment would fail for nothing.
_IDLE_SECONDS: Final = 4.0

# What a whole answer ends with: Chat Completions say the first two, Responses the last.
_END_MARK: Final = re.compile(
    rb'\[DONE\]|"finish_reason":\s*"|"response\.(?:completed|incomplete|failed)"|"error":\s*\{'
)
_LONGEST_MARK: Final = 64


def open_client(*, api_key: str, base_url: str, silence_seconds: float) -> AsyncOpenAI:
    """Return a client for the model's server; close it with `await client.close()`.

    It honours HTTP_PROXY and HTTPS_PROXY. It never sends a request twice: a retry after a time-out
    would double the longest wait, and the person has a retry of their own.
    """
    http = DefaultAsyncHttpx2Client(
        timeout=httpx2.Timeout(silence_seconds, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=20, keepalive_expiry=_IDLE_SECONDS
        ),
        # Only uncompressed streams can be watched for their end.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_expect_the_end]},
    )
    return AsyncOpenAI(api_key=api_key, base_url=base_url, http_client=http, max_retries=0)


async def _expect_the_end(response: httpx2.Response) -> None:
    """Make an event stream that just stops an error instead of a short answer."""
    streaming = response.headers.get("content-type", "").startswith("text/event-stream")
    plain = response.headers.get("content-encoding", "identity") == "identity"
    if response.is_success and streaming and plain:
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - narrows a type
        response.stream = _WholeStream(response.stream)


class _WholeStream(httpx2.AsyncByteStream):
    """Passes bytes on, and fails at the end if no mark of a whole answer came by.

    A proxy between us and the model closes its side properly when the model breaks off, and half
    an answer would be stored as a whole one.
    """

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tail, whole = b"", False
        async for chunk in self._inner:
            if not whole:
                seen = tail + chunk
                whole = _END_MARK.search(seen) is not None
                tail = seen[-_LONGEST_MARK:]
            yield chunk
        if not whole:
            raise httpx2.RemoteProtocolError("the stream stopped before the answer ended")

    async def aclose(self) -> None:
        await self._inner.aclose()
