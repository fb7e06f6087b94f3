"""A person's conversations with everything in them that an export has to carry."""

from __future__ import annotations

from typing import Any, Final

from chatkit.types import ClosedStatus, LockedStatus

from chat.connection import Connection
from chat.db import Database
from chat.export_format import written
from chat.tables import item_marks, items, thread_marks, threads
from chat.web.export_pages import Pages
from tests.fix_store import a_message, a_thread, an_answer
from tests.web.every_item import every_item

ODD: Final = (
    "Grüße, 你好, 👩‍👩‍👧, e\u0301 and é, \u202eturned\u202c, \u2028 a line \u2029 a paragraph, "
    '\\ " </script> ,"document": ]} \t end\n]}\n{"format":"threadkeeper"'
)
MARK: Final = """
    UPDATE chatkit_thread_item SET feedback = %s, outcome = %s WHERE user_id = %s AND id = %s
"""


def keep_history(conn: Connection, user_id: str) -> None:
    """Store threads of every kind for the user, one of them with every type of item."""
    keep(conn, user_id, "thr_all", "Every type", every_item("thr_all"), metadata={"a": [1, ODD]})
    mark(conn, user_id, "assistant_thr_all", "positive", "interrupted")
    mark(conn, user_id, "user_thr_all", None, "failed")
    keep(conn, user_id, "thr_bin", "Put away", [a_message("b1"), an_answer("b2")])
    mark(conn, user_id, "b2", "negative", "stopped")
    thread_marks.archive(conn, user_id=user_id, thread_ids=["thr_bin"])
    keep(conn, user_id, "thr_closed", None, [], status=ClosedStatus(reason="Done"))
    keep(conn, user_id, "thr_empty", None, [])
    keep(conn, user_id, "thr_locked", "Locked", [a_message("l1")], status=LockedStatus())
    odd = [a_message("o1", "nul \0 stays"), an_answer("o2", ODD), a_message("o3", "")]
    keep(conn, user_id, "thr_odd", ODD, odd)
    thread_marks.pin(conn, user_id=user_id, thread_id="thr_odd")
    first = a_message("s1", thread_id="thr_said")
    started = a_thread("thr_said", "From the message")
    threads.start(conn, user_id=user_id, thread=started, first_item=first)
    started = a_thread("thr_told", "From the message")
    threads.start(conn, user_id=user_id, thread=started, first_item=a_message("t1"))
    threads.improve_title(conn, user_id=user_id, thread_id="thr_told", title="By the model")
    keep(conn, user_id, "thr_worn", "Gaps", [a_message(f"w{n}") for n in range(6)])
    items.delete(conn, user_id=user_id, thread_id="thr_worn", item_ids=["w0", "w3"])


def keep(
    conn: Connection, user_id: str, thread_id: str, title: str | None, said: Any, **fields: Any
) -> None:
    """Store a thread with these items."""
    threads.save(conn, user_id=user_id, thread=a_thread(thread_id, title, **fields))
    for item in said:
        items.add(conn, user_id=user_id, thread_id=thread_id, item=item)


def mark(
    conn: Connection,
    user_id: str,
    item_id: str,
    feedback: item_marks.Feedback | None,
    outcome: item_marks.Outcome | None,
) -> None:
    """Note the thumbs and the end of an item."""
    conn.execute(MARK, [feedback, outcome, user_id, item_id])


def exported(database: Database, user_id: str, ids: list[str] | None = None) -> bytes:
    """Return the JSON export of the user's threads, whole."""
    found = Pages(database, user_id, ids).conversations()
    return "".join(written(found)).encode()
