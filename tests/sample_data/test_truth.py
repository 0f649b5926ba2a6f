"""The truth points at what it says: lines that exist, at the time, with the entities of the step."""

from __future__ import annotations

import re

import pytest

from sample_data import SCENARIOS
from sample_data.domain import HOSTS
from sample_data.farm import SERVERS
from sample_data.story import Tale
from sample_data.truth import Step, load_truth
from sample_data.world import Day, iso_milli
from tests.sample_data.scenarios import DATES, files, lines, time_of

_STEPS = [(name, step) for name in SCENARIOS for step in load_truth(name).steps]
_TACTICS = {
    "reconnaissance", "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion",
    "credential-access", "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration",
    "impact",
}  # fmt: skip

# Network logs know a host by its address only, audit records know an account by its number only.
_OTHER_NAMES = {
    **{host.fqdn: f'"{host.ip}"' for host in HOSTS},
    **{host.name: f'"{host.ip}"' for host in SERVERS},
    "www-data": " uid=33 ",
}


def each_step() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "step"), _STEPS, ids=[step.id for _, step in _STEPS])


@pytest.mark.parametrize(("name", "at_least"), [("invoice", 14), ("miner", 11), ("cloud", 11)])
def test_enough_steps_in_order_among_enough_benign_events(name: str, at_least: int) -> None:
    truth = load_truth(name)
    assert len(truth.steps) >= at_least
    assert [step.order for step in truth.steps] == list(range(1, len(truth.steps) + 1))
    assert len({step.id for step in truth.steps}) == len(truth.steps)
    starts = [step.start for step in truth.steps]
    assert starts == sorted(starts), "the story is told in the order of time"
    assert truth.benign.events >= 20_000
    assert truth.benign.look_alikes


@pytest.mark.parametrize("name", SCENARIOS)
def test_benign_and_attack_events_add_up_to_all_lines(name: str) -> None:
    truth = load_truth(name)
    attack = {event for step in truth.steps for event in step.events}
    assert len(attack) == sum(len(step.events) for step in truth.steps), "an event belongs to one step"
    assert sorted(truth.benign.by_file) == files(name)
    for file, count in truth.benign.by_file.items():
        assert count + sum(event.file == file for event in attack) == len(lines(name, file)), file
    assert sum(truth.benign.by_file.values()) == truth.benign.events


@each_step()
def test_a_step_is_told_and_labelled(name: str, step: Step) -> None:
    assert re.fullmatch(r"T\d{4}(\.\d{3})?", step.technique)
    assert step.tactic in _TACTICS
    assert step.sentence.endswith(".") and len(step.sentence) > 40
    assert step.title and step.hint_where and step.hint_field
    assert step.entities


@each_step()
def test_a_step_points_at_lines_within_its_time(name: str, step: Step) -> None:
    assert step.events
    for event in step.events:
        time = iso_milli(time_of(name, event.file, lines(name, event.file)[event.line]))
        second = len("2026-03-03T08:41:03")  # CloudTrail tells no fractions
        assert step.start[:second] <= time[:second] <= step.end[:second]


@each_step()
def test_every_entity_of_a_step_occurs_in_its_events(name: str, step: Step) -> None:
    text = "\n".join(lines(name, event.file)[event.line] for event in step.events)
    for entity in step.entities:
        plain = entity.value.rsplit("\\", 1)[-1]  # Security events hold the domain in a field of its own
        forms = (plain, plain.encode().hex().upper(), _OTHER_NAMES.get(plain, plain))
        assert any(form in text for form in forms), f"{entity.kind} {entity.value}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_file_of_the_attack_holds_mostly_what_is_no_attack(name: str) -> None:
    truth = load_truth(name)
    for file, count in truth.benign.by_file.items():
        assert count > len(lines(name, file)) * 0.75, file


def test_times_of_the_day_are_the_ones_the_story_names() -> None:
    first = {name: load_truth(name).steps[0].start for name in SCENARIOS}
    assert first["invoice"] == iso_milli(Day(DATES["invoice"]).at("08:41:03.21"))
    assert first["miner"].startswith("2026-03-04T01:52:10")
    assert first["cloud"].startswith("2026-03-05T03:12:07")


def test_a_tale_and_a_step_have_the_same_telling() -> None:
    assert set(Tale.__annotations__) < set(Step.__struct_fields__)
