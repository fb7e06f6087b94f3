"""What may go on in a thread that exists: the SDK accepts more, and breaks on some of it."""

from __future__ import annotations

from typing import TypeAlias

from chatkit.types import (
    ClientToolCallItem,
    StructuredInputItem,
    ThreadItem,
    ThreadMetadata,
    ThreadsAddClientToolOutputReq,
    ThreadsAddStructuredInputReq,
    ThreadsAddUserMessageReq,
    ThreadsCustomActionReq,
    ThreadsRetryAfterItemReq,
    UserMessageItem,
)

from chat.context import RequestContext
from chat.errors import InvalidRequest, ThreadClosed, UnsupportedRequest
from chat.neon_store import NeonStore

Continued: TypeAlias = (
    ThreadsAddUserMessageReq
    | ThreadsAddClientToolOutputReq
    | ThreadsAddStructuredInputReq
    | ThreadsRetryAfterItemReq
    | ThreadsCustomActionReq
)


async def admitted(store: NeonStore, request: Continued, context: RequestContext) -> ThreadMetadata:
    """Return the thread of a request that may go on in it.

    Raises ThreadNotFound, ThreadClosed, ItemNotFound, InvalidRequest and UnsupportedRequest.
    """
    thread = await store.load_thread(request.params.thread_id, context)
    if thread.status.type != "active":
        raise ThreadClosed(f"thread {thread.id} is {thread.status.type}")
    match request:
        case ThreadsAddClientToolOutputReq():
            page = await store.load_thread_items(thread.id, None, 1, "desc", context)
            _check_waiting(page.data[0] if page.data else None, ClientToolCallItem)
        case ThreadsAddStructuredInputReq():
            item = await store.load_item(thread.id, request.params.item_id, context)
            _check_waiting(item, StructuredInputItem)
        case ThreadsRetryAfterItemReq():
            item = await store.load_item(thread.id, request.params.item_id, context)
            if not isinstance(item, UserMessageItem):
                raise InvalidRequest(f"item {item.id} is no message of a person")
        case ThreadsCustomActionReq():
            raise UnsupportedRequest(request.type)
        case ThreadsAddUserMessageReq():
            pass
    return thread


def _check_waiting(
    item: ThreadItem | None, kind: type[ClientToolCallItem] | type[StructuredInputItem]
) -> None:
    if not isinstance(item, kind) or item.status != "pending":
        raise InvalidRequest(f"nothing of kind {kind.__name__} is waited for")
