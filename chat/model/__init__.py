"""What answers: OpenAI, a compatible server or nobody; what it is shown; what comes of it."""

from chat.model.answers import answer
from chat.model.convert import ItemConverter
from chat.model.history import newest_history
from chat.model.naming import better_title
from chat.model.plug_in import AssistantDefinition, AssistantFunction, TurnContext, load_assistant
from chat.model.provider import ModelSource
from chat.model.titles import clean_title, title_from_message

__all__ = [
    "AssistantDefinition",
    "AssistantFunction",
    "ItemConverter",
    "ModelSource",
    "TurnContext",
    "answer",
    "better_title",
    "clean_title",
    "load_assistant",
    "newest_history",
    "title_from_message",
]
