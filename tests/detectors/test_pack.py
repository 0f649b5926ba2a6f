"""The rule pack: valid Sigma, and each rule finds what it is for and passes over what only looks like it."""

from __future__ import annotations

import functools
import re
import uuid
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sigma.collection import SigmaCollection

from detectors.correlate.model import CorrelationRule
from detectors.sigma.rules import Rule
from detectors.taxonomy.attack import tactic_name, technique
from tests.detectors.pack_files import book, correlate, events, rules, run, slug
from tests.detectors.pack_page import PAGE, page
from xdrtui.pipeline.rulebook import PACK

ROWS = [rule for rule in rules() if isinstance(rule, Rule)]
CORRELATIONS = [rule for rule in rules() if isinstance(rule, CorrelationRule)]
FILES = sorted(PACK.rglob("*.yml"))
LEVELS = ("informational", "low", "medium", "high", "critical")

each_rule = pytest.mark.parametrize("rule", rules(), ids=slug)
each_row_rule = pytest.mark.parametrize("rule", ROWS, ids=slug)
each_correlation = pytest.mark.parametrize("rule", CORRELATIONS, ids=slug)


@functools.cache
def found_in_all_events() -> dict[tuple[str, str, int], frozenset[str]]:
    """(rule whose event it is, positive or negative, number) -> rules that found it. One pass over all."""
    places, written = [], []
    for rule in ROWS:
        for kind, chosen in (("positive", events(rule).positive), ("negative", events(rule).negative)):
            for number, event in enumerate(chosen):
                places.append((rule.id, kind, number))
                written.append(event)
    finders: dict[int, set[str]] = defaultdict(set)
    for found in run(written):
        finders[found.position.offset].add(found.rule)
    return {place: frozenset(finders[offset]) for offset, place in enumerate(places)}


def missed(rule: Rule, kind: str, wanted: bool) -> list[int]:
    """Numbers of the rule's events of this kind on which it does not do what is wanted."""
    return [
        number
        for (owner, its_kind, number), finders in found_in_all_events().items()
        if owner == rule.id and its_kind == kind and (rule.id in finders) != wanted
    ]


def test_the_pack_is_of_a_useful_size() -> None:
    assert len(ROWS) >= 180
    assert len(CORRELATIONS) >= 20


def test_every_file_is_read_without_a_problem() -> None:
    assert [str(problem) for problem in book().broken] == []


def test_every_rule_is_sigma_to_another_reader_too() -> None:
    text = "\n---\n".join(file.read_text(encoding="utf-8") for file in FILES)
    collection = SigmaCollection.from_yaml(text, collect_errors=True)
    assert collection.errors == []
    assert [(rule.title, rule.errors) for rule in collection.rules if rule.errors] == []
    assert len(collection.rules) == len(ROWS) + len(CORRELATIONS)


def test_ids_are_unique_random_uuids() -> None:
    ids = [uuid.UUID(rule.id) for rule in rules()]
    assert len(set(ids)) == len(ids)
    assert {each.version for each in ids} == {4}


def test_titles_are_unique() -> None:
    assert [title for title, number in Counter(rule.title for rule in rules()).items() if number > 1] == []


def test_every_rule_file_has_its_events_and_the_other_way_round() -> None:
    written = {file.name.removesuffix(".events.json") for file in PACK.rglob("*.events.json")}
    assert written == {file.stem for file in FILES}


@each_rule
def test_a_rule_says_what_an_analyst_must_know(rule: Rule | CorrelationRule) -> None:
    assert rule.author == "xdrtui"
    assert rule.status in ("experimental", "test", "stable")
    assert rule.level in LEVELS
    assert len(rule.description) > 30
    assert rule.references
    assert rule.false_positives if isinstance(rule, Rule) else rule.falsepositives


@each_rule
def test_tags_name_techniques_and_their_tactics(rule: Rule | CorrelationRule) -> None:
    named = [tag for tag in rule.tags if re.match(r"attack\.t\d", tag)]
    tactics = {tag.removeprefix("attack.") for tag in rule.tags} - {n.removeprefix("attack.") for n in named}
    assert named
    assert tactics
    assert all(tactic_name(tactic) for tactic in tactics)
    of_techniques: set[str] = set()
    for tag in named:
        known = technique(tag)
        assert known is not None, tag
        assert known.id == tag.removeprefix("attack.").upper(), f"{tag} was replaced by {known.id}"
        of_techniques |= set(known.tactics)
    assert tactics <= of_techniques


@each_row_rule
def test_a_rule_lies_in_the_folder_of_its_product(rule: Rule) -> None:
    assert Path(rule.file).parent == PACK / rule.log_source.product


@each_row_rule
def test_a_rule_finds_its_positive_events(rule: Rule) -> None:
    assert events(rule).positive
    assert missed(rule, "positive", wanted=True) == []


@each_row_rule
def test_a_rule_passes_over_its_negative_events(rule: Rule) -> None:
    assert events(rule).negative
    assert missed(rule, "negative", wanted=False) == []


@each_correlation
def test_a_correlation_fires_on_its_positive_events(rule: CorrelationRule) -> None:
    fired = correlate(run(events(rule).positive))
    assert rule.id in {each.correlation for each in fired}


@each_correlation
def test_a_correlation_is_silent_on_its_negative_events(rule: CorrelationRule) -> None:
    found = run(events(rule).negative)
    assert {each.rule for each in found} & set(rule.rules) or set(rule.rules) <= {c.id for c in CORRELATIONS}
    assert rule.id not in {each.correlation for each in correlate(found)}


def test_levels_are_spread_and_critical_is_rare() -> None:
    levels = Counter(rule.level for rule in rules())
    assert set(levels) == set(LEVELS)
    assert levels["critical"] <= len(rules()) * 0.08
    assert levels["high"] <= len(rules()) * 0.5


def test_rules_that_match_everyday_events_only_feed_correlations() -> None:
    everyday = [rule for rule in ROWS if rule.false_positives in (("Everyone",), ("People",))]
    assert everyday
    assert {rule.id for rule in everyday} <= book().muted


def test_the_manual_lists_every_rule_as_it_is() -> None:
    """Renew it by: python -m tests.detectors.pack_page"""
    assert PAGE.read_text(encoding="utf-8") == page()
