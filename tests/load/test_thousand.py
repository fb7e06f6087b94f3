"""R5: a thousand people at once, each with a turn that streams; nothing is lost or mixed up."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Any, Final

import pytest

from chat.config import ServerSettings
from chat.stream import SPARE_THREADS
from tests.fix_figures import Figures
from tests.load.conftest import FillPlace, Place
from tests.load.people import Somebody
from tests.load.tally import Tally
from tests.load.weight import Scales

MEMORY_OF_A_WORKER: Final = 400
"""MiB, with all the streams that it may have."""
DESCRIPTORS_OF_A_STREAM: Final = 2
"""The person's connection, and the one to the model."""
DESCRIPTORS_OF_A_WORKER: Final = 150
"""What it has open anyway, and for requests that come and go."""
FULLER: Final = "descriptors of the fuller worker at the most"
OTHER: Final = "descriptors of the other one then"
MOST_OF_ONE: Final = 0.75
"""The share of all descriptors that one of two workers may have: the streams are spread."""


async def in_place(place: Place) -> tuple[int, float]:
    """Have all people talk and visit; return how many streamed at once, and for how long."""
    began = time.monotonic()
    weighing = asyncio.create_task(place.scales.weigh_on())
    async with place.visits.going_on():
        at_once = await place.crowd.talk_all(place.crowd.people)
    took = time.monotonic() - began
    await place.visits.look_through()
    weighing.cancel()
    with suppress(asyncio.CancelledError):
        await weighing
    return at_once, took


async def all_served(fill_place: FillPlace, count: int, **sizes: float) -> dict[str, Any]:
    """Have so many people at once, and return what was measured of it."""
    place = fill_place(count, **sizes)

    at_once, took = await in_place(place)

    tally, scales = place.crowd.tally, place.scales
    assert tally.wrong() == {}
    assert tally.refused == {}
    assert tally.whole == at_once == count
    limit = 2 * DESCRIPTORS_OF_A_WORKER + DESCRIPTORS_OF_A_STREAM * count
    assert sum(scales.spread) < limit
    assert scales.most.memory < MEMORY_OF_A_WORKER
    after = await shrunk(place, scales.before.descriptors + DESCRIPTORS_OF_A_WORKER)
    visits = sum(tally.count(what) for what in ("list", "page", "open", "rename", "delete"))
    return {
        "cores of the machine": os.cpu_count(),
        "people": count,
        "streams open at the same moment": at_once,
        "requests refused": tally.refused.total(),
        **judged(tally),
        "other requests meanwhile": visits,
        "first words, median s": tally.middle("first words"),
        "first words, p99 s": tally.slowest_of_a_hundred("first words"),
        "list, median s": tally.middle("list"),
        "list, p99 s": tally.slowest_of_a_hundred("list"),
        **weights(scales),
        "descriptors of a worker afterwards": after,
        "from the first turn to the last, s": round(took, 1),
    }


def judged(tally: Tally) -> dict[str, int]:
    return {
        "answers whole": tally.whole,
        "answers lost": tally.lost.total(),
        "answers mixed up": tally.mixed,
        "answers with a foreign word": tally.foreign,
    }


def weights(scales: Scales) -> dict[str, int]:
    return {
        "memory of a worker before, MiB": scales.before.memory,
        "memory of a worker at the most, MiB": scales.most.memory,
        "threads of a worker at the most": scales.most.threads,
        "descriptors of a worker before": scales.before.descriptors,
        FULLER: max(scales.spread),
        OTHER: min(scales.spread),
    }


async def more_than_fit(
    fill_place: FillPlace, count: int, places: int, **sizes: Any
) -> dict[str, Any]:
    """Have more people at once than there are places; return what was measured of it."""
    place = fill_place(count, **sizes)

    at_once, _ = await in_place(place)

    tally = place.crowd.tally
    refused = list(place.crowd.refused)
    assert tally.wrong() == {}
    # Where places are short, so may be the patience for the auth server and the database.
    turns = {why: times for why, times in tally.refused.items() if why.startswith("turn ")}
    assert sum(turns.values()) == len(refused)
    assert turns["turn overloaded"] > 0.9 * len(refused)
    assert len(refused) >= count - places
    assert tally.whole == at_once == count - len(refused)
    assert place.scales.most.memory < MEMORY_OF_A_WORKER
    measured = {
        "cores of the machine": os.cpu_count(),
        "people": count,
        "places": places,
        "streams open at the same moment": at_once,
        "turns refused with 503, Retry-After and a sentence": len(refused),
        "other requests refused like that": tally.refused.total() - len(refused),
        **judged(tally),
        **weights(place.scales),
    }
    await come_again(place, refused[: places // 2])
    return measured


async def come_again(place: Place, refused: list[Somebody]) -> None:
    """Have people who were refused ask once more: as many as fit, wherever they end up."""
    crowd, before = place.crowd, place.crowd.tally.whole
    crowd.refused.clear()

    await crowd.talk_all(refused)

    # Nothing was stored of the first time: everybody has one thread more than they had.
    await place.visits.look_through()
    assert crowd.tally.wrong() == {}
    assert not crowd.refused
    assert crowd.tally.whole == before + len(refused)


async def shrunk(place: Place, bound: int) -> int:
    """Wait until each worker has fewer descriptors than that, and return how many."""
    for _ in range(60):
        if place.scales.now().descriptors < bound:
            break
        await asyncio.sleep(0.5)
    after = place.scales.now().descriptors
    assert after < bound
    return after


async def test_forty_people_at_once_get_their_own_answers_whole(fill_place: FillPlace) -> None:
    await all_served(fill_place, 40, visits=20, pause=0.2)


async def test_more_people_than_places_are_refused_politely(fill_place: FillPlace) -> None:
    threads = SPARE_THREADS + 8

    await more_than_fit(fill_place, 24, 16, visits=10, pause=0.1, WEB_THREADS=str(threads))


@pytest.mark.soak
async def test_a_thousand_people_at_once_get_their_own_answers_whole(
    fill_place: FillPlace, figures: Figures
) -> None:
    measured = await all_served(fill_place, 1000, visits=50, pause=0.5)

    assert measured[FULLER] < MOST_OF_ONE * (measured[FULLER] + measured[OTHER])
    figures.tell(
        "R5",
        "A thousand people stream at the same time while others list, open, rename and delete: "
        "nobody is refused, and every answer is whole and its owner's",
        measured,
    )


@pytest.mark.soak
async def test_fifteen_hundred_people_at_once_are_answered_or_refused_politely(
    fill_place: FillPlace, figures: Figures
) -> None:
    settings = ServerSettings()
    places = settings.workers * (settings.threads - SPARE_THREADS)

    measured = await more_than_fit(fill_place, 1500, places, visits=50, pause=0.5)

    figures.tell(
        "R5",
        "Fifteen hundred people at once, more than there are places: who does not fit is asked to "
        "come again and is answered then; nothing else happens",
        measured,
    )
