"""The first line: what matters is never cut, whatever the figures are and however little room there is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.paint import line_width, plain
from screens.status_bar import lag_words, status_line
from screens.times import Zone, fixed, number
from tests.screens.sample_store import NOW
from xdrtui.triage.rows import Status


def status(
    workers: int,
    eps: float,
    lag: float,
    dead: int,
    dropped: int,
    paused: bool = False,
    waiting: int = 0,
    catch_up: float = 0.0,
) -> Status:
    alive = [SimpleNamespace(worker=f"w{n}", age=0.1, alive=True) for n in range(workers)]
    return SimpleNamespace(
        workers=alive, faults=[], events_per_second=eps, lag=lag, dead=dead, dropped=dropped, memory=4.1e8,
        paused=paused, waiting=waiting, catch_up=catch_up,
    )  # type: ignore[return-value] # fmt: skip


def line(found: Status | None, cells: int = 80, name: str = "acme-prod", **more: object) -> str:
    spans = status_line(name, found, Zone(fixed(1)), NOW, cells, **more)  # type: ignore[arg-type]
    assert line_width(spans) <= cells
    return plain(spans)


@given(
    st.integers(1, 64), st.floats(0, 3e6), st.floats(0, 1e6), st.integers(0, 10**9), st.integers(0, 10**9),
    st.booleans(), st.booleans(), st.integers(80, 130), st.text("abc-日", min_size=1, max_size=63),
    st.integers(0, 10**9), st.floats(0, 1e6),
)  # fmt: skip
def test_what_is_wrong_stands_there_whole(
    workers: int,
    eps: float,
    lag: float,
    dead: int,
    dropped: int,
    paused: bool,
    low: bool,
    cells: int,
    name: str,
    waiting: int,
    catch_up: float,
) -> None:
    text = line(status(workers, eps, lag, dead, dropped, paused, waiting, catch_up), cells, name, low=low)
    assert ("paused" if paused else f"{workers:,} worker") in text
    if lag > 60:
        assert f"lag {lag_words(lag)}" in text
    if dropped:
        assert f"dropped {number(dropped)}" in text
    assert "…" not in text.partition("●")[2], "a part is there whole or not at all"
    shown = text.split("dead ")[1].split()[0] if "dead " in text else ""
    assert not shown or shown == number(dead)
    assert "UTC+1" in text or not low or cells < 100
    if low:
        assert "low b" in text


def test_at_80_columns_in_low_bandwidth_all_that_matters_stands_there() -> None:
    text = line(status(3, 12_480, 0.4, 3, 0), low=True)
    words = "acme-prod ● 3 workers 12,480 ev/s lag 0.4 s dead 3 low bw 15:02 UTC+1"
    assert text.split() == words.split()
    worse = line(status(3, 60_000, 7_200, 1_234, 12_345), low=True)
    assert all(each in worse for each in ("lag 120 min", "dropped 12,345", "dead 1,234", "low bw", "UTC+1"))


def test_there_is_room_for_all_of_it_on_120_columns() -> None:
    text = line(status(1, 12_480, 0.4, 0, 0), 120, low=True)
    assert all(each in text for each in ("1 worker ", "dead 0", "dropped 0", "410 MB", "low bandwidth"))


def test_a_worker_far_behind_says_how_much_waits_and_how_long_it_takes() -> None:
    behind = line(status(1, 12_480, 720, 0, 0, waiting=1_200_340, catch_up=96.2))
    assert "lag 12 min  1,200,340 waiting, 96 s to go" in behind and "UTC+1" in behind
    assert "500 waiting" in line(status(1, 0, 0, 0, 0, paused=True, waiting=500))
    assert "waiting" not in line(status(1, 12_480, 0.4, 0, 0, waiting=8_000, catch_up=0.6))


@pytest.mark.parametrize("cells", [80, 120])
def test_no_worker_and_the_demo(cells: int) -> None:
    assert "○ no worker" in line(status(0, 0, 0, 5, 0), cells)
    text = line(status(1, 900, 0.1, 0, 0), cells, demo="day 1 14:02 x60")
    assert "day 1 14:02 x60" in text and "1 worker" in text
    assert "opening the store" in line(None, cells)
