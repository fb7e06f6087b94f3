"""A room imports only rooms below it: docs/architecture.md draws the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from tests.house.source import ROOT, Module, all_modules, app_modules, number

ROOMS = (
    "wsgi",
    "app",
    "chat.web",
    "chat.admin",
    "chat.export_format",
    "chat.assistant",
    "chat.admission",
    "chat.answers",
    "chat.model",
    "chat.turn_readers",
    "chat.turns",
    "chat.turn_keeper",
    "chat.turn_store",
    "chat.running_turn",
    "chat.turn_log",
    "chat.upkeep",
    "chat.background",
    "chat.stream",
    "chat.neon_store",
    "chat.limits",
    "chat.sessions",
    "chat.better_auth",
    "chat.bounded_http",
    "chat.tables",
    "chat.databases",
    "chat.migrate",
    "chat.owner_link",
    "chat.wall",
    "chat.db",
    "chat.connection",
    "chat.config",
    "chat.context",
    "chat.page_context",
    "chat.errors",
    # Leaves: anybody may use them, and they use nothing of ours.
    "chat.search_text",
    "chat.text",
    "chat.logs",
)
STARTS_PROGRAMS = frozenset(
    {"subprocess", "pty", "os.system", "os.popen", "os.execv", "os.fork", "eval", "exec"}
    | {"render_template_string", "flask.render_template_string"}
)
LEAVES = (
    "chat.turn_log",
    "chat.errors",
    "chat.context",
    "chat.search_text",
    "chat.text",
    "chat.logs",
)


def room_of(name: str) -> str | None:
    """Return the room that a module is in; None for the house itself and for strangers."""
    return next((room for room in ROOMS if name == room or name.startswith(f"{room}.")), None)


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of everything of ours that a module imports."""
    for node in module.walk():
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module.place}: import chat.… by its full name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] in {"chat", "app", "wsgi", "dev", "tests"}:
                yield node.lineno, name


def test_every_module_is_in_a_room() -> None:
    lost = [module.place for module in app_modules() if module.name != "chat"]
    lost = [place for place in lost if room_of(_name(place)) is None]

    assert not lost, f"give these modules a place in ROOMS and in docs/architecture.md: {lost}"


def test_a_room_imports_only_rooms_below_it() -> None:
    wrong = []
    for module in app_modules():
        here = room_of(module.name)
        for line, name in imports(module):
            there = room_of(name)
            if here and there and ROOMS.index(there) < ROOMS.index(here):
                wrong.append(f"{module.place}:{line} imports {name}, which is above {here}")

    assert not wrong, f"move what is shared further down, or pass it in:{number(wrong)}"


def test_leaves_import_nothing_of_ours() -> None:
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in app_modules()
        if room_of(module.name) in LEAVES
        for line, name in imports(module)
        if room_of(name) != room_of(module.name)
    ]

    assert not wrong, f"a leaf has nothing below it:{number(wrong)}"


def test_within_a_room_nobody_imports_in_a_circle() -> None:
    modules = {module.name for module in app_modules()}
    graph: dict[str, set[str]] = {}
    for module in app_modules():
        names = {name for _, name in imports(module)}
        targets = {name if name in modules else name.rpartition(".")[0] for name in names}
        # Importing a part of a package is no import of the package's face.
        graph[module.name] = {target for target in targets if target in modules}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        raise AssertionError(f"break this circle: {' > '.join(exc.args[1])}") from exc


def test_what_production_runs_needs_neither_dev_nor_tests() -> None:
    wrong = [
        f"{module.place}:{line} imports {name}"
        for module in all_modules()
        for line, name in imports(module)
        if name.startswith("tests") or (name.startswith("dev") and module.name[:4] != "dev.")
    ]

    assert not wrong, f"production has no such folder:{number(wrong)}"


def test_the_document_draws_the_same_house() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text()
    missing = [room for room in ROOMS if f"`{room}`" not in drawn]

    assert not missing, f"name these rooms in docs/architecture.md: {missing}"


def test_the_app_starts_no_program() -> None:
    wrong = [
        f"{module.place}: {name}"
        for module in app_modules()
        for node in module.walk()
        for name in _called(node)
        if name in STARTS_PROGRAMS
    ]

    assert not wrong, f"neither start programs nor run text as code:{number(wrong)}"


def _called(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module=name):
            return [name or ""]
        case ast.Call(func=function):
            return [ast.unparse(function)]
    return []


def _name(place: str) -> str:
    return place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
