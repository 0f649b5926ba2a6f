"""The figures of a worker's heartbeat."""

from __future__ import annotations

from xdrtui.pipeline.figures import Figures
from xdrtui.pipeline.sink import Totals
from xdrtui.sources.partitions import SourceHealth

SECOND = 1_000_000_000
HEALTH = SourceHealth(lag=0, partitions=1, paused=False, faults={})


NOT_PLACED = SourceHealth(lag=0, partitions=0, paused=False, faults={})


def lag(figures: Figures, waiting: int, latest: int, health: SourceHealth = HEALTH) -> float:
    return figures.of(10.0, health, waiting, Totals(latest_ingest=latest * SECOND))["lag_seconds"]


def test_what_comes_after_a_long_silence_is_behind_by_its_own_waiting_alone() -> None:
    now = 1_000
    figures = Figures(lambda: now * SECOND, recorded=False)
    assert lag(figures, 0, latest=100) == 0
    now = 1_001
    assert lag(figures, 5_000, latest=100) == 1
    now = 1_004
    assert lag(figures, 5_000, latest=1_002) == 2


def test_what_waits_at_the_start_is_behind_since_the_last_that_was_read() -> None:
    assert lag(Figures(lambda: 1_000 * SECOND, recorded=False), 5_000, latest=100) == 900
    assert lag(Figures(lambda: 1_000 * SECOND, recorded=False), 5_000, latest=0) == 0


def test_that_nothing_is_placed_yet_is_not_that_nothing_waits() -> None:
    """A worker that comes up two hours late begins with partitions that nobody has placed."""
    now = 8_000
    figures = Figures(lambda: now * SECOND, recorded=False)
    lag(figures, 0, latest=0, health=NOT_PLACED)
    now = 8_002
    assert lag(figures, 5_000, latest=800) == 7_202


def test_a_replay_is_never_behind() -> None:
    assert lag(Figures(lambda: 1_000 * SECOND, recorded=True), 5_000, latest=100) == 0
