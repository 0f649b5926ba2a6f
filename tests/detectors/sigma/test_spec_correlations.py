"""Sigma correlations: a test for each clause of the specification, on what is read and what it comes to.

Source: Sigma Correlation Rules Specification 2.1. What the specification leaves open and the project settles
(windows, order of arrival, firing again, absence, keys, numbers, chains, bounds) has its tests in
`tests/detectors/test_correlate_spec.py` and its neighbours; fields through pipelines in
`tests/detectors/test_correlate_rename.py`.
"""

from typing import Any

import pytest

from detectors.correlate.model import Bound, CorrelationRule, Type
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import CorrelationProblem, Where
from tests.detectors.test_correlate_spec import alerts, load, one

BODY: dict[str, Any] = {"type": "event_count", "rules": ["a"], "timespan": "1h", "condition": {"gte": 2}}


def parse(more: dict[str, Any] | None = None, **section: Any) -> CorrelationRule:
    body = {**BODY, **{key.replace("_", "-"): value for key, value in section.items()}}
    body = {key: value for key, value in body.items() if value is not None}
    return parse_correlation({"title": "T", "correlation": body, **(more or {})}, Where("f.yml"))


def wrong(more: dict[str, Any] | None = None, **section: Any) -> str:
    with pytest.raises(CorrelationProblem) as caught:
        parse(more, **section)
    return "; ".join(problem.message for problem in caught.value.problems)


# --- head


def test_title_is_mandatory() -> None:
    assert "needs a title" in wrong({"title": ""})


def test_id_is_optional_and_then_follows_from_the_title() -> None:
    assert parse().id == parse().id
    assert parse({"id": "0E95725D-7320-415d-80f7-004da920fc11"}).id == "0e95725d-7320-415d-80f7-004da920fc11"


def test_status_description_author_references_falsepositives_tags_are_kept() -> None:
    found = parse(
        {
            "status": "test",
            "description": "D",
            "author": "A",
            "references": ["r"],
            "falsepositives": ["f"],
            "tags": ["attack.t1110"],
            "date": "2024-01-01",
            "modified": "2024-01-02",
        }
    )
    assert (found.status, found.description, found.author) == ("test", "D", "A")
    assert (found.references, found.falsepositives, found.tags) == (("r",), ("f",), ("attack.t1110",))


def test_level_is_one_of_five() -> None:
    assert parse({"level": "high"}).level == "high"
    assert "`level` cannot be" in wrong({"level": "severe"})


def test_generate_is_false_by_default() -> None:
    assert not parse().generate
    assert parse({"generate": True}).generate
    assert parse(generate=True).generate
    assert "`generate` is true or false" in wrong({"generate": "yes"})


# --- section


@pytest.mark.parametrize("kind", [each.value for each in Type])
def test_type_is_one_of_eight(kind: str) -> None:
    temporal = kind.startswith("temporal")
    condition = None if temporal else {"gte": 2, **({} if kind == "event_count" else {"field": "F"})}
    assert parse(type=kind, rules=["a", "b"], condition=condition).type is Type(kind)


def test_type_is_mandatory() -> None:
    assert "no correlation type" in wrong(type=None)


def test_rules_are_mandatory_by_id_or_name() -> None:
    assert "no rules" in wrong(rules=None)
    assert (
        parse(rules=["5638f7c0-ac70-491d-8465-2a65075e0d86", "firewall_block"]).rules[1] == "firewall_block"
    )


def test_aliases_name_a_field_for_each_rule() -> None:
    found = parse(aliases={"ip": {"a": "src"}}, group_by=["ip"])
    assert found.aliases == {"ip": {"a": "src"}}


def test_group_by_several_fields_are_one_key_together() -> None:
    keys = {"user": "u", "domain": "d"}
    correlation = one("event_count", group_by=["user", "domain"], condition={"gte": 2})
    assert alerts(correlation, ("a", 0, keys), ("a", 1, keys))
    assert not alerts(correlation, ("a", 0, keys), ("a", 1, {**keys, "domain": "e"}))


@pytest.mark.parametrize(("text", "seconds"), [("15s", 15), ("90m", 5400), ("1h", 3600), ("2d", 172800)])
def test_timespan_is_a_number_and_a_letter(text: str, seconds: int) -> None:
    assert parse(timespan=text).timespan == seconds * 1_000_000_000


@pytest.mark.parametrize("text", ["1", "h", "1 h", "1H", "-1h", "1.5h", "1h30m", 60, None])
def test_timespan_is_mandatory_and_nothing_else(text: object) -> None:
    assert "timespan" in wrong(timespan=text)


@pytest.mark.parametrize(
    ("bound", "fires"),
    [({"gt": 2}, 3), ({"gte": 2}, 2), ({"lt": 2}, 1), ({"lte": 1}, 1), ({"eq": 2}, 2), ({"neq": 1}, 2)],
)
def test_condition_criteria(bound: dict[str, int], fires: int) -> None:
    events = [("a", second) for second in range(fires)]
    assert alerts(one("event_count", condition=bound), *events)


