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
FOR_OTHER_ELEMENTS = {"fetch.js"}


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
        for named in re.findall(r"""(?:from|import\() ?["'](\.[^"']+)["']""", text):
            assert (module.parent / named).is_file(), f"{module.name} imports {named}"


def test_the_page_preloads_the_modules_of_the_element_and_no_others(site: Site) -> None:
    site.sign_up()
    page = check_page(site.get("/history/new"))
    preloaded = {
        Path(link["href"]).name for link in page.all("link") if link["rel"] == "modulepreload"
    }

    modules = {module.name for module in (STATIC / "js/chat").glob("*.js")}
    assert preloaded == modules - FOR_OTHER_ELEMENTS


def test_colours_are_named_in_one_place_only() -> None:
    for sheet in (STATIC / "css").glob("*.css"):
        if sheet.name != "tokens.css":
            found = re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", sheet.read_text())
            assert not found, f"{sheet.name}: use a custom property instead of {found}"


def test_every_custom_property_that_is_used_exists() -> None:
    defined = set(re.findall(r"(--[\w-]+):", (STATIC / "css/tokens.css").read_text()))
    for sheet in (STATIC / "css").glob("*.css"):
        used = set(re.findall(r"var\((--[\w-]+)", sheet.read_text()))
        assert used <= defined, (sheet.name, used - defined)
