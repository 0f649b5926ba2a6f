"""What a rule can come to without some fields: never called blind where an event could meet it."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from detectors.contract import NULL, Text
from detectors.sigma.able import able, asked, lacking, settle, unused
from detectors.sigma.explain import explain
from detectors.sigma.expression import And, Exists, Expression, FieldRef, IsNull, Like, Not, Or
from detectors.sigma.expression import Test as ATest
from tests.detectors.sigma.kit import rule_text, rules_of

FIELDS = ("a", "b", "c")
CHECKS = st.sampled_from(
    [Like(("x",)), Like(("y",)), IsNull(), Exists(True), Exists(False), FieldRef("a"), FieldRef("b")]
)
TESTS = st.builds(ATest, st.sampled_from(FIELDS), CHECKS, st.booleans())
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    TESTS,
    lambda below: st.one_of(
        st.builds(Not, below),
        st.builds(And, st.lists(below, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(below, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
CELLS: st.SearchStrategy[Text] = st.sampled_from(["x", "y", NULL])
EVENTS = st.dictionaries(st.sampled_from(FIELDS), CELLS)


@settings(max_examples=500)
@given(EXPRESSIONS, EVENTS)
@example(ATest("a", FieldRef("b"), True), {"a": NULL})
def test_what_an_event_meets_is_able_with_that_events_fields(
    expression: Expression, event: dict[str, Text]
) -> None:
    outcome = explain(expression, event.get).true
    assert able(expression, event.keys(), outcome)
    assert lacking(expression, event.keys(), outcome) == frozenset()


@settings(max_examples=500)
@given(EXPRESSIONS, st.sets(st.sampled_from(FIELDS)))
def test_with_what_is_lacking_it_becomes_able(expression: Expression, seen: set[str]) -> None:
    if able(expression, set(FIELDS)):
        assert able(expression, seen | lacking(expression, seen))


@settings(max_examples=500)
@given(EXPRESSIONS, EVENTS)
def test_settling_constants_changes_no_outcome(expression: Expression, event: dict[str, Text]) -> None:
    constants = {field: cell for field, cell in event.items() if isinstance(cell, str) and field != "c"}
    left = settle(expression, constants)
    outcome = left if isinstance(left, bool) else explain(left, event.get).true
    assert outcome == explain(expression, event.get).true


def expression_of(detection: str) -> Expression:
    return rules_of(rule_text(detection)).rules[0].expression


def test_a_rule_without_its_field_lacks_it() -> None:
    rule = expression_of("sel:\n  Image: x\n  Hashes: y\ncondition: sel")
    assert not able(rule, {"Image"})
    assert lacking(rule, {"Image"}) == {"Hashes"}
    assert asked(rule) == {"Image", "Hashes"}


def test_an_alternative_that_cannot_hold_is_told() -> None:
    rule = expression_of("sel:\n  - Image: x\n  - OriginalFileName: y\ncondition: sel")
    assert able(rule, {"Image"})
    assert unused(rule, {"Image"}) == {"OriginalFileName"}


def test_a_filter_on_a_field_that_never_comes_blinds_nothing() -> None:
    rule = expression_of("sel:\n  Image: x\nfilter:\n  User: y\ncondition: sel and not filter")
    assert able(rule, {"Image"})
    assert unused(rule, {"Image"}) == frozenset()


def test_of_two_ways_back_the_one_by_a_field_that_did_come_is_named() -> None:
    rule = expression_of("sel:\n  - A: x\n  - B: y\ncondition: sel")
    assert lacking(rule, set(), likely={"B"}) == {"B"}
