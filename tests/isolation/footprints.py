"""What is stored of each person, as one short word: it changes whenever any of their rows does."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg import sql

# Every table of ours with an owner is asked; a new one is found by itself.
TABLES = """
    SELECT table_name
      FROM information_schema.columns
     WHERE table_schema = 'public'
       AND table_name LIKE 'chatkit%'
       AND column_name = 'user_id'
  ORDER BY table_name
"""


class Footprints:
    """Hashes of all rows, by owner."""

    def __init__(self, dsn: str) -> None:
        self._conn = psycopg.connect(dsn, autocommit=True)
        self.tables = [row[0] for row in self._conn.execute(TABLES)]
        assert "chatkit_thread" in self.tables, self.tables

    def of(self, owners: Collection[str], without: Collection[str] = ()) -> dict[str, str]:
        """Return what each of these people has, in all tables but those named."""
        part = sql.SQL(
            "SELECT user_id, md5({name} || t::text) AS word FROM {table} AS t"
            " WHERE user_id = ANY(%(owners)s)"
        )
        parts = [
            part.format(name=sql.Literal(name), table=sql.Identifier(name))
            for name in self.tables
            if name not in without
        ]
        whole = sql.SQL(
            "SELECT user_id, md5(string_agg(word, '' ORDER BY word)) FROM ({}) AS rows"
            " GROUP BY user_id"
        ).format(sql.SQL(" UNION ALL ").join(parts))
        found: dict[str, str] = dict(self._conn.execute(whole, {"owners": list(owners)}).fetchall())
        return {owner: found.get(owner, "") for owner in owners}

    def owner_of(self, any_id: str) -> set[str]:
        """Return who has a thread, an item, an attachment or a turn of this id."""
        rows = self._conn.execute(
            "SELECT user_id FROM chatkit_thread WHERE id = %(id)s OR deletion_id = %(id)s"
            " UNION SELECT user_id FROM chatkit_thread_item WHERE id = %(id)s"
            " UNION SELECT user_id FROM chatkit_attachment WHERE id = %(id)s"
            " UNION SELECT user_id FROM chatkit_turn WHERE id = %(id)s",
            {"id": any_id},
        )
        return {row[0] for row in rows}

    def close(self) -> None:
        """Give the connection back."""
        self._conn.close()
