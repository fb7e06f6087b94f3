"""Who is asking: the one value that every read and write is limited by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A person as the auth server confirmed them; `id` is the owner of what they store."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What ChatKit passes to every store method and to the assistant.

    `user_id` comes from a confirmed session, never from the request's own words. `request_id` is
    what the logs and error answers of the same request carry.
    """

    user_id: str
    request_id: str = ""
