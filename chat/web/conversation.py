"""One page of a thread's messages, as its page and its fragment show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chatkit.types import ThreadItem

from chat.context import User
from chat.errors import UnknownCursor
from chat.tables import item_pages, items, threads
from chat.web.addresses import check_id, is_plain
from chat.web.services import services

PAGE_SIZE: Final = 20
UNTITLED: Final = "New conversation"
HIDDEN: Final = frozenset({"hidden_context_item", "sdk_hidden_context", "end_of_turn"})


@dataclass(frozen=True, slots=True)
class Conversation:
    """One page of a thread, oldest first; `earlier` is the item before which the next one ends.

    `outcomes` says of items by id how they ended when they did not end well.
    """

    id: str
    title: str
    status: str
    items: list[ThreadItem]
    outcomes: dict[str, str]
    writing: bool
    earlier: str | None
    newest: bool


def conversation_page(user: User, thread_id: str, before: str | None) -> Conversation:
    """Return the newest messages of a thread, or those before an item; marks the thread as read.

    Raises ThreadNotFound and UnknownCursor.
    """
    check_id(thread_id)
    if before is not None and not is_plain(before):
        raise UnknownCursor(before)
    run = services().database.run
    found = run(threads.find, user_id=user.id, thread_id=thread_id)
    page = run(
        item_pages.page_desc, user_id=user.id, thread_id=thread_id, limit=PAGE_SIZE, after=before
    )
    shown = [item for item in reversed(page.data) if item.type not in HIDDEN]
    if found.unread and before is None:
        run(threads.mark_read, user_id=user.id, thread_id=thread_id)
    return Conversation(
        id=found.id,
        title=found.title or UNTITLED,
        status=found.status,
        items=shown,
        outcomes=_outcomes(user, thread_id, shown),
        writing=found.writing,
        earlier=page.after if page.has_more else None,
        newest=before is None,
    )


def _outcomes(user: User, thread_id: str, shown: list[ThreadItem]) -> dict[str, str]:
    ids = [item.id for item in shown]
    run = services().database.run
    return run(items.outcomes, user_id=user.id, thread_id=thread_id, item_ids=ids)
