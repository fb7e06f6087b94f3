"""The files that the browser loads: what is vendored is whole, and what is ours is consistent."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from dev import vendor
from tests.fix_site import Site
from tests.web.page_check import check_page

STATIC = Path(__file__).parent.parent.parent / "static"
SMALL_ENOUGH = 300
# The launcher has no room for the tokens: it sets its own, and those of what it opens.
LAUNCHER = "widget.css"
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
STATIC_IMPORT = re.compile(
    r"""^(?:import|export)\b(?:[^;]*? from)? *["'](\.[^"']+)["'];""", re.MULTILINE
)


def test_what_is_vendored_is_what_was_locked() -> None:
    assert vendor.check(vendor.FOLDER) == []


def test_every_way_to_differ_from_the_lock_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "vendor"
    shutil.copytree(vendor.FOLDER, folder)
    first, second, *_ = sorted(json.loads((folder / vendor.LOCK).read_text())["files"])
    (folder / first).write_text("changed")
    (folder / second).unlink()
    (folder / "stray.js").write_text("")

    problems = "\n".join(vendor.check(folder))

    assert f"{first} was changed" in problems
    assert f"{second} is missing" in problems
    assert "stray.js is not in lock.json" in problems


def test_every_module_that_another_imports_exists_and_is_small() -> None:
    for module in (STATIC / "js").rglob("*.js"):
        text = module.read_text()
        assert len(text.splitlines()) < SMALL_ENOUGH, f"{module.name}: split it"
        for named in re.findall(r"""(?:from|import|import\() ?["'](\.[^"']+)["']""", text):
            assert (module.parent / named).is_file(), f"{module.name} imports {named}"


def test_the_page_preloads_the_modules_of_the_element_and_no_others(site: Site) -> None:
    site.sign_up()
    page = check_page(site.get("/history/new"))
    preloaded = {
        re.sub(r"^/assets/[^/]+/", "", link["href"])
        for link in page.all("link")
        if link["rel"] == "modulepreload"
    }

    found = (module.relative_to(STATIC).as_posix() for module in imported_by("js/page/chat.js"))
    assert preloaded == {name for name in found if name.startswith("js/chat/")}


def imported_by(name: str) -> set[Path]:
    """Return a module with all that it imports at its start, and that in turn."""
    found: set[Path] = set()
    new = [STATIC / name]
    while new:
        module = new.pop()
        if module in found:
            continue
        found.add(module)
        text = COMMENT.sub("", module.read_text())
        new += [(module.parent / named).resolve() for named in STATIC_IMPORT.findall(text)]
    return found


def test_colours_are_named_in_one_place_only() -> None:
    for sheet in (STATIC / "css").glob("*.css"):
        if sheet.name not in {"tokens.css", LAUNCHER}:
            found = re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", sheet.read_text())
            assert not found, f"{sheet.name}: use a custom property instead of {found}"


def test_every_custom_property_that_is_used_exists() -> None:
    # What stands in the list of conversations has its properties too.
    known = defined("tokens.css") | defined("history-list.css") | set_by_scripts()
    for sheet in (STATIC / "css").glob("*.css"):
        # What stands in the launcher's dialog has its properties; a sheet may have its own.
        inside = (
            defined(LAUNCHER) if sheet.name in {LAUNCHER, "panel.css", "official.css"} else set()
        )
        used = set(re.findall(r"var\((--[\w-]+)", sheet.read_text()))
        missing = used - known - inside - defined(sheet.name)
        assert not missing, (sheet.name, missing)


def defined(name: str) -> set[str]:
    """Return the custom properties that a style sheet sets."""
    return set(re.findall(r"(--[\w-]+):", (STATIC / "css" / name).read_text()))


def set_by_scripts() -> set[str]:
    """Return those that scripts set, as options and places want them."""
    themes = (STATIC / "js/chat/colours.js").read_text()
    painted = [
        name
        for module in (STATIC / "js/widget").glob("*.js")
        for names in re.findall(r"\bpaint\(\{(.*)\}\);", module.read_text())
        for name in re.findall(r"(?:^ *|, )(\w+)(?=[,:]| $)", names)
    ]
    return set(re.findall(r'"(--[\w-]+)":', themes)) | {f"--{name}" for name in painted}
