"""Something that we depend on does not answer: the same request may work soon."""

from __future__ import annotations

from chat.errors.base import ChatError


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


class DatabaseReadOnly(DatabaseUnavailable):
    """The database can be read, and takes nothing new: it is a standby, or its disk is full."""

    code = "database_read_only"
    public = (
        "Nothing new can be saved right now. What you have is safe, and you can read it; "
        "please try again soon."
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
