"""Why the auth server made no session, as a sentence for the person at the form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chat.better_auth import Answer
from chat.errors import AuthUnavailable

# The auth server looks closer; this is for the sentence.
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
LONGEST: Final = 320
"""Characters in a name or an email address."""
LONGEST_PASSWORD: Final = 4096
LONGEST_WAIT: Final = 3600


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the person reads, the status of the page, and after how many seconds to try again."""

    status: int
    sentence: str
    retry_after: int | None = None


UNAVAILABLE: Final = Refusal(
    503, "We can't sign anybody in right now. Please try again in a moment.", 5
)
MISSING: Final = Refusal(400, "Please fill in every field.")
BAD_NAME: Final = Refusal(400, "Please enter a name of one line that is not too long.")
BAD_EMAIL: Final = Refusal(400, "Please enter a valid email address.")
TOO_LONG: Final = Refusal(400, "That password is too long. Please choose a shorter one.")
TAKEN: Final = Refusal(422, "There is already an account with this email address. Sign in instead?")
NO_SESSION: Final = Refusal(
    403,
    "One more step is needed before you can sign in here. If we sent you an email, please follow "
    "the link in it first.",
)
UNCLEAR: Final = Refusal(400, "That didn't work. Please check what you entered and try again.")

BY_CODE: Final = {
    "INVALID_EMAIL_OR_PASSWORD": Refusal(
        401, "That email address and password don't belong together. Please try again."
    ),
    "USER_ALREADY_EXISTS": TAKEN,
    "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL": TAKEN,
    "PASSWORD_TOO_SHORT": Refusal(400, "That password is too short. Please choose a longer one."),
    "PASSWORD_TOO_LONG": TOO_LONG,
    "INVALID_EMAIL": BAD_EMAIL,
    "EMAIL_NOT_VERIFIED": Refusal(
        403, "Please confirm your email address first: follow the link in the email we sent you."
    ),
    "EMAIL_PASSWORD_DISABLED": Refusal(403, "Signing in with a password is turned off here."),
    "EMAIL_PASSWORD_SIGN_UP_DISABLED": Refusal(403, "New accounts can't be made here."),
}
# The operator's to put right: the person can do nothing about them.
ORIGIN_CODES: Final = frozenset({"INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN"})


def of_words(words: Mapping[str, str]) -> Refusal | None:
    """Return what is wrong with the fields before anybody is asked, or None."""
    if not all(words.values()):
        return MISSING
    if not _is_line(words.get("name", "")):
        return BAD_NAME
    if not _is_line(words["email"]) or not EMAIL.fullmatch(words["email"]):
        return BAD_EMAIL
    return TOO_LONG if len(words["password"]) > LONGEST_PASSWORD else None


def of_answer(answer: Answer) -> Refusal:
    """Return the sentence for an answer that brought no session."""
    if answer.status == 200:
        return NO_SESSION
    if answer.status == 429:
        return _too_many(answer)
    code = code_of(answer)
    if code in BY_CODE:
        return BY_CODE[code]
    if code in ORIGIN_CODES or answer.status not in {400, 401, 403, 422}:
        return UNAVAILABLE
    return UNCLEAR


def is_about_origin(answer: Answer) -> bool:
    """Return whether the auth server refused because it does not trust the sender's origin."""
    return answer.status == 403 and code_of(answer) in ORIGIN_CODES


def code_of(answer: Answer) -> str:
    """Return Better Auth's code of an error, a word that is safe to log, or nothing."""
    try:
        body = answer.json()
    except AuthUnavailable:
        return ""
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, str) and code.isidentifier() and len(code) < 80 else ""


def _too_many(answer: Answer) -> Refusal:
    said = answer.headers.get("X-Retry-After") or answer.headers.get("Retry-After") or ""
    known = said.isascii() and said.isdigit() and len(said) < 6
    seconds = min(max(int(said), 1), LONGEST_WAIT) if known else 10
    words = f"That was too often. Please wait {seconds} seconds and try again."
    return Refusal(429, words, seconds)


def _is_line(words: str) -> bool:
    return len(words) <= LONGEST and not any(c < " " or "\x7f" <= c <= "\x9f" for c in words)
