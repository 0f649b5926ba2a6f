"""Near misses: the rules that an event almost met.

An analyst who asks "why did nothing fire?" wants the rules that lack one item. Slow and simple,
by the explainer: a thousand rules take a tenth of a second or two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from detectors.contract import EventType
from detectors.sigma.explain import Lookup, Why, explain, missing
from detectors.sigma.plan import looks_at
from detectors.sigma.rules import LEVELS, Rule


class NearMiss(msgspec.Struct, frozen=True):
    """lacking: the tests that would have to come out otherwise; met: how many positive tests with a value
    hold."""

    rule: Rule
    why: Why
    lacking: tuple[Why, ...]
    met: int


def near_misses(
    rules: Iterable[Rule], event_type: EventType, lookup: Lookup, values: Sequence[str] = (), *, most: int = 1
) -> list[NearMiss]:
    """The rules of the event's log sources that lack at most `most` items, nearest first.

    Ordered by what is lacking, then by how much was met, then by level. A rule of which nothing was met is
    no near miss, whatever it lacks.
    """
    found: list[NearMiss] = []
    for rule in rules:
        if not looks_at(rule, event_type):
            continue
        why = explain(rule.expression, lookup, values)
        if why.true or missing(why) > most:
            continue
        met = _met(why)
        if met:
            found.append(NearMiss(rule, why, tuple(_lacking(why, True)), met))
    found.sort(
        key=lambda near: (len(near.lacking), -near.met, -LEVELS.index(near.rule.level), near.rule.title)
    )
    return found


def _met(why: Why) -> int:
    """Positive tests that hold, with a value; what stands under `not` is not counted."""
    if why.kind == "test":
        return int(why.true and why.state == "value")
    if why.kind == "not":
        return 0
    counts = [_met(node) for node in why.below]
    return sum(counts) if why.kind == "and" else max(counts, default=0)


def _lacking(why: Why, wanted: bool) -> list[Why]:
    """The fewest tests that stand between the tree and the wanted outcome."""
    if why.kind == "test":
        return [] if why.true == wanted else [why]
    if why.kind == "not":
        return _lacking(why.below[0], not wanted)
    each = [_lacking(node, wanted) for node in why.below]
    if (why.kind == "and") == wanted:
        return [test for tests in each for test in tests]
    return min(each, key=len, default=[])
