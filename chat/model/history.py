"""How much of a thread the model is shown: the newest items that fit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from chatkit.types import (
    AssistantMessageItem,
    ClientToolCallItem,
    EndOfTurnItem,
    GeneratedImageItem,
    HiddenContextItem,
    Page,
    ThreadItem,
    UserMessageItem,
    UserMessageTextContent,
)

from chat import page_context

BYTES_PER_TOKEN: Final = 3
"""English has about four bytes of UTF-8 to a token, Chinese and Japanese three or a little less.

An estimate on the safe side for most text, at no cost: the exact tokenizers differ by model and
would have to be downloaded.
"""
TOKENS_PER_ITEM: Final = 8
"""Role and separators; it also bounds how many items without any text are looked at."""

MOST_SKIPPED: Final = 100
"""Items without room that are passed over on the way back to the question."""

LoadPage = Callable[[str | None], Awaitable[Page[ThreadItem]]]

_NOT_CONTENT: Final = {"id", "thread_id", "created_at", "type", "inference_options"}


def tokens_in(item: ThreadItem) -> int:
    """Return about how many tokens the item costs the model."""
    if isinstance(item, EndOfTurnItem | GeneratedImageItem):
        return TOKENS_PER_ITEM
    if (told := page_context.of(item)) is not None:
        # Escaped it may be six times as long as it is stored.
        return TOKENS_PER_ITEM + len(page_context.as_text(told).encode()) // BYTES_PER_TOKEN
    size = len(item.model_dump_json(exclude=_NOT_CONTENT, exclude_none=True).encode())
    return TOKENS_PER_ITEM + size // BYTES_PER_TOKEN


async def newest_history(load_page: LoadPage, *, budget_tokens: int) -> list[ThreadItem]:
    """Return the newest items of a thread that fit into the budget, oldest first.

    `load_page(after)` returns the page of older items behind that cursor, newest first, or the
    newest page for None; no page is loaded once the budget is full. The newest message of the
    person is always there: if it alone is over the budget, its middle is cut out, with a mark. A
    history that was cut does not begin with an answer or a tool's output whose question is gone.
    The newest page context is there too if it is on the first page, without its data if need be; if
    it is older than all else that fits, it comes first.
    """
    room = _Room(budget_tokens)
    after: str | None = None
    while True:
        page = await load_page(after)
        if after is None:
            room.keep_page_context(page.data)
        for item in page.data:
            if not room.take(item):
                return room.oldest_first(cut=True)
        if not page.has_more or page.after is None:
            return room.oldest_first(cut=False)
        after = page.after


class _Room:
    """What is left of the budget, and what was put in so far, newest first."""

    def __init__(self, tokens: int) -> None:
        self._left = tokens
        self._for_the_question = tokens // 4
        self._items: list[ThreadItem] = []
        self._skipped = 0
        self._page: ThreadItem | None = None

    def keep_page_context(self, newest_first: list[ThreadItem]) -> None:
        """Set room aside for the newest page context among these items, a quarter at most."""
        newest = (item for item in newest_first if page_context.of(item) is not None)
        self._page = next(newest, None)
        if self._page is not None:
            most = self._left // 4
            if tokens_in(self._page) > most:
                self._page = shortened(self._page, tokens=most)
            self._left -= min(tokens_in(self._page), most)

    def take(self, item: ThreadItem) -> bool:
        """Put the item in; return False when the history is full."""
        if self._page is not None and item.id == self._page.id:
            self._items.append(self._page)
            self._page = None
            return True
        cost, room = tokens_in(item), self._left
        if not isinstance(item, UserMessageItem):
            # What came after the question, say a tool's huge output, must not push it out.
            room -= self._for_the_question
        if cost > room:
            if not self._for_the_question:
                return False
            if room < TOKENS_PER_ITEM:
                self._skipped += 1
                return self._skipped < MOST_SKIPPED
            keep = room if isinstance(item, UserMessageItem) else room // 2
            item, cost = shortened(item, tokens=keep), min(cost, keep)
        self._left -= cost
        self._items.append(item)
        if isinstance(item, UserMessageItem):
            self._for_the_question = 0
        return True

    def oldest_first(self, *, cut: bool) -> list[ThreadItem]:
        """Return the items; of a cut history, without answers to what is not in it.

        The page context that has no place among them comes first.
        """
        items = self._items[::-1]
        if not cut:
            return items
        answers = (AssistantMessageItem, ClientToolCallItem, EndOfTurnItem)
        first = next((n for n, item in enumerate(items) if not isinstance(item, answers)), 0)
        told = [] if self._page is None else [self._page]
        return told + items[first:]


def shortened(item: ThreadItem, *, tokens: int) -> ThreadItem:
    """Return the item with the middle of its long texts cut out, so that it costs about `tokens`.

    Kinds of items that hold no free text come back as they are; the converter bounds those.
    """
    size = max(tokens, TOKENS_PER_ITEM) * BYTES_PER_TOKEN
    match item:
        case UserMessageItem():
            return _shortened_message(item, size)
        case AssistantMessageItem():
            parts = [part.model_copy(update={"text": ""}) for part in item.content[:1]]
            text = without_middle("\n\n".join(part.text for part in item.content), size)
            return item.model_copy(
                update={"content": [part.model_copy(update={"text": text}) for part in parts]}
            )
        case ClientToolCallItem():
            return item.model_copy(update={"output": _shortened_data(item.output, size)})
        case HiddenContextItem() if (told := page_context.of(item)) is not None:
            told = page_context.shortened(told, size)
            return item.model_copy(update={"content": {page_context.KEY: told}})
        case HiddenContextItem():
            return item.model_copy(update={"content": _shortened_data(item.content, size)})
        case _:
            return item


def without_middle(text: str, size: int) -> str:
    """Return the text in at most about `size` bytes: its beginning, a mark, and its end.

    People put their question before or behind what they paste, so both ends stay.
    """
    encoded = text.encode(errors="replace")
    if len(encoded) <= size:
        return text
    head, tail = encoded[: size // 2], encoded[len(encoded) - size // 2 :]
    left_out = len(encoded) - len(head) - len(tail)
    mark = f"\n[… about {left_out} characters left out here …]\n"
    return head.decode(errors="ignore") + mark + tail.decode(errors="ignore")


def _shortened_message(item: UserMessageItem, size: int) -> UserMessageItem:
    texts = [part.text for part in item.content if isinstance(part, UserMessageTextContent)]
    others = [part for part in item.content if not isinstance(part, UserMessageTextContent)]
    # Tags and quotes are extras; when the message itself has no room they go first.
    room = size // 2 if item.quoted_text else size
    whole = UserMessageTextContent(text=without_middle("".join(texts), room))
    quoted = item.quoted_text and without_middle(item.quoted_text, size // 2)
    small = [tag for tag in others if len(tag.model_dump_json()) * 4 < size]
    return item.model_copy(update={"content": [whole, *small], "quoted_text": quoted})


def _shortened_data(value: Any, size: int) -> str:
    return without_middle(value if isinstance(value, str) else str(value), size)
