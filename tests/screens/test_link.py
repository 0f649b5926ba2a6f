"""Slow links: frames in few bytes, one at a time, below the rate."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from screens.link import BURST, PATIENCE, RATE, UNANSWERED, Link
from screens.sanitise import fit, sanitise
from screens.thrift import Thrift
from tests.terminal.slow_link import FarTerminal

STYLES = [Style(), Style(color="red"), Style(color="white", bgcolor="blue", bold=True), Style(reverse=True)]
WIDE, HIGH = 24, 4

line = st.lists(
    st.tuples(st.text("ab \u4e2d\u0301x", max_size=9), st.sampled_from(STYLES)), min_size=1, max_size=4
)


def strip(parts: list[tuple[str, Style]]) -> Strip:
    text = fit(sanitise("".join(text for text, _ in parts)), WIDE)
    half = len(text) // 2
    return Strip([Segment(text[:half], parts[0][1]), Segment(text[half:], parts[-1][1])], WIDE)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(line, min_size=HIGH, max_size=HIGH), min_size=1, max_size=6))
def test_the_far_terminal_shows_each_frame_whole(frames: list[list[list[tuple[str, Style]]]]) -> None:
    thrift, terminal = Thrift(), FarTerminal(WIDE, HIGH)
    for frame in frames:
        strips = [strip(parts) for parts in frame]
        terminal.take(thrift.frame(strips, ColorSystem.EIGHT_BIT))
        assert terminal.lines() == [each.text.rstrip() for each in strips]
        assert thrift.frame(strips, ColorSystem.EIGHT_BIT) == "", "what is shown is not sent again"


def test_one_changed_cell_costs_a_few_bytes() -> None:
    thrift = Thrift()
    before = Strip([Segment("all is well here, all of it ", STYLES[2])] * 3, 84)
    thrift.frame([before] * 20, ColorSystem.EIGHT_BIT)
    after = Strip([Segment("all is wall here, all of it ", STYLES[2]), *list(before)[1:]], 84)
    assert len(thrift.frame([after, *[before] * 19], ColorSystem.EIGHT_BIT)) < 40


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def low() -> tuple[Link, Clock]:
    clock = Clock()
    link = Link(clock)
    link.low = True
    return link, clock


def test_the_next_frame_waits_until_the_last_was_written_and_answered() -> None:
    link, _ = low()
    assert link.wait() == 0.0
    link.queued(500)
    assert link.ask() and not link.ask(), "one question at a time"
    assert link.wait() > 0
    link.took(500, 0.01)
    assert link.wait() > 0, "the terminal has not answered"
    link.answered()
    assert link.wait() == 0.0


def test_a_terminal_that_never_answers_is_not_waited_for_again() -> None:
    link, clock = low()
    link.ask()
    clock.now += UNANSWERED + 0.1
    assert link.wait() == 0.0 and not link.ask()


def test_a_terminal_that_answers_no_more_is_not_waited_for_with_each_frame() -> None:
    link, clock = low()
    link.ask()
    link.answered()
    for _ in range(2):
        assert link.ask()
        assert link.wait() > 0
        clock.now += UNANSWERED + 0.1
        assert link.wait() == 0.0
    assert not link.ask(), "two in a row were lost"
    link.answered()
    assert link.ask(), "it answers again"


@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=30))
def test_no_frame_waits_for_long_however_large_those_before_it_were(frames: list[int]) -> None:
    link, clock = low()
    for size in frames:
        began = clock.now
        for _ in range(100):
            clock.now += link.wait()
        assert not link.wait() and clock.now - began <= PATIENCE + 0.1
        link.queued(size)
        link.took(size, 0.0)


@given(st.lists(st.integers(1, int(PATIENCE * RATE)), min_size=20, max_size=60))
def test_the_rate_is_kept_by_frames_that_take_no_longer_than_our_patience(frames: list[int]) -> None:
    link, clock = low()
    began, sent = clock.now, 0
    for size in frames:
        for _ in range(100):
            clock.now += link.wait()
        assert not link.wait()
        link.queued(size)
        link.took(size, 0.0)
        sent += size
    assert sent <= RATE * (clock.now - began) + BURST + PATIENCE * RATE + 1


def test_full_bandwidth_never_waits_and_a_slow_write_is_noticed() -> None:
    link = Link(Clock())
    link.queued(1_000_000)
    assert link.wait() == 0.0 and not link.slow
    link.took(0, 0.15)
    assert link.slow
