"""Attachment metadata, as ChatKit's store contract asks for; the files are refused elsewhere."""

from __future__ import annotations

from typing import Final

from chatkit.types import Attachment
from pydantic import TypeAdapter

from chat.connection import Connection
from chat.errors import AttachmentNotFound
from chat.tables.documents import model_json

ATTACHMENT: Final[TypeAdapter[Attachment]] = TypeAdapter(Attachment)

LOAD: Final = """
    -- chat.attachments.load
    SELECT document::text
      FROM chatkit_attachment
     WHERE user_id = %(user_id)s
       AND id = %(attachment_id)s
"""

SAVE: Final = """
    -- chat.attachments.save
    INSERT INTO chatkit_attachment (user_id, id, thread_id, document)
    VALUES (%(user_id)s, %(attachment_id)s,
            (SELECT id
               FROM chatkit_thread
              WHERE user_id = %(user_id)s
                AND id = %(thread_id)s),
            %(document)s)
        ON CONFLICT (user_id, id) DO UPDATE
       SET thread_id = excluded.thread_id,
           document = excluded.document
"""

DELETE: Final = """
    -- chat.attachments.delete
    DELETE FROM chatkit_attachment
     WHERE user_id = %(user_id)s
       AND id = %(attachment_id)s
"""


def load(conn: Connection, *, user_id: str, attachment_id: str) -> Attachment:
    """Return the attachment; raise AttachmentNotFound if it is not the user's."""
    params = {"user_id": user_id, "attachment_id": attachment_id}
    row = conn.execute(LOAD, params).fetchone()
    if row is None:
        raise AttachmentNotFound(attachment_id)
    return ATTACHMENT.validate_json(row[0])


def save(conn: Connection, *, user_id: str, attachment: Attachment) -> None:
    """Insert the attachment, or replace the user's attachment of that id."""
    conn.execute(
        SAVE,
        {
            "user_id": user_id,
            "attachment_id": attachment.id,
            "thread_id": attachment.thread_id,
            "document": model_json(attachment),
        },
    )


def delete(conn: Connection, *, user_id: str, attachment_id: str) -> None:
    """Delete the attachment if it is there."""
    conn.execute(DELETE, {"user_id": user_id, "attachment_id": attachment_id})
