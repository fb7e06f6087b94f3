"""The demo page is for development only."""

from __future__ import annotations

from tests.fix_site import StartSite


def test_nobody_finds_the_demo_page_unless_it_is_switched_on(start_site: StartSite) -> None:
    assert start_site().get("/demo").status_code == 404

    shown = start_site(demo_page=True).get("/demo")
    assert shown.status_code == 200
    assert 'src="/widget.js"' in shown.text
