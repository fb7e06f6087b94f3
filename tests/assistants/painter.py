"""An assistant that asks the page to do something, and says what came of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from chatkit.types import (
    ClientEffectEvent,
    ClientToolCallItem,
    ThreadItem,
    ThreadItemDoneEvent,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
)

from chat.model import TurnContext


async def assistant(
    thread: ThreadMetadata, items: list[ThreadItem], context: TurnContext
) -> AsyncIterator[ThreadStreamEvent | str]:
    """Have the page painted in the colour that the person names, then say what the page said."""
    last = items[-1]
    if isinstance(last, ClientToolCallItem) and last.status == "completed":
        yield ClientEffectEvent(name="sparkle", data={"times": 3})
        yield f"The page says: {last.output}"
    elif isinstance(last, UserMessageItem):
        call = ClientToolCallItem(
            id=context.generate_id("tool_call"),
            thread_id=thread.id,
            created_at=datetime.now(),
            call_id="call_1",
            name="paint",
            arguments={"color": "".join(part.text for part in last.content)},
        )
        yield ThreadItemDoneEvent(item=call)
