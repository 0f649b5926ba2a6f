"""What a correlation says that its author may not mean. Warnings only: what cannot run is an error
elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import msgspec

from detectors.correlate.model import Bound, CorrelationRule, Type


class Warning(msgspec.Struct, frozen=True):
    """path: keys that lead to the place in the document."""

    message: str
    remedy: str
    path: tuple[str | int, ...]


_CONDITION = ("correlation", "condition")


def warnings_of(rule: CorrelationRule) -> Iterator[Warning]:
    """The warnings about one resolved correlation."""
    absence = [bound for bound in rule.bounds if bound.operator in ("lt", "lte") or _is_zero(bound)]
    if absence and len(absence) == len(rule.bounds) and not rule.type.numeric:
        yield Warning(
            "absence is never detected: a group exists only after one match",
            "bound it from below too, or count what should happen elsewhere",
            _CONDITION,
        )
    if not _possible(rule.bounds):
        yield Warning("no number meets all bounds", "right the bounds", _CONDITION)
    if rule.type is Type.VALUE_SUM and rule.growing:
        yield Warning(
            "numbers below zero are left out, so that the sum can fire at once",
            "add an upper bound if they must count; it is then decided when the window is over",
            _CONDITION,
        )
    if not rule.growing:
        yield Warning(
            "decided only when the watermark has passed the window and the allowed lateness",
            "use gt or gte alone if it must fire at once",
            _CONDITION,
        )


def _is_zero(bound: Bound) -> bool:
    return bound.operator == "eq" and bound.limit == 0


def _possible(bounds: tuple[Bound, ...]) -> bool:
    """True if some number meets all bounds: one of the limits, or a number between or beyond two of them."""
    limits = sorted({bound.limit for bound in bounds})
    if not limits:
        return True
    between = [Fraction(a + b) / 2 for a, b in pairwise(limits)]
    tries = [*limits, *between, limits[0] - 1, limits[-1] + 1]
    return any(all(bound.holds(each) for bound in bounds) for each in tries)
