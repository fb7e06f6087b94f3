"""What is built is what the sources make, and small enough for somebody else's page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dev import bundle, node

BUILD = "run: ./run bundle"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The widget as the sources make it now."""
    folder: Path = tmp_path_factory.mktemp("widget")
    try:
        bundle.build(folder)
    except node.NodeFailed as error:
        pytest.fail(f"the widget could not be built; {BUILD}\n{error}", pytrace=False)
    except bundle.BundleFailed as error:
        pytest.fail(str(error), pytrace=False)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_built_files_are_those_of_the_sources(built: Path) -> None:
    wanted, there = contents(built), contents(bundle.BUILT)
    stale = sorted(name for name in wanted | there if wanted.get(name) != there.get(name))

    assert wanted
    assert not stale, f"static/widget is not what its sources make; {BUILD}: {stale}"


def test_the_same_sources_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    bundle.build(tmp_path)

    assert contents(tmp_path) == contents(built)


def test_the_launcher_is_small(built: Path) -> None:
    bytes_ = bundle.weight(built / "launcher.js")

    assert bytes_ <= bundle.LAUNCHER_LIMIT, f"launcher.js has {bytes_} bytes gzipped"


def test_a_first_opening_loads_little(built: Path) -> None:
    parts = {name: bundle.weight(built / name) for name in contents(built) if name in bundle.FIRST}

    assert {"launcher.js", "panel.js"} <= parts.keys()
    assert bundle.first_weight(built) <= bundle.FIRST_LIMIT, f"bytes gzipped: {parts}"


def test_what_shows_messages_does_not_grow_unnoticed(built: Path) -> None:
    bytes_ = sum(bundle.weight(built / name) for name in bundle.TALKING)

    assert bytes_ <= bundle.TALKING_LIMIT, f"{bytes_} bytes gzipped: {', '.join(bundle.TALKING)}"


def test_files_load_no_others_at_their_start(built: Path) -> None:
    """Otherwise those would have to be counted too, and could not be tried again."""
    for name in contents(built):
        text = (built / name).read_text()
        assert not any(f"from{quote}" in text for quote in "\"'"), name


def test_vendored_work_keeps_its_notice(built: Path) -> None:
    first_line = (built / "messages.js").read_text().splitlines()[0]

    assert "streaming-markdown" in first_line
    assert "Copyright (c) 2024 Damian Tarnawski, MIT" in first_line


def test_lengths_do_not_follow_the_root_of_somebody_elses_page(built: Path) -> None:
    for name, text in contents(built).items():
        assert b"rem;" not in text, name
        assert b"rem}" not in text, name


def test_a_missing_source_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "STATIC", tmp_path)

    with pytest.raises(bundle.BundleFailed, match=r"static/js/widget/launcher\.js is missing"):
        bundle.build(tmp_path / "built")


def test_a_missing_part_is_named_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    static = tmp_path / "static"
    shutil.copytree(bundle.STATIC, static)
    (static / "js" / "widget" / "phone.js").unlink()
    monkeypatch.setattr(bundle, "STATIC", static)

    with pytest.raises(bundle.BundleFailed) as failed:
        bundle.build(tmp_path / "built")

    # Both panels load it.
    lines = str(failed.value).splitlines()
    assert [re.sub(r":\d+:", ":", line) for line in lines] == [
        f"{name}.js was not built: static/js/widget/small.js: there is no ./phone.js"
        for name in ("panel", "official")
    ]
