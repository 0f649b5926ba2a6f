"""What was found of a scenario's truth: steps found and missed, false alarms, and how the analyst judged.

Pure: alerts and truth in, a `Score` out. An alert is about a step if any of its findings stands on one of
the step's lines; an alert of level high or critical that stands on no step's line is a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sample_data.truth import Step, Truth

ALARMING = ("high", "critical")
LEVELS = ("critical", "high", "medium", "low", "informational")
RIGHT = {
    True: ("true_positive",),
    False: ("benign_authorised", "benign_test", "false_positive_rule", "false_positive_data"),
}


class Judged(msgspec.Struct, frozen=True):
    """What the score needs of an alert. places: (file, line) of its findings; disposition: empty while
    open."""

    id: str
    rule: str
    title: str
    level: str
    places: frozenset[tuple[str, int]]
    disposition: str = ""


class Score(msgspec.Struct, frozen=True):
    """found, missed: steps in the order of the attack; by_step: step id -> titles of the alerts on it;
    false_alarms: alerts of level high and critical that belong to no step; right, wrong: closed alerts whose
    disposition fits the truth, or does not; levels: level -> number of alerts; rules: (title, level, alerts),
    most first."""

    scenario: str
    found: tuple[Step, ...]
    missed: tuple[Step, ...]
    by_step: dict[str, tuple[str, ...]]
    false_alarms: tuple[Judged, ...]
    right: tuple[Judged, ...]
    wrong: tuple[Judged, ...]
    levels: dict[str, int]
    rules: tuple[tuple[str, str, int], ...]


def steps_of(alert: Judged, truth: Truth) -> tuple[Step, ...]:
    """The steps that an alert is about."""
    return tuple(step for step, places in _placed(truth) if not places.isdisjoint(alert.places))


def _placed(truth: Truth) -> list[tuple[Step, frozenset[tuple[str, int]]]]:
    """Each step with its (file, line)s."""
    return [(step, frozenset((event.file, event.line) for event in step.events)) for step in truth.steps]


def score(truth: Truth, alerts: Sequence[Judged]) -> Score:
    """Hold the alerts of one scenario against its truth."""
    titles: dict[str, list[str]] = {}
    false_alarms: list[Judged] = []
    right: list[Judged] = []
    wrong: list[Judged] = []
    placed = _placed(truth)
    for alert in alerts:
        steps = tuple(step for step, places in placed if not places.isdisjoint(alert.places))
        for step in steps:
            titles.setdefault(step.id, []).append(alert.title)
        if not steps and alert.level in ALARMING:
            false_alarms.append(alert)
        if alert.disposition:
            (right if alert.disposition in RIGHT[bool(steps)] else wrong).append(alert)
    return Score(
        scenario=truth.scenario,
        found=tuple(step for step in truth.steps if step.id in titles),
        missed=tuple(step for step in truth.steps if step.id not in titles),
        by_step={step: tuple(dict.fromkeys(found)) for step, found in titles.items()},
        false_alarms=tuple(false_alarms),
        right=tuple(right),
        wrong=tuple(wrong),
        levels={level: sum(alert.level == level for alert in alerts) for level in LEVELS},
        rules=_top(alerts),
    )


def _top(alerts: Iterable[Judged]) -> tuple[tuple[str, str, int], ...]:
    counts: dict[tuple[str, str], int] = {}
    for alert in alerts:
        key = (alert.title, alert.level)
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], LEVELS.index(item[0][1]), item[0][0]))
    return tuple((title, level, count) for (title, level), count in ranked)
