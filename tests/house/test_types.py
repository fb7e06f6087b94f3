"""Our use of OpenAI's element, and the likeness of ours to it, against the types of its package."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from dev import node
from tests.house.source import ROOT

SENT = re.compile(r"""["'](chatkit\.[a-z.]+)["']""")
OPTIONS = ROOT / "static" / "js" / "widget" / "official-options.js"


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return node.ready_node(folder=node.FRONT_FOLDER)
    except node.NodeFailed as error:
        pytest.fail(f"the TypeScript compiler is not there; run: ./run bundle\n{error}")


def compile_types(program: Path, *more: Path) -> str:
    """Return what the compiler says about dev/front/tsconfig.json and these files."""
    compiler = node.FRONT_FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    config = node.FRONT_FOLDER / "tsconfig.json"
    if more:
        settings = json.loads(config.read_text())
        files = [str(node.FRONT_FOLDER / name) for name in settings["files"]]
        types = node.FRONT_FOLDER / "node_modules/@openai/chatkit/types/index.d.ts"
        settings["compilerOptions"]["paths"] = {"@openai/chatkit": [str(types)]}
        settings["files"] = [*files, *map(str, more)]
        config = more[0].with_name("tsconfig.json")
        config.write_text(json.dumps(settings))
    done = subprocess.run(
        [str(program), str(compiler), "--project", str(config), "--pretty", "false"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_what_we_ask_of_the_official_element_is_what_its_types_allow(program: Path) -> None:
    assert compile_types(program) == ""


def test_a_wrong_name_of_an_option_would_be_found(program: Path, tmp_path: Path) -> None:
    text = OPTIONS.read_text()
    assert "startScreen:" in text
    wrong = tmp_path / "options.js"
    wrong.write_text(text.replace("startScreen:", "startScreens:"))

    said = compile_types(program, wrong)

    assert "'startScreens' does not exist in type 'ChatKitOptions'" in said


def test_a_wrong_kind_of_value_would_be_found(program: Path, tmp_path: Path) -> None:
    text = OPTIONS.read_text()
    assert "showDelete: true" in text
    wrong = tmp_path / "options.js"
    wrong.write_text(text.replace("showDelete: true", 'showDelete: "yes"'))

    said = compile_types(program, wrong)

    assert "Type 'string' is not assignable to type 'boolean" in said


def test_a_missing_method_of_our_element_would_be_found(program: Path, tmp_path: Path) -> None:
    text = (node.FRONT_FOLDER / "surface.ts").read_text()
    here = "../../static/js/chat/element.js"
    assert here in text
    wrong = tmp_path / "surface.ts"
    smaller = 'Omit<ThreadkeeperChat, "fetchUpdates">'
    wrong.write_text(
        text.replace(here, str(ROOT / "static/js/chat/element.js")).replace(
            "as ThreadkeeperChat;", f"as {smaller};"
        )
    )

    said = compile_types(program, wrong)

    assert "Property 'fetchUpdates' is missing" in said


def test_our_events_have_the_names_of_theirs(program: Path, tmp_path: Path) -> None:
    sources = sorted((ROOT / "static" / "js").rglob("*.js"))
    names = sorted({name for path in sources for name in SENT.findall(path.read_text())})
    listed = tmp_path / "events.ts"
    listed.write_text(
        'import type { ChatKitEvents } from "@openai/chatkit";\n'
        f"export const names: (keyof ChatKitEvents)[] = {json.dumps(names)};\n"
    )

    assert "chatkit.thread.change" in names
    assert compile_types(program, listed) == ""
