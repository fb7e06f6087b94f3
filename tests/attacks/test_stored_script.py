"""Stored script: payloads in every field that somebody can write, and every way to a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from chat.text import clean
from tests.attacks import script_tour as tour
from tests.attacks.payloads import PAYLOADS, Payload
from tests.attacks.script_control import played, policy_of
from tests.attacks.script_stage import Plant, Stage, Victim, a_stage, beds
from tests.fix_auth import AuthServer
from tests.fix_figures import Figures
from tests.fix_postgres import Databases

# A look has to find something in each line, and two things in the second and third.
RAW = """<p onclick="1">zq</p>
<a href="javascript:1">zq</a>
<b id="clobbered">zq</b>
<form action="http://canary.test/"></form><!-- zq -->
<a href="http://canary.test/">zq</a>
<math><!-- zq --></math>"""
EVERY = {one.mark for one in PAYLOADS}
# Nine in each: one that swallows what follows hides few others.
GROUPS = 15


@pytest.fixture(scope="module")
def stage(
    databases: Databases,
    migrated: str,
    auth: AuthServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """One stage for all tests of this file; closed with the last, as its browser has to be."""
    log = tmp_path_factory.mktemp("script") / "gunicorn.log"
    with a_stage(databases.create("script", template=migrated), auth, log) as stage:
        yield stage
    databases.drop("script")


def told(victim: Victim, **more: int) -> dict[str, int]:
    return {
        "payloads": len(PAYLOADS),
        **more,
        "looks at a whole page": victim.wire.looks,
        **victim.wire.counts(),
    }


def pages(
    stage: Stage,
    plants: Sequence[Plant],
    given: Sequence[Plant],
    sought: Sequence[Payload],
    figures: Figures,
) -> None:
    name = clean(" ".join(one.text for one in PAYLOADS))
    victim = stage.victim(name, plants)

    parts = tour.through_fragments(victim, sought)
    tour.through_pages(victim, given)

    missing = tour.missing_routes(victim)
    assert not {path for path in missing if "/export." not in path}, missing
    assert victim.wire.seen >= EVERY
    victim.wire.assert_quiet()
    figures.tell(
        "E5",
        "Stored script stays text on every page and in every part of one.",
        told(victim, **{"fields of items": stage.poison.fields, "parts of pages": parts}),
    )


def turns(stage: Stage, plants: Sequence[Plant], figures: Figures) -> None:
    victim = stage.victim("Alice", plants[:1])

    tour.through_turns(victim, plants)
    tour.through_changes(victim)

    assert victim.wire.seen >= EVERY
    victim.wire.assert_quiet()
    figures.tell(
        "E5",
        "Script in a message, an answer or its title stays text, streamed or loaded again.",
        told(victim, turns=len(plants)),
    )


def widget(stage: Stage, plants: Sequence[Plant], figures: Figures) -> None:
    looks = 0
    for host in tour.HOSTS.values():
        victim = stage.victim("Alice", plants)
        tour.through_widget(victim, host)
        assert victim.wire.seen >= EVERY
        victim.wire.assert_quiet()
        victim.wire.looks = looks = looks + victim.wire.looks
    figures.tell(
        "E5",
        "Stored script stays text in the widget, on pages that have no policy of their own.",
        told(victim, **{"sites around it": len(tour.HOSTS)}),
    )


def exports(stage: Stage, plants: Sequence[Plant], figures: Figures) -> None:
    victim = stage.victim("Alice", plants)

    files = tour.through_exports(victim)

    assert victim.wire.seen >= EVERY
    victim.wire.assert_quiet()
    figures.tell(
        "E5",
        "An export is a file that holds payloads unchanged; its Markdown, read again, is inert.",
        told(victim, files=files),
    )


def control(stage: Stage, payloads: Sequence[Payload], figures: Figures) -> None:
    careless = stage.victim("Alice")
    careless.page.goto(stage.hosts.page("/raw", head="", body=RAW))
    careless.look()
    assert len(careless.wire.bad) == RAW.count("zq") + 2, careless.wire.bad
    fired = played(careless, stage.hosts.page("/careless", head=""), payloads)

    guarded = stage.victim("Alice")
    policy = policy_of(guarded)
    through = played(guarded, stage.hosts.page("/guarded", head="", csp=policy), payloads)

    quiet = [one.text for one in payloads if one.number not in fired]
    assert len(fired) > len(payloads) / 2, quiet
    assert not guarded.wire.executions, guarded.wire.executions
    assert guarded.wire.violations
    figures.tell(
        "E5",
        "The payloads act where nobody minds them, and there our policy alone stops them.",
        {
            "payloads": len(payloads),
            "that act on a careless page": len(fired),
            "runs there": len(careless.wire.executions),
            "runs behind our policy": len(guarded.wire.executions),
            "that ask another server behind it": len(through),
            "violations of it": len(guarded.wire.violations),
        },
    )


def test_script_stays_text_on_every_page(stage: Stage, figures: Figures) -> None:
    pages(stage, beds(2), beds(1), PAYLOADS[::5], figures)


def test_script_stays_text_while_it_is_written(stage: Stage, figures: Figures) -> None:
    turns(stage, beds(1), figures)


def test_script_stays_text_in_the_widget(stage: Stage, figures: Figures) -> None:
    widget(stage, beds(2), figures)


def test_script_stays_text_in_what_is_taken_along(stage: Stage, figures: Figures) -> None:
    exports(stage, beds(2), figures)


def test_payloads_act_where_nobody_minds_them(stage: Stage, figures: Figures) -> None:
    control(stage, PAYLOADS[::22], figures)


@pytest.mark.soak
def test_a_few_payloads_at_a_time_stay_text_on_every_page(stage: Stage, figures: Figures) -> None:
    pages(stage, beds(GROUPS), beds(GROUPS), PAYLOADS, figures)


@pytest.mark.soak
def test_a_few_payloads_at_a_time_stay_text_while_it_is_written(
    stage: Stage, figures: Figures
) -> None:
    turns(stage, beds(GROUPS), figures)


@pytest.mark.soak
def test_a_few_payloads_at_a_time_stay_text_in_the_widget(stage: Stage, figures: Figures) -> None:
    widget(stage, beds(GROUPS), figures)


@pytest.mark.soak
def test_a_few_payloads_at_a_time_stay_text_in_what_is_taken_along(
    stage: Stage, figures: Figures
) -> None:
    exports(stage, beds(GROUPS), figures)


@pytest.mark.soak
def test_each_payload_acts_where_nobody_minds_it(stage: Stage, figures: Figures) -> None:
    control(stage, PAYLOADS, figures)
