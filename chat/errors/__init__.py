"""Everything that can go wrong, as one tree.

Each class carries what a caller is told (`status`, `code`, `public`); the exception's own message
is for the log and names ids, values and limits, never what a person wrote.

    ChatError
    ├── ConfigError              a setting is wrong; nothing starts
    ├── MigrationError           the database and the files in migrations/ do not fit
    ├── ImportRefused            a file that is no export of ours, or a broken one
    ├── NotSignedIn              no session
    │   ├── AccountGone          the session's user was deleted meanwhile
    │   └── SessionEnded         it ended while an answer was being read
    ├── AnotherPerson            the page shows somebody else's conversations
    ├── CrossSiteRequest         another site made the browser send this
    ├── InvalidRequest           what was asked for makes no sense
    │   ├── UnsupportedRequest   a request type that this server does not offer
    │   ├── AttachmentsRefused   files are not accepted
    │   ├── EmptyMessage         a message that says nothing
    │   ├── QuoteTooLong         a message that quotes too much
    │   ├── InvalidPageContext   what the page tells about itself has the wrong form
    │   ├── EmptyTitle  TitleTooLong
    │   ├── NothingSelected  TooManySelected
    │   ├── SearchTooLong  InvalidPeriod
    │   └── UnknownCursor        the page starts after something that never was there
    ├── BodyTooLarge  NotJson
    ├── NotFound
    │   └── ThreadNotFound  ItemNotFound  AttachmentNotFound
    ├── ThreadClosed             the thread takes no more messages
    ├── TurnRunning              an answer is still being written in the thread
    ├── TooManyTurns             the person has too many answers being written
    ├── RateLimited              the person was too quick, on all workers together
    │   └── QuotaReached         the person has used up the messages of a day
    ├── TooManyPinned            no room above the other threads
    ├── UndoTooLate              a deletion that cannot be taken back
    ├── TooManyStreams           the person reads too many answers at once
    ├── KeyReused                an idempotency key came again with another request
    └── Unavailable              something that we need does not answer; try again
        ├── DatabaseUnavailable
        │   └── DatabaseReadOnly it can be read, but takes nothing new
        ├── AuthUnavailable  DatabaseBusy  DatabaseOutdated  Overloaded
        ├── AnswerInterrupted
        └── ModelUnavailable  ModelRefused  ModelQuotaReached
"""

from __future__ import annotations

from chat.errors.base import ChatError, ConfigError, ImportRefused, MigrationError
from chat.errors.outages import (
    AnswerInterrupted,
    AuthUnavailable,
    DatabaseBusy,
    DatabaseOutdated,
    DatabaseReadOnly,
    DatabaseUnavailable,
    ModelQuotaReached,
    ModelRefused,
    ModelUnavailable,
    Overloaded,
    Unavailable,
)
from chat.errors.refused import (
    AccountGone,
    AnotherPerson,
    AttachmentNotFound,
    AttachmentsRefused,
    BodyTooLarge,
    CrossSiteRequest,
    EmptyMessage,
    EmptyTitle,
    InvalidPageContext,
    InvalidPeriod,
    InvalidRequest,
    ItemNotFound,
    KeyReused,
    NotFound,
    NothingSelected,
    NotJson,
    NotSignedIn,
    QuotaReached,
    QuoteTooLong,
    RateLimited,
    SearchTooLong,
    SessionEnded,
    ThreadClosed,
    ThreadNotFound,
    TitleTooLong,
    TooManyPinned,
    TooManySelected,
    TooManyStreams,
    TooManyTurns,
    TurnRunning,
    UndoTooLate,
    UnknownCursor,
    UnsupportedRequest,
)

__all__ = [
    "AccountGone",
    "AnotherPerson",
    "AnswerInterrupted",
    "AttachmentNotFound",
    "AttachmentsRefused",
    "AuthUnavailable",
    "BodyTooLarge",
    "ChatError",
    "ConfigError",
    "CrossSiteRequest",
    "DatabaseBusy",
    "DatabaseOutdated",
    "DatabaseReadOnly",
    "DatabaseUnavailable",
    "EmptyMessage",
    "EmptyTitle",
    "ImportRefused",
    "InvalidPageContext",
    "InvalidPeriod",
    "InvalidRequest",
    "ItemNotFound",
    "KeyReused",
    "MigrationError",
    "ModelQuotaReached",
    "ModelRefused",
    "ModelUnavailable",
    "NotFound",
    "NotJson",
    "NotSignedIn",
    "NothingSelected",
    "Overloaded",
    "QuotaReached",
    "QuoteTooLong",
    "RateLimited",
    "SearchTooLong",
    "SessionEnded",
    "ThreadClosed",
    "ThreadNotFound",
    "TitleTooLong",
    "TooManyPinned",
    "TooManySelected",
    "TooManyStreams",
    "TooManyTurns",
    "TurnRunning",
    "Unavailable",
    "UndoTooLate",
    "UnknownCursor",
    "UnsupportedRequest",
]
