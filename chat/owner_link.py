"""The link from conversations to Better Auth's users, where both are in the same database."""

from __future__ import annotations

import logging
from typing import Final

from psycopg import errors

from chat.config import LinkAuthUsers
from chat.connection import Connection

logger = logging.getLogger(__name__)

LINK_SECONDS: Final = 10.0
"""For each statement of the link; those that wait for a lock give up after 3 s."""

LIMIT_WAITING: Final = """
    -- chat.owner_link.limit_waiting
    SET LOCAL lock_timeout = '3s'
"""

AUTH_USER_ID_TYPE: Final = """
    -- chat.owner_link.auth_user_id_type
    SELECT format_type(atttypid, NULL)
      FROM pg_attribute
     WHERE attrelid = to_regclass('"user"')
       AND attname = 'id'
       AND NOT attisdropped
"""

LINKED_TABLES: Final = """
    -- chat.owner_link.linked_tables
    SELECT conrelid::regclass::text
      FROM pg_constraint
     WHERE conname IN ('chatkit_thread_owner', 'chatkit_attachment_owner')
       AND contype = 'f'
       AND connamespace = (SELECT relnamespace FROM pg_class
                            WHERE oid = to_regclass('chatkit_thread'))
"""

# A constraint cannot be a parameter, so each table has its own pair of statements. NOT VALID:
# rows whose owner is already gone must not keep the others from being linked.
LINK: Final = {
    "chatkit_thread": """
    -- chat.owner_link.link_threads
    ALTER TABLE chatkit_thread
      ADD CONSTRAINT chatkit_thread_owner
          FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE NOT VALID
""",
    "chatkit_attachment": """
    -- chat.owner_link.link_attachments
    ALTER TABLE chatkit_attachment
      ADD CONSTRAINT chatkit_attachment_owner
          FOREIGN KEY (user_id) REFERENCES "user" (id) ON DELETE CASCADE NOT VALID
""",
}
UNLINK: Final = {
    "chatkit_thread": """
    -- chat.owner_link.unlink_threads
    ALTER TABLE chatkit_thread DROP CONSTRAINT chatkit_thread_owner
""",
    "chatkit_attachment": """
    -- chat.owner_link.unlink_attachments
    ALTER TABLE chatkit_attachment DROP CONSTRAINT chatkit_attachment_owner
""",
}


def link_owners(conn: Connection, *, wanted: LinkAuthUsers) -> None:
    """Tie threads to Better Auth's "user" table, so that deleting a user deletes what they said.

    Done when that table is in this database and its id is text; undone when `wanted` is "off".
    Where it cannot be done, the log says why, and everything else goes on: a role that does not own
    the tables, a table that somebody keeps locked, an id that is not unique.
    """
    if wanted == "leave" or not _link_changes(conn, wanted):
        return
    try:
        with conn.transaction():
            # Whoever signs in waits behind us for that table, so we do not wait long ourselves.
            conn.execute(LIMIT_WAITING)
            for statement in _link_changes(conn, wanted):
                conn.execute(statement)
    except errors.InsufficientPrivilege:
        logger.warning("not linked: run python -m chat.migrate as the owner of the tables")
    except errors.LockNotAvailable:
        logger.warning("not linked: a table was locked for 3 s; tried again at the next start")
    except (errors.DuplicateObject, errors.UndefinedObject):
        logger.info("another worker was there first")
    except errors.InvalidForeignKey:
        logger.warning('not linked: the id of "user" is not unique, so that is not Better Auth\'s')
    else:
        logger.info('link to the auth server\'s "user" table: %s', wanted)


def _link_changes(conn: Connection, wanted: LinkAuthUsers) -> list[str]:
    """Return the statements that bring the link about, or end it; none if it is as wanted."""
    linked = {str(row[0]) for row in conn.execute(LINKED_TABLES)}
    if wanted == "off":
        return [UNLINK[table] for table in sorted(linked)]
    row = conn.execute(AUTH_USER_ID_TYPE).fetchone()
    if row is None or row[0] not in {"text", "character varying"}:
        found = "no such table here" if row is None else f"its id is {row[0]}, not text"
        logger.info('owners not linked to the auth server\'s "user" table: %s', found)
        return []
    return [LINK[table] for table in sorted(LINK.keys() - linked)]
