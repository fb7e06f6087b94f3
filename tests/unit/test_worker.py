"""What a worker tells of itself: how many streams it may have, and how crowded it is."""

from __future__ import annotations

import pytest

from chat.stream import SPARE_THREADS, Worker


@pytest.mark.parametrize(("open_streams", "crowded"), [(0, 0.0), (50, 0.0), (75, 0.5), (100, 1.0)])
def test_a_worker_is_crowded_once_half_of_its_places_are_taken(
    open_streams: int, crowded: float
) -> None:
    worker = Worker()
    worker.watch(lambda: True, seconds=1, threads=SPARE_THREADS + 100)

    worker.open_streams = open_streams

    assert worker.crowded() == crowded


def test_what_no_web_server_watches_is_never_crowded() -> None:
    worker = Worker()

    worker.open_streams = 1000

    assert worker.crowded() == 0.0
