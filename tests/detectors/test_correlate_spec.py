"""What the specification of correlations says, and what the project settles where it leaves things open."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from detectors.contract import NULL, Text
from detectors.correlate.engine import Correlations, State
from detectors.correlate.links import BaseRule, resolve
from detectors.correlate.model import Fired, Match
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import Where

S = 1_000_000_000
M = 60 * S
BASES = [BaseRule(name * 2, name, "f.yml", "low") for name in "abcd"]


def load(text: str) -> Correlations:
    documents = list(yaml.safe_load_all(text))
    parsed = [
        parse_correlation({"title": f"t{n}", "id": f"t{n}", **d}, Where("f.yml"))
        for n, d in enumerate(documents)
    ]
    resolved = resolve(parsed, BASES)
    assert not [p for p in resolved.problems if p.fatal], resolved.problems
    return Correlations(resolved.rules)


def one(kind: str, **section: Any) -> Correlations:
    section.setdefault("rules", ["a"])
    section.setdefault("timespan", "10s")
    section = {key.replace("_", "-") if key == "group_by" else key: value for key, value in section.items()}
    return load(yaml.safe_dump({"correlation": {"type": kind, **section}}))


class Feeder:
    """Matches one after the other, at seconds."""

    def __init__(self, correlations: Correlations) -> None:
        self.state: State = correlations.new_state()
        self.number = 0

    def match(
        self, rule: str, second: float, values: dict[str, Text] | None = None, **texts: Text
    ) -> list[Fired]:
        self.number += 1
        position = ("s", 0, self.number, 0)
        return self.state.feed(
            [Match(rule * 2, int(second * S), position, {**(values or {}), **texts}, f"f{self.number}")]
        )

    def all(self, *matches: tuple[Any, ...]) -> list[Fired]:
        for rule, second, *rest in matches:
            self.match(rule, second, *rest)
        return self.state.finish()


def alerts(correlations: Correlations, *matches: tuple[Any, ...]) -> list[Fired]:
    feeder = Feeder(correlations)
    fired: dict[Any, Fired] = {}
    for rule, second, *rest in matches:
        fired.update((each.id, each) for each in feeder.match(rule, second, *rest))
    fired.update((each.id, each) for each in feeder.state.finish())
    return sorted(fired.values(), key=lambda each: (each.time, each.id))


# --- window


def test_the_window_is_closed_last_minus_first_may_equal_the_timespan() -> None:
    assert alerts(one("event_count", condition={"gte": 2}), ("a", 0), ("a", 10))
    assert not alerts(one("event_count", condition={"gte": 2}), ("a", 0), ("a", 10.001))


def test_the_window_slides_and_knows_no_boundaries() -> None:
    assert [f.time // S for f in alerts(one("event_count", condition={"gte": 2}), ("a", 9), ("a", 11))] == [
        11
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2m", 120), ("1h", 3600), ("1d", 86400), ("1w", 604800), ("1M", 2629746), ("1y", 31556952)],
)
def test_timespans(text: str, seconds: int) -> None:
    assert one("event_count", timespan=text, condition={"gte": 1}).rules[0].timespan == seconds * S


# --- conditions


def test_a_condition_may_have_several_bounds_and_all_must_hold() -> None:
    within = one("event_count", condition={"gt": 1, "lte": 2})
    assert [f.time // S for f in alerts(within, ("a", 0), ("a", 1), ("a", 2))] == [1]


def test_limits_are_exact_numbers() -> None:
    just = one("value_sum", condition={"gte": 0.3, "field": "n"})
    assert alerts(just, ("a", 0, {"n": "0.1"}), ("a", 1, {"n": "0.2"}))


def test_a_growing_condition_fires_with_the_match_that_fulfils_it() -> None:
    feeder = Feeder(one("event_count", condition={"gte": 2}))
    assert feeder.match("a", 0) == []
    assert [f.time for f in feeder.match("a", 1)] == [S]


@pytest.mark.parametrize("condition", [{"lte": 5}, {"lt": 5}, {"eq": 1}, {"neq": 3}, {"gte": 1, "lt": 9}])
def test_any_other_condition_is_decided_when_the_watermark_has_passed_window_and_lateness(
    condition: dict[str, int],
) -> None:
    feeder = Feeder(one("event_count", condition=condition))
    assert feeder.match("a", 10) == []
    assert feeder.state.advance(20 * S, 10 * S) == []
    assert [f.time for f in feeder.state.advance(20 * S + 1, 10 * S)] == [10 * S]


@pytest.mark.parametrize(
    "section",
    [
        {"kind": "value_avg", "condition": {"gte": 1, "field": "n"}},
        {"kind": "value_median", "condition": {"gte": 1, "field": "n"}},
        {"kind": "value_percentile", "condition": {"gte": 1, "field": "n", "percentile": 90}},
    ],
)
def test_averages_and_percentiles_wait_for_the_watermark(section: dict[str, Any]) -> None:
    feeder = Feeder(one(**section))
    assert feeder.match("a", 10, {"n": "5"}) == []
    assert feeder.state.advance(20 * S + 1, 10 * S)


def test_not_waits_for_the_watermark() -> None:
    feeder = Feeder(one("temporal", rules=["a", "b"], condition="a and not b"))
    assert feeder.match("a", 10) == []
    assert feeder.state.advance(30 * S, 10 * S)


def test_a_late_match_tests_every_window_that_holds_it() -> None:
    feeder = Feeder(one("event_count", condition={"gte": 3}))
    feeder.match("a", 0)
    feeder.match("a", 9)
    assert [(f.time, f.bucket) for f in feeder.match("a", 4)] == [(9 * S, 0)]


def test_an_earlier_satisfied_time_replaces_the_later_one_of_its_bucket() -> None:
    feeder = Feeder(one("event_count", condition={"gte": 2}))
    feeder.match("a", 5)
    assert [f.time // S for f in feeder.match("a", 8)] == [8]
    assert [f.time // S for f in feeder.match("a", 3)] == [5]


# --- firing again


def test_one_alert_a_bucket_and_later_matches_join_it() -> None:
    found = alerts(one("event_count", condition={"gte": 2}), *(("a", second) for second in range(10)))
    assert [(f.bucket, f.time // S, f.last // S, f.count) for f in found] == [(0, 1, 9, 10)]


def test_the_window_is_not_reset_by_firing() -> None:
    found = alerts(one("event_count", condition={"gte": 3}), ("a", 7), ("a", 8), ("a", 9), ("a", 12))
    assert [(f.bucket, f.time // S) for f in found] == [(0, 9), (1, 12)]


def test_a_match_given_twice_counts_once() -> None:
    state = one("event_count", condition={"gte": 2}).new_state()
    match = Match("aa", 0, ("s", 0, 0, 0), {}, "f")
    assert state.feed([match, match]) == [] and state.feed([match]) == []


def test_absence_is_never_detected() -> None:
    assert alerts(one("event_count", condition={"eq": 0})) == []
    assert [f.value for f in alerts(one("event_count", condition={"lt": 2}), ("a", 0))] == ["1"]


# --- group-by


def test_without_group_by_there_is_one_global_group() -> None:
    found = alerts(one("event_count", condition={"gte": 2}), ("a", 0, {"u": "x"}), ("a", 1, {"u": "y"}))
    assert [f.group for f in found] == [()]


def test_null_or_absent_in_a_key_leaves_the_match_out_and_counts_it() -> None:
    feeder = Feeder(one("event_count", group_by=["u", "h"], condition={"gte": 1}))
    assert feeder.all(("a", 0, {"u": "x", "h": NULL}), ("a", 1, {"u": "x"})) == []
    assert feeder.state.health["t0"].no_key == 2


def test_the_empty_text_is_a_key() -> None:
    assert alerts(
        one("event_count", group_by=["u"], condition={"gte": 2}), ("a", 0, {"u": ""}), ("a", 1, {"u": ""})
    )


def test_a_list_fans_out_into_at_most_16_groups() -> None:
    correlations = one("event_count", group_by=["u"], condition={"gte": 1})
    feeder = Feeder(correlations)
    found = feeder.match("a", 0, {"u": tuple(f"u{n:02}" for n in range(20))})
    assert len(found) == 16 and feeder.state.health["t0"].cut == 1
    assert {f.group[0].value for f in alerts(correlations, ("a", 0, {"u": ("x", "Y", "X")}))} == {"x", "y"}


def test_keys_compare_case_folded_and_show_the_first_spelling() -> None:
    found = alerts(
        one("event_count", group_by=["u"], condition={"gte": 2}),
        ("a", 1, {"u": "bob"}),
        ("a", 0, {"u": "BOB"}),
    )
    assert [(k.field, k.value, k.spelling) for f in found for k in f.group] == [("u", "bob", "BOB")]


@pytest.mark.parametrize(
    ("left", "right"),
    [("10.0.0.1", "::ffff:10.0.0.1"), ("2001:DB8::1", "2001:db8:0:0:0:0:0:1"), ("Straße", "STRASSE")],
)
def test_addresses_compare_in_canonical_form_and_case_by_unicode(left: str, right: str) -> None:
    grouped = one("event_count", group_by=["u"], condition={"gte": 2})
    assert alerts(grouped, ("a", 0, {"u": left}), ("a", 1, {"u": right}))


# --- event_count


def test_an_event_that_meets_two_rules_is_one_event() -> None:
    state = one("event_count", rules=["a", "b"], condition={"gte": 2}).new_state()
    position = ("s", 0, 0, 0)
    assert state.feed([Match("aa", 0, position, {}), Match("bb", 0, position, {})]) == []
    assert state.feed([Match("bb", 0, ("s", 0, 1, 0), {})])


# --- value_count


def test_value_count_counts_distinct_values_case_folded_and_null_not_at_all() -> None:
    counting = one("value_count", condition={"gte": 3, "field": "u"})
    few: list[Text] = ["x", "X", "y", NULL]
    assert not alerts(counting, *(("a", n, {"u": value}) for n, value in enumerate(few)))
    assert [
        f.value for f in alerts(counting, *(("a", n, {"u": value}) for n, value in enumerate([*few, ""])))
    ] == ["3"]


def test_value_count_over_several_fields_counts_tuples_with_all_present() -> None:
    counting = one("value_count", condition={"gte": 2, "field": ["u", "h"]})
    assert not alerts(
        counting, ("a", 0, {"u": "x", "h": "y"}), ("a", 1, {"u": "x"}), ("a", 2, {"u": "X", "h": "Y"})
    )
    assert alerts(counting, ("a", 0, {"u": "x", "h": "yz"}), ("a", 1, {"u": "xy", "h": "z"}))


# --- sums, averages, percentiles


def test_what_is_no_number_is_left_out_and_counted_never_zero() -> None:
    feeder = Feeder(one("value_avg", condition={"gte": 10, "field": "n"}))
    rows = [("a", n, {"n": text}) for n, text in enumerate(["10", "ten", "0x10", "nan", ""])]
    assert [f.value for f in feeder.all(*rows)] == ["10"]
    assert feeder.state.health["t0"].no_number == 4


def test_without_values_nothing_fires() -> None:
    assert not alerts(one("value_sum", condition={"lt": 5, "field": "n"}), ("a", 0, {"n": "x"}), ("a", 1))


def test_sums_are_exact_in_any_order() -> None:
    summing = one("value_sum", condition={"eq": 1, "field": "n"})
    for texts in (["0.1"] * 10, ["9007199254740993", "-9007199254740992"]):
        assert [f.value for f in alerts(summing, *(("a", 1, {"n": text}) for text in texts))] == ["1"]


def test_a_sum_that_fires_at_once_leaves_out_numbers_below_zero() -> None:
    feeder = Feeder(one("value_sum", condition={"gte": 5, "field": "n"}))
    feeder.match("a", 0, {"n": "-3"})
    assert feeder.match("a", 1, {"n": "5"}) and feeder.state.health["t0"].negative == 1


def test_a_percentile_interpolates_linearly_between_order_statistics() -> None:
    rows = [("a", 0, {"n": text}) for text in ("1", "2", "3", "4")]
    found = alerts(one("value_percentile", condition={"gt": 0, "field": "n", "percentile": 90}), *rows)
    assert [f.value for f in found] == ["3.7"]  # numpy.percentile([1, 2, 3, 4], 90)
    assert [f.value for f in alerts(one("value_median", condition={"gt": 0, "field": "n"}), *rows)] == ["2.5"]


def test_a_percentile_without_p_is_the_share_of_a_value_from_a_minimum_sample() -> None:
    rare = one("value_percentile", condition={"lte": 5, "field": "image"})
    usual = [("a", n / 10, {"image": "svchost.exe"}) for n in range(19)]
    found = alerts(rare, *usual, ("a", 2, {"image": "evil.exe"}))
    assert [(f.value, [m.values for m in f.members]) for f in found] == [("5", [("evil.exe",)])]
    assert not alerts(rare, *usual[:18], ("a", 2, {"image": "evil.exe"}))


# --- temporal


def test_temporal_needs_all_distinct_rules_in_any_order() -> None:
    both = one("temporal", rules=["a", "b"], group_by=["h"])
    assert alerts(both, ("b", 0, {"h": "x"}), ("a", 10, {"h": "X"}))
    assert not alerts(both, ("a", 0, {"h": "x"}), ("a", 1, {"h": "x"}), ("b", 2, {"h": "y"}))


def test_a_number_counts_distinct_rules() -> None:
    two = one("temporal", rules=["a", "b", "c"], condition={"gte": 2})
    assert not alerts(two, ("a", 0), ("a", 1))
    assert alerts(two, ("a", 0), ("c", 1))


def test_one_event_may_satisfy_several_rules() -> None:
    state = one("temporal", rules=["a", "b"]).new_state()
    assert state.feed([Match("aa", 0, ("s", 0, 0, 0), {}), Match("bb", 0, ("s", 0, 0, 0), {})])


def test_a_condition_in_words() -> None:
    words = one("temporal", rules=["a", "b", "c"], condition="a and (b or not c)")
    assert alerts(words, ("a", 0))
    assert not alerts(words, ("c", 0), ("a", 1))
    assert alerts(words, ("c", 0), ("b", 1), ("a", 2))


def test_the_rules_may_be_named_by_the_condition_alone() -> None:
    correlations = load("correlation: {type: temporal, timespan: 1m, condition: b and a}")
    assert correlations.rules[0].rules == ("bb", "aa")


# --- temporal_ordered


def test_order_is_that_of_rules_and_ties_follow_position() -> None:
    ordered = one("temporal_ordered", rules=["a", "b"])
    assert alerts(ordered, ("a", 0), ("b", 1))
    assert not alerts(ordered, ("b", 0), ("a", 1))
    assert alerts(ordered, ("a", 1), ("b", 1))
    assert not alerts(ordered, ("b", 1), ("a", 1))


def test_steps_are_distinct_events() -> None:
    state = one("temporal_ordered", rules=["a", "b"]).new_state()
    assert not state.feed([Match("aa", 0, ("s", 0, 0, 0), {}), Match("bb", 0, ("s", 0, 0, 0), {})])


def test_the_latest_feasible_start_is_kept() -> None:
    ordered = one("temporal_ordered", rules=["a", "b", "c"])
    found = alerts(ordered, ("a", 0), ("a", 5), ("b", 6), ("c", 14))
    assert [(f.time // S, [m.time // S for m in f.members]) for f in found] == [(14, [5, 6, 14])]


def test_a_number_counts_rules_in_their_order() -> None:
    two = one("temporal_ordered", rules=["a", "b", "c"], condition={"gte": 2})
    assert alerts(two, ("a", 0), ("c", 1))
    assert not alerts(two, ("c", 0), ("b", 1), ("a", 2))


def test_words_and_order_together() -> None:
    words = one("temporal_ordered", rules=["a", "b", "c"], condition="a and b and not c")
    assert alerts(words, ("a", 0), ("b", 1))
    assert not alerts(words, ("b", 0), ("a", 1))
    assert not alerts(words, ("a", 0), ("c", 0.5), ("b", 1))
