"""An assistant without a model: a function that counts."""

from collections.abc import AsyncIterator

from chatkit.types import ThreadItem, ThreadMetadata, UserMessageItem

from chat.model import TurnContext


async def assistant(
    thread: ThreadMetadata, items: list[ThreadItem], context: TurnContext
) -> AsyncIterator[str]:
    """Say how many messages the person wrote in this thread."""
    count = sum(isinstance(item, UserMessageItem) for item in items)
    yield f"You wrote **{count}** "
    yield "message." if count == 1 else "messages."
