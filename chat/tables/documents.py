"""ChatKit's models as the JSON text that a `document` column holds."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from chat.text import clean_json


def model_json(model: BaseModel, *, exclude: set[str] | None = None) -> str:
    """Return the model as JSON that PostgreSQL can store and that reads back as an equal model.

    A lone surrogate, which no UTF-8 text can hold, becomes U+FFFD.
    """
    try:
        return model.model_dump_json(exclude=exclude)
    except PydanticSerializationError:
        cleaned = clean_json(model.model_dump(exclude=exclude))
        return to_json(cleaned, inf_nan_mode="null").decode()