def test_condition_range_is_both_bounds() -> None:
    assert parse(condition={"gt": 100, "lte": 200}).bounds == (Bound("gt", 100), Bound("lte", 200))


def test_condition_is_mandatory_but_for_temporal_types() -> None:
    assert "no condition" in wrong(condition=None)
    assert parse(type="temporal", rules=["a", "b"], condition=None)


# --- types


def test_event_count_counts_events_of_all_its_rules_in_a_group() -> None:
    correlation = one("event_count", rules=["a", "b"], group_by=["H"], condition={"gte": 3})
    assert alerts(correlation, ("a", 0, {"H": "x"}), ("b", 1, {"H": "x"}), ("a", 2, {"H": "x"}))
    assert not alerts(correlation, ("a", 0, {"H": "x"}), ("b", 1, {"H": "y"}), ("a", 2, {"H": "x"}))


def test_value_count_counts_distinct_values_of_its_field() -> None:
    correlation = one("value_count", condition={"field": "U", "gte": 2})
    assert alerts(correlation, ("a", 0, {"U": "x"}), ("a", 1, {"U": "y"}))
    assert not alerts(correlation, ("a", 0, {"U": "x"}), ("a", 1, {"U": "x"}))


def test_temporal_needs_every_rule_within_the_timespan() -> None:
    correlation = one("temporal", rules=["a", "b"], group_by=["H"])
    assert alerts(correlation, ("b", 0, {"H": "x"}), ("a", 9, {"H": "x"}))
    assert not alerts(correlation, ("b", 0, {"H": "x"}), ("a", 11, {"H": "x"}))
    assert not alerts(correlation, ("b", 0, {"H": "x"}), ("a", 9, {"H": "y"}))


def test_temporal_ordered_needs_them_in_their_order() -> None:
    correlation = one("temporal_ordered", rules=["a", "b"])
    assert alerts(correlation, ("a", 0), ("b", 1))
    assert not alerts(correlation, ("b", 0), ("a", 1))


def test_value_sum_adds_the_numbers_of_its_field() -> None:
    correlation = one("value_sum", condition={"field": "N", "gt": 9})
    assert alerts(correlation, ("a", 0, {"N": "4"}), ("a", 1, {"N": "6"}))
    assert not alerts(correlation, ("a", 0, {"N": "4"}), ("a", 1, {"N": "5"}))


def test_value_avg_is_their_mean() -> None:
    correlation = one("value_avg", condition={"field": "N", "gte": 5})
    assert alerts(correlation, ("a", 0, {"N": "4"}), ("a", 1, {"N": "6"}))
    assert not alerts(correlation, ("a", 0, {"N": "4"}), ("a", 1, {"N": "5"}))


def test_value_median_is_the_middle_one() -> None:
    values = [("a", second, {"N": number}) for second, number in enumerate(("1", "5", "100"))]
    assert alerts(one("value_median", condition={"field": "N", "eq": 5}), *values)


def test_value_percentile_is_below_which_p_percent_lie() -> None:
    values = [("a", second / 10, {"N": str(second)}) for second in range(101)]
    high = one("value_percentile", condition={"field": "N", "percentile": 95, "gte": 95}, timespan="1h")
    assert alerts(high, *values)
    over = one("value_percentile", condition={"field": "N", "percentile": 95, "gt": 100}, timespan="1h")
    assert not alerts(over, *values)


# --- aliases, chains: the specification's examples


def test_aliases_group_different_fields_of_different_rules() -> None:
    correlation = one(
        "temporal",
        rules=["a", "b"],
        group_by=["internal_ip", "remote_ip"],
        aliases={
            "internal_ip": {"a": "destination.ip", "b": "source.ip"},
            "remote_ip": {"a": "source.ip", "b": "destination.ip"},
        },
    )
    there = {"destination.ip": "10.0.0.1", "source.ip": "1.1.1.1"}
    back = {"source.ip": "10.0.0.1", "destination.ip": "1.1.1.1"}
    assert alerts(correlation, ("a", 0, there), ("b", 1, back))
    assert not alerts(correlation, ("a", 0, there), ("b", 1, there))


CHAIN = """
id: many
name: many_failed
correlation: {type: event_count, rules: [a], group-by: [User, Computer], timespan: 10s, condition: {gte: 3}}
---
id: then
correlation: {type: temporal_ordered, rules: [many_failed, b], group-by: [User], timespan: 1h}
"""


def test_chain_failed_logins_followed_by_a_successful_one() -> None:
    at = {"User": "u", "Computer": "c"}
    fired = alerts(load(CHAIN), *[("a", second, at) for second in range(3)], ("b", 9, {"User": "u"}))
    assert "then" in {each.correlation for each in fired}
    alone = alerts(load(CHAIN), ("b", 0, {"User": "u"}), *[("a", second, at) for second in (1, 2, 3)])
    assert "then" not in {each.correlation for each in alone}
