"""Where answers come from: OpenAI, a compatible server, or nobody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from agents import (
    Model,
    ModelProvider,
    ModelResponse,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    set_tracing_disabled,
)
from agents.items import TResponseInputItem, TResponseStreamEvent
from agents.models import get_default_model_settings
from openai import AsyncOpenAI

from chat.config import DEFAULT_MODEL, Settings
from chat.model.offline import OfflineModel
from chat.model.wire import SILENCE_SECONDS, open_client
from chat.text import clean_json

Kind = Literal["openai", "compatible", "offline"]

OPENAI_URL: Final = "https://api.openai.com/v1"
# Servers on one's own machine want no key, and the client insists on one.
_NO_KEY: Final = "no-key"
_REASONING_NAME: Final = re.compile(r"(?:gpt-5|o\d)(?!.*-chat)")


class ModelSource(ModelProvider):
    """The one place that answers come from, and that people's words go to.

    Belongs to one event loop: the client is opened by the first call of `get_model` and closed by
    `aclose`, after which the next `get_model` opens another.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        api_key: str | None = None,
        base_url: str = OPENAI_URL,
        model: str = DEFAULT_MODEL,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        # Traces carry what people wrote, and the SDK sends them to OpenAI wherever the model is.
        set_tracing_disabled(True)
        self.kind: Final = kind
        self.model: Final = model
        self._api_key = api_key or _NO_KEY
        self._base_url = base_url
        self._silence_seconds = silence_seconds
        self._client: AsyncOpenAI | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> ModelSource:
        """Return the source that the settings name; no connection is made yet."""
        url, key = settings.openai_base_url, settings.openai_api_key
        if url is None and key is None:
            return cls("offline", model=settings.chat_model)
        kind: Kind = "openai" if key and (url is None or _is_openai(url)) else "compatible"
        return cls(kind, api_key=key, base_url=url or OPENAI_URL, model=settings.chat_model)

    def get_model(self, model_name: str | None) -> Model:
        """Return the model of that name, or the configured one; offline there is only one."""
        name = model_name or self.model
        if self.kind == "offline":
            return OfflineModel()
        if self._client is None:
            self._client = open_client(
                api_key=self._api_key,
                base_url=self._base_url,
                silence_seconds=self._silence_seconds,
            )
        if self.kind == "openai":
            return _Responses(name, self._client)
        return _ChatCompletions(name, self._client)

    def run_config(self) -> RunConfig:
        """Return how the Agents SDK has to run: with this source, and without a trace."""
        return RunConfig(
            model_provider=self,
            tracing_disabled=True,
            trace_include_sensitive_data=False,
            workflow_name="chat",
        )

    async def aclose(self) -> None:
        """Close the connections; safe to repeat, and while nothing was opened."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class _Responses(OpenAIResponsesModel):
    """OpenAI's own API, told in every call to store nothing."""

    def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        *rest: Any,
        **named: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        settings = _storing_nothing(model_settings, str(self.model))
        return super().stream_response(
            system_instructions, clean_json(input), settings, *rest, **named
        )

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        *rest: Any,
        **named: Any,
    ) -> ModelResponse:
        settings = _storing_nothing(model_settings, str(self.model))
        return await super().get_response(
            system_instructions, clean_json(input), settings, *rest, **named
        )


class _ChatCompletions(OpenAIChatCompletionsModel):
    """Any server that speaks Chat Completions, asked for nothing that is only OpenAI's."""

    def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        *rest: Any,
        **named: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        return super().stream_response(
            system_instructions, clean_json(input), _plain(model_settings), *rest, **named
        )

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],
        model_settings: ModelSettings,
        *rest: Any,
        **named: Any,
    ) -> ModelResponse:
        return await super().get_response(
            system_instructions, clean_json(input), _plain(model_settings), *rest, **named
        )


def _is_openai(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def _assumed(settings: ModelSettings) -> bool:
    """Whether reasoning and verbosity are the SDK's guess for its own default model."""
    guess = get_default_model_settings()
    return (settings.reasoning, settings.verbosity) == (guess.reasoning, guess.verbosity)


def _storing_nothing(settings: ModelSettings, name: str) -> ModelSettings:
    if _assumed(settings):
        own = get_default_model_settings(name)
        settings = replace(settings, reasoning=own.reasoning, verbosity=own.verbosity)
    include = list(settings.response_include or [])
    # What is not stored cannot be referred to: after a tool call the model's reasoning has to
    # travel with us, sealed, or the next step is refused with 404.
    if _REASONING_NAME.match(name) and "reasoning.encrypted_content" not in include:
        include.append("reasoning.encrypted_content")
    return replace(settings, store=False, response_include=include or None)


def _plain(settings: ModelSettings) -> ModelSettings:
    # Strict servers answer 400 to a parameter that they do not know.
    if _assumed(settings):
        settings = replace(settings, reasoning=None, verbosity=None)
    return replace(settings, store=False if settings.store else None)
