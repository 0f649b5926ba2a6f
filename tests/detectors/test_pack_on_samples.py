"""The rule pack on the bundled attacks: nearly every step found, hardly a false alarm."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

import sample_data
from detectors.correlate.model import CorrelationRule, Fired
from detectors.sigma.rules import Rule
from tests.detectors.pack_files import book, correlate
from xdrtui.events.message import Position
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.process import Process
from xdrtui.sources.files import open_files
from xdrtui.store.batch import Found

SAMPLES = Path(next(iter(sample_data.__path__)))
SCENARIOS = ("invoice", "miner", "cloud")
LOUD = frozenset(("high", "critical"))


class Alert(msgspec.Struct, frozen=True):
    """What an analyst would get. steps: the attack steps among its events; empty: a false alarm."""

    title: str
    level: str
    about: str
    steps: frozenset[str]


class Outcome(msgspec.Struct, frozen=True):
    steps: tuple[str, ...]
    alerts: tuple[Alert, ...]

    @property
    def found(self) -> set[str]:
        return {step for alert in self.alerts for step in alert.steps}

    def false_alarms(self, levels: frozenset[str]) -> list[Alert]:
        return [alert for alert in self.alerts if alert.level in levels and not alert.steps]


@functools.cache
def outcome(scenario: str) -> Outcome:
    """The alerts on a scenario: a rule's findings on one entity within an hour are one alert."""
    folder = SAMPLES / scenario
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    step_of = {(e["file"], e["line"]): step["id"] for step in truth["steps"] for e in step["events"]}
    found: list[Found] = []
    steps: dict[Position, str] = {}
    for file in sorted(folder.glob("*.gz")):
        process, clock = Process(book()), ReplayClock()
        for messages in open_files([str(file)]):
            for each in process.run(messages, clock).found:
                found.append(each)
                if (step := step_of.get((file.name, each.position.offset))) is not None:
                    steps[each.position] = step
    alerts = [*row_alerts(found, steps), *correlation_alerts(correlate(found), steps)]
    return Outcome(tuple(step["id"] for step in truth["steps"]), tuple(alerts))


def row_alerts(found: list[Found], steps: dict[Position, str]) -> list[Alert]:
    alerts: dict[object, list[Found]] = defaultdict(list)
    for each in found:
        if not each.muted:
            alerts[each.rule, each.group, each.time // each.window].append(each)
    return [
        Alert(
            book().rules[findings[0].rule].title,
            findings[0].level,
            str(findings[0].group),
            frozenset(steps[each.position] for each in findings if each.position in steps),
        )
        for findings in alerts.values()
    ]


def correlation_alerts(fired: list[Fired], steps: dict[Position, str]) -> list[Alert]:
    known = {rule.id: rule for rule in book().correlations.rules}
    return [
        Alert(
            known[each.correlation].title,
            each.level,
            str(each.group),
            frozenset(step for m in each.members if (step := steps.get(Position(*m.position)))),  # type: ignore[arg-type]
        )
        for each in fired
        if each.correlation not in book().muted
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nine_of_ten_attack_steps_are_found(scenario: str) -> None:
    result = outcome(scenario)
    missed = [step for step in result.steps if step not in result.found]
    assert len(missed) <= len(result.steps) / 10, missed


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_at_most_three_false_alarms_a_day(scenario: str) -> None:
    alarms = outcome(scenario).false_alarms(LOUD)
    assert len(alarms) <= 3, alarms


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_queue_of_medium_alerts_stays_readable(scenario: str) -> None:
    """At most a dozen alerts of medium level a day that are not of the attack."""
    assert len(outcome(scenario).false_alarms(frozenset(("medium",)))) <= 12


def test_rules_of_every_kind_take_part() -> None:
    """Row rules and correlations of every product find steps of the attacks."""
    seen = {alert.title for scenario in SCENARIOS for alert in outcome(scenario).alerts if alert.steps}
    products = {
        Path(rule.file).parent.name
        for rule in (*book().rules.values(), *book().correlations.rules)
        if isinstance(rule, Rule | CorrelationRule) and rule.title in seen
    }
    assert products == {"windows", "linux", "zeek", "suricata", "aws", "metrics"}
    assert len(seen & {rule.title for rule in book().correlations.rules}) >= 8
