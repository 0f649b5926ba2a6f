"""Near misses: what lacks one item, nearest first."""

from detectors.contract import EventType, LogSource
from detectors.sigma.near import near_misses
from tests.detectors.sigma.kit import TYPE, rule_text, rules_of

RULES = rules_of(
    rule_text(
        "sel:\n  A: 1\n  B: 1\n  C: 1\ncondition: sel",
        title="three",
        id="00000000-0000-4000-8000-00000000000a",
    ),
    rule_text("sel:\n  A: 1\n  D: 1\ncondition: sel", title="two", id="00000000-0000-4000-8000-00000000000b"),
    rule_text("sel:\n  E: 1\ncondition: sel", title="nothing met", id="00000000-0000-4000-8000-00000000000c"),
    rule_text(
        "sel:\n  A: 1\nfilter:\n  B: 1\ncondition: sel and not filter",
        title="filtered",
        id="00000000-0000-4000-8000-00000000000d",
    ),
    rule_text("sel:\n  A: 1\ncondition: sel", title="fires", id="00000000-0000-4000-8000-00000000000e"),
).rules
EVENT = {"A": "1", "B": "1"}


def test_rules_that_lack_one_item_come_nearest_first() -> None:
    found = near_misses(RULES, TYPE, EVENT.get)
    assert [(near.rule.title, [test.field for test in near.lacking]) for near in found] == [
        ("three", ["C"]),
        ("filtered", ["B"]),
        ("two", ["D"]),
    ]


def test_rules_of_other_log_sources_are_left_out() -> None:
    other = EventType("x", "x", frozenset((LogSource("windows"),)))
    assert near_misses(RULES, other, EVENT.get) == []


def test_more_may_be_lacking_when_asked() -> None:
    found = near_misses(RULES, TYPE, {"A": "1"}.get, most=2)
    assert [near.rule.title for near in found] == ["two", "three"]
