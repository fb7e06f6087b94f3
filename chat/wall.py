"""Row level security: a second wall behind the owner in every statement.

`raise_wall` puts it up, as the owner of the tables. `check_wall` keeps a worker from starting that
believes in a wall which its role walks through, or that stands behind one without knowing. A
`WalledConnection` names the owner in each message. See docs/decisions/0040.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg import ClientCursor, errors

from chat.connection import CONNECT_TIMEOUT, Connection
from chat.errors import ConfigError

logger = logging.getLogger(__name__)

# Local to the transaction, which is the message: nothing stays on a connection that others share.
# Both each time, because within a longer transaction the last ones would still hold.
ACT_FOR: Final = """
    -- chat.wall.act_for
    SELECT set_config('threadkeeper.user_id', %(user_id)s, true),
           set_config('threadkeeper.everybody', %(everybody)s, true);
"""

STANDING: Final = """
    -- chat.wall.standing
    SELECT count(*) FILTER (WHERE relation.relrowsecurity), count(*)
      FROM pg_policy AS policy
      JOIN pg_class AS relation ON relation.oid = policy.polrelid
     WHERE policy.polname = 'chatkit_owner'
       AND relation.relnamespace = (SELECT relnamespace FROM pg_class
                                     WHERE oid = to_regclass('chatkit_thread'))
"""

LIMIT_WAITING: Final = """
    -- chat.wall.limit_waiting
    SET LOCAL lock_timeout = '3s'
"""

# A table cannot be a parameter, and one that a later version adds is not to be forgotten.
ENABLE: Final = """
    -- chat.wall.enable
    DO $$
    DECLARE
        target regclass;
    BEGIN
        FOR target IN
            SELECT relation.oid
              FROM pg_policy AS policy
              JOIN pg_class AS relation ON relation.oid = policy.polrelid
             WHERE policy.polname = 'chatkit_owner'
               AND relation.relnamespace = (SELECT relnamespace FROM pg_class
                                             WHERE oid = to_regclass('chatkit_thread'))
               AND NOT relation.relrowsecurity
          ORDER BY relation.relname
        LOOP
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        END LOOP;
    END
    $$
"""

ROLE: Final = """
    -- chat.wall.role
    SELECT rolname, rolsuper, rolbypassrls, current_setting('row_security') = 'on'
      FROM pg_roles
     WHERE rolname = current_user
