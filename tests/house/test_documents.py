"""Documents lead where they say, and tell nothing about anybody's machine."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.source import ROOT, documents, number, place, text_files

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MACHINE = re.compile(r"(?<![\w.)}~-])/(?:work(?![\w-])|root/|home/[a-z])")
TEMPORARY = re.compile(r"(?<![\w.])/tmp\b")
PRIVATE_HOST = re.compile(
    r"https?://[^/\s\"']*(?:registry|artifact|nexus|mirror|pypi|npm|proxy)[^/\s\"']*", re.IGNORECASE
)
PUBLIC_HOSTS = {"https://registry.npmjs.org"}
DECISION = re.compile(r"(\d{4})-[a-z0-9-]+\.md")


def anchors(path: Path) -> set[str]:
    """Return the names under which a page's headings can be reached."""
    bare = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(_text(path))]
    return {heading.strip().replace(" ", "-") for heading in bare}


def test_every_link_inside_the_project_leads_somewhere() -> None:
    wrong = []
    for path in documents():
        for target in LINK.findall(CODE.sub("", path.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            if not there.exists() or (anchor and anchor not in anchors(there)):
                wrong.append(f"{place(path)}: {target}")

    assert not wrong, f"these links lead nowhere:{number(wrong)}"


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    wrong = [f"{place(path)}: {hit[0]}" for path in text_files() for hit in _hits(path, MACHINE)]
    wrong += [f"{place(path)}: {hit[0]}" for path in documents() for hit in _hits(path, TEMPORARY)]

    assert not wrong, f"say it relative to the project:{number(wrong)}"


def test_no_file_names_where_packages_were_fetched() -> None:
    wrong = [
        f"{place(path)}: {hit[0]}"
        for path in text_files()
        for hit in _hits(path, PRIVATE_HOST)
        if hit[0] not in PUBLIC_HOSTS
    ]

    assert not wrong, f"locks hold names and hashes, no hosts:{number(wrong)}"


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    folder = ROOT / "docs" / "decisions"
    names = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    index = _text(folder / "README.md")

    assert all(DECISION.fullmatch(name) for name in names), names
    assert len({name[:4] for name in names}) == len(names), "two decisions have the same number"
    missing = [name for name in names if f"({name})" not in index]
    assert not missing, f"add these to docs/decisions/README.md: {missing}"


def test_every_picture_says_what_it_shows() -> None:
    wrong = [
        place(path) for path in documents() if re.search(r"!\[\s*\]\(", CODE.sub("", _text(path)))
    ]

    assert not wrong, f"describe the picture for those who cannot see it: {wrong}"


def _text(path: Path) -> str:
    return path.read_text()


def _hits(path: Path, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    return list(pattern.finditer(path.read_text(errors="replace")))
