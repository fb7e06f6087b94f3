"""Everything that can go wrong, as one tree.

Each class carries what a caller is told (`status`, `code`, `public`); the exception's own message
is for the log and names ids, values and limits, never what a person wrote.

    ChatError
    ├── ConfigError              a setting is wrong; nothing starts
    ├── MigrationError           the database and the files in migrations/ do not fit
    ├── NotSignedIn              no session
    │   └── AccountGone          the session's user was deleted meanwhile
    ├── CrossSiteRequest         another site made the browser send this
    ├── InvalidRequest           what was asked for makes no sense
    │   ├── UnsupportedRequest   a request type that this server does not offer
    │   ├── AttachmentsRefused   files are not accepted
    │   ├── EmptyMessage         a message that says nothing
    │   └── UnknownCursor        the page starts after something that never was there
    ├── BodyTooLarge  NotJson
    ├── NotFound
    │   └── ThreadNotFound  ItemNotFound  AttachmentNotFound
    ├── ThreadClosed             the thread takes no more messages
    ├── TurnRunning              an answer is still being written in the thread
    ├── TooManyTurns             the person has too many answers being written
    ├── TooManyStreams           the person reads too many answers at once
    ├── KeyReused                an idempotency key came again with another request
    └── Unavailable              something that we need does not answer; try again
        ├── AuthUnavailable  DatabaseUnavailable  DatabaseBusy  Overloaded
        ├── DatabaseOutdated
        ├── AnswerInterrupted
        └── ModelUnavailable  ModelRefused  ModelQuotaReached
"""

from __future__ import annotations

from typing import ClassVar

from chatkit.store import NotFoundError


class ChatError(Exception):
    """Something went wrong that a caller can be told about."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    public: ClassVar[str] = "Something went wrong on our side. Please try again."
    allow_retry: ClassVar[bool] = False
    retry_after: ClassVar[int | None] = None
    """Seconds for the Retry-After header, or None to send none."""


class ConfigError(ChatError):
    """One or more settings are wrong; the message names all of them, a line each."""

    code = "configuration"

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class MigrationError(ChatError):
    """The database does not fit the migration files; the message says what to do."""

    code = "migration"


class NotSignedIn(ChatError):
    """The request carries no session, or one that the auth server does not know."""

    status, code = 401, "not_signed_in"
    public = "Please sign in to continue."


class AccountGone(NotSignedIn):
    """The session's user no longer exists in the auth server's table."""

    code = "account_gone"
    public = "This account no longer exists. Please sign in with another one."


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


class UnknownCursor(InvalidRequest, NotFoundError):
    """A page was asked for that starts after something that was never there."""

    code = "unknown_cursor"
    public = "That page of the list no longer exists. Please start from the top."

    def __init__(self, cursor: str) -> None:
        super().__init__(f"cursor {cursor[:64]!a} not found")


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


class TooManyStreams(ChatError):
    """The person has as many streams open in this process as one person may."""

    status, code = 429, "too_many_streams"
    public = "Too many answers are open for you at once. Please close one of them first."
    allow_retry = True
    retry_after = 5


class KeyReused(ChatError):
    """An idempotency key came again with another request than before."""

    status, code = 422, "idempotency_key_reused"
    public = "That request was sent before with something else in it."


class Unavailable(ChatError):
    """Something that we depend on does not answer; the same request may work soon."""

    status, code = 503, "unavailable"
    public = "Something that we need is not answering. Please try again in a moment."
    allow_retry = True
    retry_after = 5


class AuthUnavailable(Unavailable):
    """The auth server gave no clear answer: nobody is let in, and nobody is signed out."""

    code = "auth_unavailable"
    public = "We can't check who you are right now. You are still signed in; please try again soon."


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or lost the connection."""

    code = "database_unavailable"
    public = (
        "Your conversations can't be reached right now. Nothing is lost; please try again soon."
    )


class DatabaseBusy(Unavailable):
    """The database answers too slowly, or all our connections to it are in use."""

    code = "database_busy"
    public = "We're very busy right now. Please try again in a moment."


class DatabaseOutdated(Unavailable):
    """The database lacks migrations that we have, so this process should get no traffic."""

    code = "database_outdated"
    public = "We're being updated right now. Please try again in a moment."


class Overloaded(Unavailable):
    """We take no more work at the moment."""

    code = "overloaded"
    public = "We're very busy right now. Please try again in a moment."


class AnswerInterrupted(Unavailable):
    """The worker that wrote an answer was stopped or died; what it had written is stored."""

    code = "answer_interrupted"
    public = "The answer was interrupted. What was written is kept; you can try again."


class ModelUnavailable(Unavailable):
    """The model cannot be reached, timed out, or broke off."""

    code = "model_unavailable"
    public = "The assistant isn't answering right now. Your message is saved; please try again."


class ModelRefused(Unavailable):
    """The model's server rejects our requests: a wrong key, model name or input."""

    code = "model_refused"
    public = "The assistant couldn't answer this. Your message is saved."
    allow_retry = False


class ModelQuotaReached(Unavailable):
    """The model's server says that our quota or rate limit is reached."""

    code = "model_quota_reached"
    public = "The assistant has reached its limit for now. Your message is saved; try again later."
