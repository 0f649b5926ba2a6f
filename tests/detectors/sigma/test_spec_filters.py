"""Filters: added to the rules they name, as they are written."""

import pytest

from detectors.sigma.rules import RuleSet
from tests.detectors.sigma.kit import rule_text, rules_of, verdict

RULE = rule_text("sel:\n  F: a\ncondition: sel", name="the_rule")


def filter_text(rules: str, condition: str = "not selection", product: str = "test") -> bytes:
    return (
        f"title: Known\nlogsource: {{product: {product}}}\nfilter:\n  rules: {rules}\n"
        f"  selection:\n    U: admin\n  condition: {condition}\n"
    ).encode()


@pytest.mark.parametrize("rules", ["any", "[the_rule]", "[T]", "['00000000-0000-4000-8000-000000000001']"])
def test_filter_rules_by_any_name_title_or_id_take_events_out(rules: str) -> None:
    found = rules_of(RULE, filter_text(rules))
    assert verdict(found, {"F": "a", "U": "eve"})
    assert not verdict(found, {"F": "a", "U": "Admin"})


def test_filter_for_other_rules_or_log_sources_changes_nothing() -> None:
    for text in (filter_text("[other]"), filter_text("any", product="windows")):
        assert verdict(rules_of(RULE, text), {"F": "a", "U": "admin"})


def test_filter_condition_is_anded_as_written_and_a_missing_not_is_warned_of() -> None:
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


def test_filter_title_is_mandatory() -> None:
    (problem,) = rules_of(RULE, filter_text("any").replace(b"title: Known", b"id: x")).problems
    assert "needs a title" in problem.message


def test_filter_log_source_is_mandatory() -> None:
    (problem,) = rules_of(RULE, filter_text("any").replace(b"logsource: {product: test}\n", b"")).problems
    assert "no log source" in problem.message


@pytest.mark.parametrize("rules", ["[]", "''", "null"])
def test_filter_rules_are_mandatory_so_that_none_hides_all_by_mistake(rules: str) -> None:
    found = rules_of(RULE, filter_text(rules))
    assert "no rules" in found.problems[0].message
    assert verdict(found, {"F": "a", "U": "admin"})


def test_filter_condition_is_mandatory() -> None:
    (problem,) = rules_of(RULE, filter_text("any").replace(b"  condition: not selection\n", b"")).problems
    assert "no condition" in problem.message


def test_filter_rules_that_nobody_is_called_are_warned_of() -> None:
    found = rules_of(RULE, filter_text("[the_rule, gone]"))
    assert [each.message for each in found.problems] == ["filter 'Known': no rule is called 'gone'"]
    assert not found.problems[0].fatal
    assert not verdict(found, {"F": "a", "U": "admin"})


def test_filter_global_applies_to_every_rule_of_its_log_source() -> None:
    other = rule_text("sel:\n  G: a\ncondition: sel", id="00000000-0000-4000-8000-000000000002")
    found = rules_of(RULE, other, filter_text("any"))
    assert len({rule.text_hash for rule in found.rules}) == 2
    for rule in found.rules:
        assert not verdict(RuleSet([rule]), {"F": "a", "G": "a", "U": "admin"})


def test_filter_of_a_product_applies_to_its_categories_and_services() -> None:
    rule = RULE.replace(b"  product: test\n", b"  product: test\n  category: event\n")
    assert not verdict(rules_of(rule, filter_text("any")), {"F": "a", "U": "admin"})


def test_filter_selections_may_be_several_with_any_condition() -> None:
    text = filter_text("any", "not (selection or other)").replace(
        b"  condition", b"  other:\n    V|startswith: adm_\n  condition"
    )
    assert not verdict(rules_of(RULE, text), {"F": "a", "V": "adm_x"})
    assert verdict(rules_of(RULE, text), {"F": "a", "V": "x"})


def test_filter_of_several_each_takes_its_part() -> None:
    second = filter_text("any").replace(b"U: admin", b"U: root").replace(b"Known", b"Second")
    found = rules_of(RULE, filter_text("any"), second)
    for user, expected in (("admin", False), ("root", False), ("eve", True)):
        assert verdict(found, {"F": "a", "U": user}) is expected


def test_filter_without_level_or_status_never_alerts_by_itself() -> None:
    found = rules_of(RULE, filter_text("any"))
    assert [rule.name for rule in found.rules] == ["the_rule"]


def test_filter_order_of_files_changes_nothing() -> None:
    assert not verdict(rules_of(filter_text("any"), RULE), {"F": "a", "U": "admin"})


def test_filter_never_applies_to_a_correlation() -> None:
    count = (
        b"title: C\nname: count\ncorrelation: {type: event_count, rules: [the_rule], timespan: 1h, "
        b"condition: {gte: 2}}\n"
    )
    found = rules_of(RULE, count, filter_text("[count]"))
    assert [each.message for each in found.problems] == ["filter 'Known': no rule is called 'count'"]
    assert [each.body["name"] for each in found.others] == ["count"]
    assert verdict(found, {"F": "a", "U": "admin"})
