"""An assistant that repeats what it is told; slowly, without end, or not at all if asked to."""

import asyncio
from collections.abc import AsyncIterator

from chatkit.types import ThreadItem, ThreadMetadata, UserMessageItem

from chat.errors import ModelRefused
from chat.model import TurnContext

SLOW_SECONDS = 2.5


async def assistant(
    thread: ThreadMetadata, items: list[ThreadItem], context: TurnContext
) -> AsyncIterator[str]:
    """Yield what was said last."""
    said = [item for item in items if isinstance(item, UserMessageItem)]
    text = said[-1].content[0].text
    if text == "Fail":
        raise ModelRefused("asked to fail")
    yield "You said: "
    if text == "Slowly":
        await asyncio.sleep(SLOW_SECONDS)
    yield text
    if text == "Forever":
        await asyncio.sleep(3600)
