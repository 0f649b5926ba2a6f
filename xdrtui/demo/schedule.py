"""When a scenario plays fast and when slowly: pure arithmetic on the times of its steps.

In: the truth. Out: the stretches in which something of the attack begins; between them the clock runs fast.
All times are nanoseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from sample_data.truth import Truth
from xdrtui.sources.pace import SECOND

LADDER = (1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960, 1800, 3600)
"""The speeds that people may choose."""

DEFAULT = 15
QUIET = 3600
"""Speed of the stretches in which no step begins."""

LEAD = 15 * SECOND
FOLLOW = 120 * SECOND
"""So much of a step is played slowly at most: one may last all day."""

TAIL = 60 * SECOND


class Speed(NamedTuple):
    """times: recorded seconds a second; quiet: nothing of the attack begins here; until: where this ends,
    None = never."""

    times: int
    quiet: bool
    until: int | None


class Moment(NamedTuple):
    """A step's place in time. number: from 1, in the order of the attack."""

    number: int
    start: int
    end: int


class Schedule(msgspec.Struct, frozen=True):
    """stretches: (from, to), apart and in order; moments: the steps, by their start."""

    stretches: tuple[tuple[int, int], ...]
    moments: tuple[Moment, ...]

    @property
    def begins(self) -> int:
        """Where playing begins; what comes before is loaded at once."""
        return self.stretches[0][0] if self.stretches else 0

    def speed_at(self, now: int, chosen: int) -> Speed:
        """How fast the clock runs now, if people chose this speed for the attack."""
        for start, end in self.stretches:
            if now < start:
                return Speed(max(QUIET, chosen), True, start)
            if now < end:
                return Speed(chosen, False, end)
        return Speed(max(QUIET, chosen), True, None)

    def next_step(self, now: int) -> Moment | None:
        """The first step that has not begun."""
        return next((moment for moment in self.moments if moment.start > now), None)

    def begun(self, now: int) -> int:
        """How many steps have begun."""
        return sum(moment.start <= now for moment in self.moments)


def schedule_of(truth: Truth) -> Schedule:
    """The schedule of a scenario."""
    return plan(Moment(step.order, nanoseconds(step.start), nanoseconds(step.end)) for step in truth.steps)


def plan(steps: Iterable[Moment]) -> Schedule:
    """The schedule of these steps."""
    moments = sorted(steps, key=lambda moment: moment.start)
    stretches: list[tuple[int, int]] = []
    for moment in moments:
        start, end = moment.start - LEAD, min(moment.end, moment.start + FOLLOW) + TAIL
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((start, end))
    return Schedule(tuple(stretches), tuple(moments))


def faster(speed: int) -> int:
    """The next rung up."""
    return next((rung for rung in LADDER if rung > speed), LADDER[-1])


def slower(speed: int) -> int:
    """The next rung down."""
    return next((rung for rung in reversed(LADDER) if rung < speed), LADDER[0])


def nanoseconds(stamp: str) -> int:
    """An ISO 8601 stamp with its zone."""
    moment = datetime.fromisoformat(stamp)
    return int(moment.replace(microsecond=0).timestamp()) * SECOND + moment.microsecond * 1000
