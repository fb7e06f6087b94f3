"""Every route of the app, and how somebody knocks at it with ids that are not theirs.

A route without an id in it is played by a rule of the machine, named here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from chat.tables.thread_lists import Place
from chat.web.addresses import cursor_of, packed
from tests.isolation.http_people import message


@dataclass(frozen=True)
class Ids:
    """What a stranger has heard of, or made up: a thread, an item in it, a deletion."""

    thread: str
    item: str
    deletion: str


@dataclass(frozen=True)
class Knock:
    """One request with ids in it."""

    method: str
    path: str
    named: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path} {self.named}"


Builder = Callable[[Ids], Knock]
YES: Final = {"confirm": "yes"}
UNDO: Final = {"undo": "yes"}
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


def get(path: str) -> Builder:
    return lambda ids: Knock("GET", path.format(**vars(ids)))


def post(path: str, **form: str) -> Builder:
    def build(ids: Ids) -> Knock:
        filled = {name: value.format(**vars(ids)) for name, value in form.items()}
        return Knock("POST", path.format(**vars(ids)), {"data": filled})

    return build


def ask(request: str, /, **params: Any) -> Builder:
    def build(ids: Ids) -> Knock:
        filled = {name: _filled(value, ids) for name, value in params.items()}
        return Knock("POST", "/chatkit", {"json": {"type": request, "params": filled}})

    return build


def _filled(value: Any, ids: Ids) -> Any:
    if isinstance(value, str):
        return value.format(**vars(ids))
    return [_filled(each, ids) for each in value] if isinstance(value, list) else value


def list_after(path: str) -> Builder:
    return lambda ids: Knock("GET", f"{path}after={cursor_of(Place(NOON, ids.thread))}")


def search_after(path: str) -> Builder:
    return lambda ids: Knock(
        "GET", f"{path}?q=given&after={packed(f'{NOON.isoformat()} 1 {ids.thread}')}"
    )


WORDS: Final = message("hello")
KINDS: Final[dict[str, Builder | str]] = {
    "threads.create": "create",
    "threads.get_by_id": ask("threads.get_by_id", thread_id="{thread}"),
    "threads.list": ask("threads.list", after="{thread}"),
    "threads.add_user_message": ask("threads.add_user_message", thread_id="{thread}", input=WORDS),
    "threads.add_client_tool_output": ask(
        "threads.add_client_tool_output", thread_id="{thread}", result={"a": 1}
    ),
    "threads.add_structured_input": ask(
        "threads.add_structured_input",
        thread_id="{thread}",
        item_id="{item}",
        input={"status": "skipped", "answers": {}},
    ),
    "threads.retry_after_item": ask(
        "threads.retry_after_item", thread_id="{thread}", item_id="{item}"
    ),
    "threads.custom_action": ask(
        "threads.custom_action", thread_id="{thread}", item_id="{item}", action={"type": "x"}
    ),
    "threads.sync_custom_action": ask(
        "threads.sync_custom_action", thread_id="{thread}", action={"type": "x"}
    ),
    "threads.update": ask("threads.update", thread_id="{thread}", title="Mine now"),
    "threads.delete": ask("threads.delete", thread_id="{thread}"),
    "items.list": ask("items.list", thread_id="{thread}", after="{item}"),
    "items.feedback": ask(
        "items.feedback", thread_id="{thread}", item_ids=["{item}"], kind="positive"
    ),
    "attachments.create": ask("attachments.create", name="a", size=1, mime_type="a/b"),
    "attachments.delete": ask("attachments.delete", attachment_id="{item}"),
    "input.transcribe": ask("input.transcribe", audio_base64="", mime_type="audio/webm"),
}

THREAD: Final = "/history/{thread}"
ROUTES: Final[dict[tuple[str, str], list[Builder] | str]] = {
    ("/", "GET"): "look_around",
    ("/static/<path:filename>", "GET"): "look_around",
    ("/assets/<version>/<path:filename>", "GET"): "look_around",
    ("/widget.js", "GET"): "look_around",
    ("/demo", "GET"): "look_around",
    ("/livez", "GET"): "look_around",
    ("/readyz", "GET"): "look_around",
    ("/sign-in", "GET"): "look_around",
    ("/sign-up", "GET"): "look_around",
    ("/sign-out", "GET"): "look_around",
    ("/sign-in", "POST"): "sign_in_again",
    ("/sign-up", "POST"): "sign_in_again",
    ("/sign-out", "POST"): "sign_in_again",
    ("/chatkit/session", "GET"): "look_around",
    ("/history/new", "GET"): "look_around",
    ("/history/export.md", "GET"): "take_everything",
    ("/history/export.json", "GET"): "take_everything",
    ("/history/messages", "POST"): "create",
    ("/history/delete-all", "GET"): "look_around",
    ("/history/delete-all", "POST"): "delete_all",
    ("/chatkit", "POST"): [build for build in KINDS.values() if not isinstance(build, str)],
    ("/history", "GET"): [list_after("/history?")],
    ("/history/archived", "GET"): [list_after("/history/archived?")],
    ("/history/<thread_id>", "GET"): [
        get(THREAD),
        get(THREAD + "?at={item}"),
        get(THREAD + "?before={item}"),
        get(THREAD + "?after={item}"),
    ],
    ("/history/search", "GET"): [search_after("/history/search")],
    ("/chatkit/search", "GET"): [search_after("/chatkit/search")],
    ("/history/<thread_id>/rename", "GET"): [get(THREAD + "/rename")],
    ("/history/<thread_id>/rename", "POST"): [
        post(THREAD + "/rename", title="Mine now"),
        post(THREAD + "/rename", title=" "),
    ],
    ("/history/<thread_id>/pin", "POST"): [post(THREAD + "/pin")],
    ("/history/<thread_id>/unpin", "POST"): [post(THREAD + "/unpin")],
    ("/history/<thread_id>/archive", "POST"): [post(THREAD + "/archive")],
    ("/history/<thread_id>/unarchive", "POST"): [post(THREAD + "/unarchive")],
    ("/history/<thread_id>/delete", "POST"): [
        post(THREAD + "/delete"),
        post(THREAD + "/delete", confirm="yes"),
        post(THREAD + "/delete", undo="yes", deletion="{deletion}"),
    ],
    ("/history/deletions/<deletion_id>", "GET"): [get("/history/deletions/{deletion}")],
    ("/history/deletions/<deletion_id>/undo", "POST"): [post("/history/deletions/{deletion}/undo")],
    ("/history/select", "GET"): [
        list_after("/history/select?"),
        get("/history/select?id={thread}"),
    ],
    ("/history/select", "POST"): [post("/history/select", id="{thread}")],
    ("/history/selected", "POST"): [
        post("/history/selected", id="{thread}", action="delete"),
        post("/history/selected", id="{thread}", action="delete", **YES),
        post("/history/selected", id="{thread}", action="archive"),
        post("/history/selected", id="{thread}", action="unarchive"),
        post("/history/selected", id="{thread}", action="export.md"),
        post("/history/selected", id="{thread}", action="export.json"),
    ],
    ("/history/<thread_id>/messages", "POST"): [post(THREAD + "/messages", text="hello")],
    ("/history/<thread_id>/export.md", "GET"): [get(THREAD + "/export.md")],
    ("/history/<thread_id>/export.json", "GET"): [get(THREAD + "/export.json")],
    ("/chatkit/turns/<thread_id>", "GET"): [get("/chatkit/turns/{thread}")],
    ("/chatkit/turns/<thread_id>/stop", "POST"): [post("/chatkit/turns/{thread}/stop")],
}
KNOCKS: Final = [
    build for found in ROUTES.values() if not isinstance(found, str) for build in found
]
