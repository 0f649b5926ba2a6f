"""The replay's clock: faster or slower than the wall, paused, stepped; it never runs back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdrtui.sources.pace import SECOND, Pace


class Wall:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def started(speed: float, at: int = 0) -> tuple[Pace, Wall]:
    wall = Wall()
    pace = Pace(speed, wall=wall)
    pace.begin(at)
    return pace, wall


def test_recorded_time_passes_at_its_speed() -> None:
    pace, wall = started(120, at=5 * SECOND)
    wall.at += 2
    assert pace.now() == 245 * SECOND
    assert pace.seconds_until(365 * SECOND) == 1.0
    assert pace.seconds_until(1) == 0.0


def test_a_change_of_speed_does_not_jump() -> None:
    pace, wall = started(10)
    wall.at += 1
    pace.set_speed(1)
    assert pace.now() == 10 * SECOND
    wall.at += 1
    assert pace.now() == 11 * SECOND


def test_nothing_passes_while_paused_and_it_goes_on_where_it_stood() -> None:
    pace, wall = started(10)
    wall.at += 1
    pace.pause()
    wall.at += 100
    assert pace.now() == 10 * SECOND
    assert pace.seconds_until(11 * SECOND) is None
    pace.resume()
    wall.at += 1
    assert pace.now() == 20 * SECOND


def test_a_step_jumps_ahead_and_stays_paused() -> None:
    pace, wall = started(10)
    pace.pause()
    pace.step_to(500 * SECOND)
    wall.at += 5
    assert pace.now() == 500 * SECOND
    pace.step_to(3)
    assert pace.now() == 500 * SECOND


@pytest.mark.parametrize("speed", [-1.0, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Pace(speed)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 100)),
        st.tuples(st.just("speed"), st.floats(0, 1e4)),
        st.tuples(st.just("step"), st.integers(0, 10**15)),
        st.tuples(st.sampled_from(["pause", "resume"]), st.just(0)),
    )
)


@given(STEPS)
@settings(max_examples=100)
def test_the_clock_never_runs_back(steps: list[tuple[str, float]]) -> None:
    pace, wall = started(7)
    before = pace.now()
    for what, value in steps:
        if what == "wait":
            wall.at += value
        elif what == "speed":
            pace.set_speed(value)
        elif what == "step":
            pace.step_to(int(value))
        else:
            getattr(pace, what)()
        assert pace.now() >= before
        before = pace.now()