"""

# A stranger is a policy that lets somebody in besides ours, or ours with other words in it.
TABLES: Final = """
    -- chat.wall.tables
      SELECT relation.relname,
             relation.relrowsecurity,
             row_security_active(relation.oid),
             pg_has_role(relation.relowner, 'USAGE'),
             has_table_privilege(relation.oid, 'SELECT')
             AND has_table_privilege(relation.oid, 'INSERT')
             AND has_table_privilege(relation.oid, 'UPDATE')
             AND has_table_privilege(relation.oid, 'DELETE'),
             (SELECT count(*) = 1
                FROM pg_policy AS policy
               WHERE policy.polrelid = relation.oid
                 AND policy.polname = 'chatkit_owner'
                 AND policy.polcmd = '*'
                 AND policy.polwithcheck IS NULL
                 AND pg_get_expr(policy.polqual, relation.oid)
                     = '(user_id = current_setting(''threadkeeper.user_id''::text, true))'),
             (SELECT string_agg(policy.polname, ', ' ORDER BY policy.polname)
                FROM pg_policy AS policy
               WHERE policy.polrelid = relation.oid
                 AND policy.polpermissive
                 AND policy.polname <> 'chatkit_owner'
                 AND (policy.polname NOT LIKE 'chatkit\\_everybody\\_%'
                      OR EXISTS (
                         SELECT FROM (VALUES (policy.polqual), (policy.polwithcheck)) AS part (word)
                          WHERE pg_get_expr(word, relation.oid) NOT IN (
                                'false',
                                '(current_setting(''threadkeeper.everybody''::text, true)'
                                || ' <> ''''::text)'))))
        FROM pg_class AS relation
       WHERE relation.relnamespace = (SELECT relnamespace FROM pg_class
                                       WHERE oid = to_regclass('chatkit_thread'))
         AND relation.relkind IN ('r', 'p')
         AND relation.relname LIKE 'chatkit\\_%'
         AND EXISTS (SELECT FROM pg_attribute
                      WHERE attrelid = relation.oid
                        AND attname = 'user_id'
                        AND NOT attisdropped)
    ORDER BY relation.relname
"""

ANOTHER_ROLE: Final = (
    "use another one, made with CREATE ROLE threadkeeper_app LOGIN PASSWORD '…' NOSUPERUSER "
    "NOBYPASSRLS, and grant it our tables as docs/operations.md#row-level-security says"
)


class WalledConnection(Connection):
    """Names the owner of each statement in the same message, and so in the same round trip.

    The owner is the parameter `user_id`; a statement without one acts for nobody and sees nothing.
    """

    walled = True

    def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,  # noqa: ARG002 - as psycopg has it; a pooler wants none.
        binary: bool = False,  # noqa: ARG002 - what is told to several statements comes as text.
    ) -> psycopg.Cursor[Any]:
        """Run the statement for the owner that its parameters name."""
        owner = params.get("user_id", "") if isinstance(params, Mapping) else ""
        return self._act_for({"user_id": owner, "everybody": ""}, query, params)

    def execute_for_everybody(self, query: str, params: Any = None) -> psycopg.Cursor[Any]:
        """Run one of the statements that serve a worker and not a person."""
        return self._act_for({"user_id": "", "everybody": "on"}, query, params)

    def _act_for(self, whom: dict[str, str], query: Any, params: Any) -> psycopg.Cursor[Any]:
        # A message with several statements takes no parameters, so they are written into it.
        writer = ClientCursor(self)
        message = writer.mogrify(ACT_FOR, whom) + writer.mogrify(query, params)
        cursor = super().execute(message)
        cursor.nextset()
        return cursor


def raise_wall(conn: Connection, *, wanted: bool) -> None:
    """Have row level security enabled on all tables, when it is wanted or was begun.

    It is never taken down here: workers that rely on it may be running. A role that does not own
    the tables cannot do it, which the log says.
    """
    row = conn.execute(STANDING).fetchone()
    up, tables = row if row is not None else (0, 0)
    if up == tables or not (wanted or up):
        return
    try:
        with conn.transaction():
            conn.execute(LIMIT_WAITING)
            conn.execute(ENABLE)
    except errors.InsufficientPrivilege:
        logger.warning(
            "row level security not enabled: run python -m chat.migrate as the owner of the tables"
        )
    except errors.LockNotAvailable:
        logger.warning(
            "row level security not enabled: a table was locked for 3 s; run python -m chat.migrate"
        )
    else:
        logger.info("row level security is enabled on %d tables", tables)


def check_wall(dsn: str, *, wanted: bool) -> None:
    """Raise ConfigError, with the remedies, unless the wall is for this role what is wanted.

    That is: in force on every table that has an owner, or in force on none.
    """
    with Connection.connect(dsn, autocommit=True, connect_timeout=CONNECT_TIMEOUT) as conn:
        role = conn.execute(ROLE).fetchone()
        tables = conn.execute(TABLES).fetchall()
    if role is None:
        raise ConfigError(["DATABASE_URL: its role has no row in pg_roles"])
    problems = _missing(role, tables) if wanted else _in_the_way(role, tables)
    if problems:
        raise ConfigError(problems)


def _in_the_way(role: tuple[Any, ...], tables: list[tuple[Any, ...]]) -> list[str]:
    if not any(active for _, _, active, *_ in tables):
        return []
    return [
        f"ROW_LEVEL_SECURITY is off, but the role {role[0]} stands behind row level security and "
        "would see nothing: set it to on, or use the role that owns the tables"
    ]


def _missing(role: tuple[Any, ...], tables: list[tuple[Any, ...]]) -> list[str]:
    """Return what keeps the wall from holding this role, a sentence with its remedy each."""
    name, is_superuser, bypasses, obeys = role
    begin = "ROW_LEVEL_SECURITY is on, but"
    # None of the rest would be true of the role that is to take its place.
    if is_superuser or bypasses:
        what = "is a superuser" if is_superuser else "has BYPASSRLS"
        return [f"{begin} the role {name} {what} and is not held by it: {ANOTHER_ROLE}"]
    if any(owns for _, _, _, owns, *_ in tables):
        return [f"{begin} the role {name} owns the tables and is not held by it: {ANOTHER_ROLE}"]
    problems = []
    if not tables:
        problems.append(f"{begin} the role {name} finds no tables: GRANT USAGE on their schema")
    if not obeys:
        problems.append(f"{begin} row_security is off: ALTER ROLE {name} RESET row_security")
    for table, *found in tables:
        problems += [f"{begin} {table} {what}" for what in _wrong_with(name, table, *found)]
    return problems


def _wrong_with(
    role: str,
    table: str,
    enabled: bool,
    active: bool,
    _owns: bool,
    granted: bool,
    policy: bool,
    strangers: str | None,
) -> list[str]:
    wrong = []
    if not enabled or not active:
        wrong.append(
            "is not behind it: run ROW_LEVEL_SECURITY=on python -m chat.migrate as the owner of "
            "the tables"
        )
    if not policy:
        wrong.append("lacks its policy chatkit_owner, or has another one of that name: restore it")
    if strangers:
        wrong.append(f"has policies that are not ours: DROP POLICY {strangers} ON {table}")
    if not granted:
        wrong.append(f"is closed: GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")
    return wrong
