"""Templates, scripts and styles need nothing that the Content-Security-Policy forbids."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.source import ROOT, number, place

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
STYLES = sorted((ROOT / "static" / "css").glob("*.css"))
UNSAFE = re.compile(
    r"\.(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function\("
)
OTHER_WINDOWS = re.compile(
    r"\b(?:window|self|parent|opener|top)\.(?:postMessage|addEventListener\(\"message\")|\bonmessage\b"
)
COLOUR = re.compile(r":[^;{]*?(#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\()", re.IGNORECASE)


def hits(paths: list[Path], pattern: str) -> list[str]:
    """Return where a pattern is found in these files, line by line."""
    return [
        f"{place(path)}:{number_}: {line.strip()[:100]}"
        for path in paths
        for number_, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]


def test_there_are_pages_to_look_at() -> None:
    assert TEMPLATES
    assert SCRIPTS
    assert STYLES


def test_no_template_has_inline_styles_or_handlers() -> None:
    wrong = hits(TEMPLATES, r"<style|\sstyle\s*=|<[^>{]*\son[a-z]+\s*=|javascript:")

    assert not wrong, f"the policy forbids these: use a class, or a module:{number(wrong)}"


def test_every_script_has_the_nonce() -> None:
    scripts = [
        f"{place(path)}: {tag}"
        for path in TEMPLATES
        for tag in re.findall(r"<script\b[^>]*>", path.read_text())
    ]
    wrong = [tag for tag in scripts if 'nonce="{{ csp_nonce() }}"' not in tag]

    assert scripts
    assert not wrong, f'add nonce="{{{{ csp_nonce() }}}}":{number(wrong)}'


def test_no_template_marks_text_as_safe() -> None:
    wrong = hits(TEMPLATES, r"\|\s*safe\b(?!_)|autoescape\s+false")

    assert not wrong, f"give the template Markup that was cleaned, or text:{number(wrong)}"


def test_no_script_writes_html() -> None:
    wrong = hits(SCRIPTS, UNSAFE.pattern)

    assert not wrong, f"build elements, and set textContent:{number(wrong)}"


def test_no_script_listens_to_other_windows() -> None:
    """Tabs talk over a BroadcastChannel, which other origins cannot reach."""
    wrong = hits(SCRIPTS, OTHER_WINDOWS.pattern)

    assert not wrong, f"use a BroadcastChannel, or check event.origin here:{number(wrong)}"


def test_colours_live_in_the_tokens() -> None:
    # The launcher has 5 kB for everything, and so the few colours that it needs.
    others = [path for path in STYLES if path.name not in {"tokens.css", "widget.css"}]
    wrong = hits(others, COLOUR.pattern)

    assert not wrong, f"name the colour in tokens.css, for light and dark:{number(wrong)}"
