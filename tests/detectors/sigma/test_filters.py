"""Filters: added to the rules they name, as they are written."""

import pytest

from tests.detectors.sigma.kit import rule_text, rules_of, verdict

RULE = rule_text("sel:\n  F: a\ncondition: sel", name="the_rule")


def filter_text(rules: str, condition: str = "not selection", product: str = "test") -> bytes:
    return (
        f"title: Known\nlogsource: {{product: {product}}}\nfilter:\n  rules: {rules}\n"
        f"  selection:\n    U: admin\n  condition: {condition}\n"
    ).encode()


@pytest.mark.parametrize("rules", ["any", "[the_rule]", "[T]", "['00000000-0000-4000-8000-000000000001']"])
def test_a_filter_takes_events_out(rules: str) -> None:
    found = rules_of(RULE, filter_text(rules))
    assert verdict(found, {"F": "a", "U": "eve"})
    assert not verdict(found, {"F": "a", "U": "Admin"})


def test_a_filter_for_other_rules_or_sources_changes_nothing() -> None:
    for text in (filter_text("[other]"), filter_text("any", product="windows")):
        assert verdict(rules_of(RULE, text), {"F": "a", "U": "admin"})


def test_the_text_is_anded_as_written_and_a_missing_not_is_warned_of() -> None:
    found = rules_of(RULE, filter_text("any", "selection"))
    assert not verdict(found, {"F": "a", "U": "eve"})
    assert "keeps only what it selects" in found.problems[0].message
    assert not found.problems[0].fatal


def test_a_filter_changes_the_rules_content_hash() -> None:
    (plain,), (changed,) = rules_of(RULE).rules, rules_of(RULE, filter_text("any")).rules
    assert plain.text_hash != changed.text_hash


def test_a_broken_filter_has_its_line() -> None:
    (problem,) = rules_of(RULE, filter_text("any", "not selektion")).problems
    assert problem.line == 7
    assert "did you mean 'selection'?" in str(problem)
