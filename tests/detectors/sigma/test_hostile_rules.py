"""A hostile set of rules: each file ends in an error with its reason or in a rule of bounded cost."""

from __future__ import annotations

import time

import pytest

from detectors.contract import EventType, LogSource
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import CorrelationProblem, Where
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import parse_rules
from tests.detectors.sigma.kit import cells, frame_of
from tests.hostile_rules import FILES, VALUES

CONNECTION = EventType("zeek.conn", "zeek", frozenset((LogSource("zeek", "", "conn"),)))
EXPRESSIONS = [name for name in FILES if name.startswith(("regex", "full"))]
MANY = (
    "contains",
    "equal",
    "all",
    "windash",
    "keywords",
    "base64offset",
    "networks",
    "wildcards",
    "identifiers",
)
USABLE = {*EXPRESSIONS, *(f"many-{name}.yml" for name in MANY), "wide-condition.yml"} - {"regex-17.yml"}


@pytest.mark.parametrize("name", FILES)
def test_reading_a_hostile_file_ends_in_rules_or_reasons(name: str) -> None:
    began = time.process_time()
    found = parse_rules({name: FILES[name]})
    reasons = [problem.message for problem in found.problems]
    for other in found.others:
        with pytest.raises(CorrelationProblem) as caught:
            parse_correlation(other.body, Where.document(name, FILES[name], other.index))
        reasons += [problem.message for problem in caught.value.problems]
    assert [rule.title[:7] for rule in found.rules] == ["Hostile"] * (name in USABLE)
    assert found.rules or reasons
    assert all(len(reason) < 12_000 for reason in reasons)
    assert time.process_time() - began < 30


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_hostile_expressions_meet_hostile_values_in_bounded_time(name: str) -> None:
    detector = SigmaDetector(parse_rules({name: FILES[name]}))
    detector.detect(frame_of(detector, [cells({"uid": "a"})], CONNECTION))  # compiled with the first
    began = time.process_time()
    events = [cells({"uid": value + str(number)}) for number in range(3) for value in VALUES]
    detector.detect(frame_of(detector, events, CONNECTION))
    assert time.process_time() - began < 20
