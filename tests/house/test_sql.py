"""All SQL is written down whole, has a name, and asks for its owner."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.house.source import Module, app_modules, number

SQL_PLACES = ("chat/tables/", "chat/migrate.py", "chat/owner_link.py", "chat/wall.py")
# These serve a worker or the whole database and not one person; nothing of what people said comes
# back from them.
FOR_EVERYBODY = {
    "chat.turn_logs.checkpoint": "one statement for all turns of a worker, each by its owner",
    "chat.turn_ends.expired": "looks for workers that died; returns ids only, settled by owner",
    "chat.turn_logs.forget": "deletes the logs of all turns that are old enough",
    "chat.turn_logs.forget_cursors": "deletes cursors that are old, also of people who are gone",
    "chat.deletions.purge": "deletes what its owners deleted, once it cannot be undone any more",
    "chat.deletions.next_due": "says when the next purge is due, and nothing else",
    "chat.limits.forget": "deletes counts of minutes that are over, also of people who are gone",
    "chat.search_words.owner": "an owner whose messages have no words yet; the rest asks for them",
}
# What may see a thread that was deleted and can still be brought back.
SEES_DELETED = {
    "chat.thread_pages.place": "the place of a cursor, which a deletion does not take away",
    "chat.thread_pages.hand_out": "cursors outlive their threads",
    "chat.turn_logs.forget_cursors": "cursors outlive their threads",
    "chat.turn_logs.forget": "forgets old turns, whatever became of their thread",
    "chat.deletions.restore_some": "brings back what was deleted",
    "chat.deletions.purge": "deletes it for good",
    "chat.deletions.next_due": "says when that is due",
    "chat.deletions.waiting": "counts what can be brought back",
    "chat.threads.start": "a new thread",
    "chat.imports.thread": "a new thread",
    "chat.imports.items": "after chat.imports.thread, in its transaction; so is the next one",
    "chat.imports.finish": "after chat.imports.thread",
    "chat.attachments.save": "no page shows attachments",
    "chat.turn_ends.answered": "asked by settle, which looks for the thread itself",
    "chat.turn_ends.end": "after lock_thread, in its transaction; so are the next five",
    "chat.turn_ends.settle": "after lock_thread",
    "chat.turn_ends.store_events": "after lock_thread",
    "chat.turn_ends.mark_last_written": "after lock_thread",
    "chat.turn_ends.mark_message": "after lock_thread",
    "chat.turn_ends.lock_expired": "after lock_thread",
    "chat.turn_ends.mark_unread": "after lock_thread",
    "chat.item_pages.place": "a position; the pages themselves ask",
    "chat.search_words.owner": "what is set aside gets words too, as it may be brought back",
    "chat.search_words.messages": "likewise",
    "chat.search_words.documents": "likewise",
    "chat.search_words.fill_messages": "likewise",
    "chat.search_words.titles": "likewise",
    "chat.search_words.fill_titles": "likewise",
}
FIRST_WORD = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|CREATE|ALTER|DROP"
    r"|TRUNCATE|MERGE|LOCK|SET)\s[^.]*"
)
LABEL = re.compile(r"\s*-- (chat\.([a-z_]+)\.[a-z_]+)\n")
LOWER_KEYWORD = re.compile(
    r"\b(?:add|all|alter|and|as|asc|by|cascade|case|check|conflict|constraint|create|default|delete"
    r"|desc|distinct|do|drop|else|end|except|exists|for|foreign|from|group|having|if|in|inner|insert"
    r"|into|is|join|left|limit|not|nothing|null|offset|on|or|order|outer|primary|references"
    r"|returning|select|skip|table|then|union|unique|update|using|values|when|where|with)\b"
)
TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+(chatkit_\w+)")
INSERT = re.compile(r"\bINSERT INTO (chatkit_\w+)(?:\s+AS\s+\w+)?\s*\(\s*(\w+)")
OWNED = re.compile(r"\b(?:\w+\.)?user_id\s*=\s*(?:%\(user_id\)s|\w+\.user_id)")


@dataclass(frozen=True)
class Statement:
    """One SQL text in the code, and the constant that holds it, if one does."""

    module: Module
    line: int
    constant: str | None
    sql: str

    @property
    def place(self) -> str:
        return f"{self.module.place}:{self.line}"

    @property
    def label(self) -> str:
        match = LABEL.match(self.sql)
        return match[1] if match else ""

    @property
    def bare(self) -> str:
        """The statement without comments, parameters, and what stands in quotes."""
        sql = re.sub(r"--[^\n]*", "", self.sql)
        return re.sub(r"'[^']*'|\"[^\"]*\"|%\(\w+\)s", "?", sql)


@cache
def statements() -> tuple[Statement, ...]:
    return tuple(found for module in app_modules() for found in _statements(module))


def _statements(module: Module) -> Iterator[Statement]:
    constants: dict[ast.AST, str] = {}
    for top in module.tree.body:
        if isinstance(top, ast.AnnAssign) and "Final" in ast.unparse(top.annotation):
            values = top.value.values if isinstance(top.value, ast.Dict) else [top.value]
            constants.update({value: ast.unparse(top.target) for value in values if value})
    docstrings = {
        node.body[0].value
        for node in module.walk()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in module.walk():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            labelled = LABEL.match(node.value)
            if node not in docstrings and (labelled or FIRST_WORD.match(node.value)):
                yield Statement(module, node.lineno, constants.get(node), node.value)


def test_there_is_sql_to_look_at() -> None:
    assert len(statements()) > 40


def test_sql_is_only_where_sql_belongs() -> None:
    wrong = [s.place for s in statements() if not s.module.place.startswith(SQL_PLACES)]

    assert not wrong, f"move these statements into chat/tables/:{number(wrong)}"


def test_every_statement_is_a_final_constant_with_its_name_in_the_first_line() -> None:
    wrong = []
    for s in statements():
        stem = s.module.name.rpartition(".")[2]
        match = LABEL.match(s.sql)
        if s.constant is None or not s.constant.isupper():
            wrong.append(f"{s.place}: make it an UPPER_CASE Final, whole and in one piece")
        if match is None or match[2] != stem:
            wrong.append(f"{s.place}: begin it with a line `-- chat.{stem}.<name>`")

    assert not wrong, number(wrong)


def test_the_name_of_a_statement_is_its_own() -> None:
    twice = [label for label, count in Counter(s.label for s in statements()).items() if count > 1]

    assert not twice, f"pg_stat_activity could not tell these apart: {twice}"


def test_keywords_are_upper_case() -> None:
    wrong = [
        f"{s.place}: {found[0]}" for s in statements() for found in LOWER_KEYWORD.finditer(s.bare)
    ]

    assert not wrong, f"write these words in capitals:{number(wrong)}"


def test_parameters_are_named() -> None:
    wrong = [s.place for s in statements() if "%" in s.bare]

    assert not wrong, f"use %(name)s parameters and nothing else with a percent sign:{wrong}"


def test_no_statement_is_built() -> None:
    wrong = []
    for module in app_modules():
        for node in module.walk():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"execute", "executemany", "copy"}
                and node.args
                and isinstance(node.args[0], ast.JoinedStr | ast.BinOp | ast.Call | ast.Constant)
            ):
                wrong.append(f"{module.place}:{node.lineno}")

    assert not wrong, f"two variants are two constants; values are parameters:{number(wrong)}"


def test_every_statement_about_people_asks_for_the_owner() -> None:
    wrong = []
    for s in statements():
        if not s.module.place.startswith("chat/tables/") or s.label in FOR_EVERYBODY:
            continue
        tables, owned = TABLE.findall(s.bare), OWNED.findall(s.sql)
        if "%(user_id)s" not in s.sql or len(owned) < len(tables):
            wrong.append(f"{s.place}: {s.label} reads {tables} with {len(owned)} owners")
        for table, column in INSERT.findall(s.sql):
            if column != "user_id":
                wrong.append(f"{s.place}: {s.label} inserts into {table} without its owner first")

    assert not wrong, f"add `user_id = %(user_id)s` for every table:{number(wrong)}"


def test_every_statement_leaves_deleted_threads_out() -> None:
    about = re.compile(r"\bchatkit_(?:thread|thread_item|turn|turn_event)\b")
    asks = re.compile(r"\bdeleted_at IS NULL\b|\bdeleted_at = coalesce")
    wrong = [
        f"{s.place}: {s.label}"
        for s in statements()
        if s.module.place.startswith("chat/tables/")
        and about.search(s.bare)
        and not asks.search(s.bare)
        and s.label not in SEES_DELETED
    ]

    assert not wrong, f"add `deleted_at IS NULL` of the thread:{number(wrong)}"


def test_those_that_serve_everybody_are_few_and_exist() -> None:
    labels = {s.label for s in statements()}

    assert FOR_EVERYBODY.keys() <= labels, "take what is gone out of FOR_EVERYBODY"
    assert len(FOR_EVERYBODY) <= 8, "each of these is a door without a lock: find another way"
