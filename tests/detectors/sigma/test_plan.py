"""Plans: what an event type's constants settle is not looked at again, and hides nothing."""

import msgspec

from detectors.sigma.match import SigmaDetector
from tests.detectors.sigma.kit import TYPE, cells, frame_of, rule_text, rules_of

RULES = rules_of(
    rule_text(
        "sel:\n  EventID: 1\n  A: x\ncondition: sel", title="one", id="00000000-0000-4000-8000-00000000000a"
    ),
    rule_text(
        "sel:\n  EventID: 2\n  B: x\ncondition: sel", title="two", id="00000000-0000-4000-8000-00000000000b"
    ),
    rule_text(
        "sel:\n  C: x\nother:\n  EventID: 2\n  D: x\ncondition: sel and not other",
        title="any",
        id="00000000-0000-4000-8000-00000000000c",
    ),
)
ONE, TWO, THREE = (msgspec.structs.replace(TYPE, name=n, constants=(("EventID", n),)) for n in "123")


def test_only_what_can_still_match_is_needed() -> None:
    detector = SigmaDetector(RULES)
    assert detector.needs(ONE).fields == {"EventID", "A", "C"}
    assert detector.needs(TWO).fields == {"EventID", "B", "C", "D"}
    assert detector.needs(THREE).fields == {"EventID", "C"}
    assert detector.needs(TYPE).fields == {"EventID", "A", "B", "C", "D"}


def test_types_that_no_rule_tells_apart_share_a_plan() -> None:
    detector = SigmaDetector(RULES)
    others = [
        msgspec.structs.replace(TYPE, name=f"t{n}", constants=(("EventID", str(n)),)) for n in range(100, 200)
    ]
    assert len({id(detector.plan(each)) for each in others}) == 1
    assert detector.plan(ONE) is not detector.plan(TWO)


def test_an_event_that_says_two_values_meets_the_rules_of_both() -> None:
    detector = SigmaDetector(RULES)
    events = [
        cells({"EventID": "1", "A": "x"}),
        cells({"EventID": ["1", "2"], "B": "x", "A": "y"}),
        cells({"EventID": "1", "B": "x"}),
        cells({"A": "x"}),
        cells({"EventID": "2", "B": "x"}),
    ]
    frame = frame_of(detector, events, ONE)
    found = detector.detect(frame)
    title = {rule.id: rule.title for rule in RULES.rules}
    assert {(title[rule], row) for rule, row in zip(found.rules, found.rows, strict=True)} == {
        ("one", 0),
        ("two", 1),
        ("two", 4),
    }


def test_constants_change_no_match() -> None:
    detector = SigmaDetector(RULES)
    events = [
        cells({"EventID": "2", **{name: value for name, value in zip("ABCD", bits, strict=True)}})
        for bits in ("xxxx", "xyxy", "yxxy", "yyxx", "yxyx")
    ]
    plain = detector.detect(frame_of(detector, events, TYPE))
    planned = detector.detect(frame_of(detector, events, TWO))
    assert sorted(zip(plain.rules, plain.rows, strict=True)) == sorted(
        zip(planned.rules, planned.rows, strict=True)
    )
    assert len(plain) > 3
