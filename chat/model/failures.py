"""What goes wrong while an answer is written, in our own words and without anybody's text."""

from __future__ import annotations

import traceback
from typing import Final

import httpx2
import openai
from agents import exceptions as sdk
from chatkit.errors import CustomStreamError, StreamError

from chat.errors import ChatError, ModelQuotaReached, ModelRefused, ModelUnavailable

# Servers that answer 200 and fail later name the reason only by one of these words.
_QUOTA_CODES: Final = ("rate_limit_exceeded", "rate_limit_error", "insufficient_quota")
_TRY_AGAIN_STATUSES: Final = frozenset({408, 409, 425})
_REFUSALS: Final = (
    sdk.ModelRefusalError,
    sdk.InputGuardrailTripwireTriggered,
    sdk.OutputGuardrailTripwireTriggered,
    sdk.ToolInputGuardrailTripwireTriggered,
    sdk.ToolOutputGuardrailTripwireTriggered,
)
_BREAKS: Final = (
    openai.APIError,
    httpx2.HTTPError,
    httpx2.StreamError,
    sdk.ModelBehaviorError,
    sdk.ModelTimeoutError,
)


def failure_from(exc: Exception) -> Exception:
    """Return the exception to raise for what the model, its server or an assistant's code raised.

    ChatError, CustomStreamError and StreamError are meant as they are and come back unchanged.
    The message of every other one holds its type and, where there is one, its status or place:
    the original's own message may quote people or show a part of the key, so raise this `from
    None`.
    """
    if isinstance(exc, ChatError | CustomStreamError | StreamError):
        return exc
    if isinstance(exc, openai.APIStatusError):
        return _from_status(exc)
    if isinstance(exc, _REFUSALS):
        return ModelRefused(f"the answer was refused: {type(exc).__name__}")
    if code := _quota_code(exc):
        return ModelQuotaReached(f"the model's stream ended with code {code}")
    if isinstance(exc, _BREAKS):
        return ModelUnavailable(f"no whole answer from the model: {_type_names(exc)}")
    return ModelUnavailable(f"the assistant failed: {type(exc).__name__} at {_place(exc)}")


def _from_status(exc: openai.APIStatusError) -> ChatError:
    status = exc.status_code
    message = f"the model's server answered {status}"
    if status == 429:
        return ModelQuotaReached(message)
    if 400 <= status < 500 and status not in _TRY_AGAIN_STATUSES:
        return ModelRefused(message)
    return ModelUnavailable(message)


def _quota_code(exc: Exception) -> str | None:
    """Return the word that says a stream ended because of a limit, or None."""
    if isinstance(exc, openai.APIError):
        return next((code for code in _QUOTA_CODES if code in {exc.code, exc.type}), None)
    if isinstance(exc, sdk.ModelBehaviorError):
        # The SDK puts the code of a failed Response into its message and nowhere else.
        return next((code for code in _QUOTA_CODES if code in exc.message), None)
    return None


def _type_names(exc: Exception) -> str:
    cause = exc.__cause__
    return type(exc).__name__ + (f" after {type(cause).__name__}" if cause else "")


def _place(exc: Exception) -> str:
    """Return the file and line that raised: what a developer needs, and no text of anybody."""
    frames = traceback.extract_tb(exc.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
