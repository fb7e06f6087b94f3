"""What was asked for cannot be done: the answer says why, and when it can be, if ever."""

from __future__ import annotations

import math

from chatkit.store import NotFoundError

from chat.errors.base import ChatError


class NotSignedIn(ChatError):
    """The request carries no session, or one that the auth server does not know."""

    status, code = 401, "not_signed_in"
    public = "Please sign in to continue."


class AccountGone(NotSignedIn):
    """The session's user no longer exists in the auth server's table."""

    code = "account_gone"
    public = "This account no longer exists. Please sign in with another one."


class SessionEnded(NotSignedIn):
    """The session of somebody who reads an answer ended; the turn goes on without a reader."""

    code = "session_ended"
    public = "You are signed out. The answer is still being written; sign in again to read it."


class AnotherPerson(ChatError):
    """The page shows one person's conversations, and by now somebody else is signed in."""

    status, code = 412, "another_person"
    public = "Somebody else is signed in here now. Please load the page again."


class CrossSiteRequest(ChatError):
    """Another site made the browser send this request."""

    status, code = 403, "cross_site_request"
    public = "This request came from another site, so it was refused."


class InvalidRequest(ChatError):
    """What was sent is not a request that we understand."""

    status, code = 400, "invalid_request"
    public = "That request could not be understood."


class UnsupportedRequest(InvalidRequest):
    """A ChatKit request type that this server does not offer."""

    code = "unsupported_request"
    public = "This assistant does not offer that."


class AttachmentsRefused(InvalidRequest):
    """Files are not accepted anywhere."""

    code = "attachments_not_supported"
    public = "Files can't be attached here. Please describe or paste the text instead."


class EmptyMessage(InvalidRequest):
    """A message has to say something."""

    code = "empty_message"
    public = "Please write a message first."


class QuoteTooLong(InvalidRequest):
    """A message that quotes more than it may."""

    code = "quote_too_long"
    public = "That quote is too long. Please quote at most 10,000 characters."


class InvalidPageContext(InvalidRequest):
    """What the page told about itself is not of the form that it has to have."""

    code = "invalid_page_context"
    public = (
        "What this page tells about itself can't be used: a web address of up to 2,000 characters,"
        " a title of one line and up to 300, and 8 KiB with all further data."
    )


class UnknownCursor(InvalidRequest, NotFoundError):
    """A page was asked for that starts after something that was never there."""

    code = "unknown_cursor"
    public = "That page of the list no longer exists. Please start from the top."

    def __init__(self, cursor: str) -> None:
        super().__init__(f"cursor {cursor[:64]!a} not found")


class EmptyTitle(InvalidRequest):
    """A name of which nothing can be seen."""

    code = "empty_title"
    public = "A name has to say something. Please type one."


class TitleTooLong(InvalidRequest):
    """A name over the limit."""

    code = "title_too_long"
    public = "That name is too long. Please choose one of at most 200 characters."


class TooManySelected(InvalidRequest):
    """More threads at once than one request may change."""

    code = "too_many_selected"
    public = "That is too many at once. Please select at most 1000 conversations."


class NothingSelected(InvalidRequest):
    """A form about selected threads that names none."""

    code = "nothing_selected"
    public = "Nothing is selected. Please tick one conversation at least."


class SearchTooLong(InvalidRequest):
    """More words or characters than one search takes."""

    code = "search_too_long"
    public = "That is a lot to look for at once. Please use at most 10 words and 200 characters."


class InvalidPeriod(InvalidRequest):
    """Days to search between that are no days, or of which the last comes first."""

    code = "invalid_period"
    public = "Those days can't be used. Please write them as 2026-03-01, the earlier one first."


class BodyTooLarge(ChatError):
    """The request's body is over the limit."""

    status, code = 413, "body_too_large"
    public = "That message is too long to send."


class NotJson(ChatError):
    """The endpoint takes plain JSON only."""

    status, code = 415, "unsupported_media_type"
    public = "Please send JSON."


class NotFound(ChatError, NotFoundError):
    """What was asked for does not exist, or belongs to somebody else: both read the same."""

    status, code = 404, "not_found"
    public = "We couldn't find that page."


class ThreadNotFound(NotFound):
    """The thread does not exist, or it belongs to somebody else: both read the same."""

    code = "thread_not_found"
    public = "We couldn't find that conversation."

    def __init__(self, thread_id: str) -> None:
        super().__init__(f"Thread {thread_id} not found")


class ItemNotFound(NotFound):
    """The item does not exist in that thread of this user."""

    code = "item_not_found"
    public = "We couldn't find that message."

    def __init__(self, item_id: str) -> None:
        super().__init__(f"Item {item_id} not found")


class AttachmentNotFound(NotFound):
    """The attachment does not exist, or it belongs to somebody else."""

    code = "attachment_not_found"
    public = "We couldn't find that file."

    def __init__(self, attachment_id: str) -> None:
        super().__init__(f"Attachment {attachment_id} not found")


class ThreadClosed(ChatError):
    """The thread is locked or closed and takes no more messages."""

    status, code = 409, "thread_closed"
    public = "This conversation takes no more messages. Please start a new one."


class TurnRunning(ChatError):
    """An answer is still being written in the thread; one at a time."""

    status, code = 409, "turn_running"
    public = "An answer is still being written here. Wait for it, or stop it first."
    allow_retry = True
    retry_after = 2

    def __init__(self, thread_id: str) -> None:
        self.thread_id = thread_id
        super().__init__(f"a turn runs in thread {thread_id}")


class TooManyTurns(ChatError):
    """The person has as many answers being written as one person may."""

    status, code = 429, "too_many_turns"
    public = "Too many answers are being written for you at once. Please wait for one to finish."
    allow_retry = True
    retry_after = 5


class RateLimited(ChatError):
    """The person did something more often than one person may, on all workers together.

    `seconds` is how long that lasts; Retry-After and `public` have it rounded up.
    """

    status, code = 429, "rate_limited"
    public = "That was a lot in a short time. You can go on in {wait}."
    allow_retry = True
    retry_after = 60

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.retry_after = max(1, math.ceil(seconds))
        self.public = self.public.format(wait=_wait(self.retry_after))
        super().__init__(f"no room for {self.retry_after} s")


class QuotaReached(RateLimited):
    """The person has sent as many messages as the site allows in a day."""

    code = "quota_reached"
    public = "You have sent as many messages as you can in a day. You can go on in {wait}."
    allow_retry = False
    retry_after = 86_400


class TooManyPinned(ChatError):
    """The person has pinned as many threads as may stand above the others."""

    status, code = 409, "too_many_pinned"
    public = "You have pinned as many conversations as there is room for. Please unpin one first."


class TooManyStreams(ChatError):
    """The person has as many streams open in this process as one person may."""

    status, code = 429, "too_many_streams"
    public = "Too much is open for you at once. Please close an answer or a download first."
    allow_retry = True
    retry_after = 5


class UndoTooLate(ChatError):
    """A deletion that cannot be undone any more, or that never was."""

    status, code = 410, "undo_too_late"
    public = "It is too late to bring that back."


class KeyReused(ChatError):
    """An idempotency key came again with another request than before."""

    status, code = 422, "idempotency_key_reused"
    public = "That request was sent before with something else in it."


def _wait(seconds: int) -> str:
    """Return so many seconds in words, never less than they are."""
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds > 2 * length:
            return f"{math.ceil(seconds / length)} {unit}"
    return "1 second" if seconds == 1 else f"{seconds} seconds"
