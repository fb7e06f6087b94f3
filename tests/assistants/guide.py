"""An assistant that knows on which page the person is."""

from collections.abc import AsyncIterator

from chatkit.types import ThreadItem, ThreadMetadata

from chat import page_context
from chat.model import TurnContext


async def assistant(
    thread: ThreadMetadata, items: list[ThreadItem], context: TurnContext
) -> AsyncIterator[str]:
    """Say what the page is called, if the site told it."""
    page = page_context.newest(items) or {}
    yield f"You are reading “{page.get('title', 'a page without a name')}”."
