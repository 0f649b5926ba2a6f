"""Regular expressions that Hyperscan refuses: bounded in time, never switched off by what is fed to them."""

import time

from detectors.sigma.match import SigmaDetector
from tests.detectors.sigma.kit import cells, frame_of, rule_text, rules_of

RULES = rules_of(rule_text("sel:\n  F|re: '(?=a)(a|aa)+$'\ncondition: sel"))
HOSTILE = "a" * 60 + "!"


def test_hostile_values_cost_little_and_switch_nothing_off() -> None:
    detector = SigmaDetector(RULES)
    events = [cells({"F": HOSTILE + str(number)}) for number in range(100)]
    began = time.perf_counter()
    assert len(detector.detect(frame_of(detector, events))) == 0
    assert time.perf_counter() - began < 5
    assert len(detector.detect(frame_of(detector, [cells({"F": "aaa"})]))) == 1


def test_values_that_were_given_up_are_counted() -> None:
    detector = SigmaDetector(RULES)
    assert detector.timeouts == {}
    detector.detect(frame_of(detector, [cells({"F": HOSTILE})]))
    assert detector.timeouts == {"(?=a)(a|aa)+$": 1}
