"""What the specification of correlations says, and what the project settles where it leaves things open."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from detectors.contract import NULL, Text
from detectors.correlate.engine import Correlations, State
from detectors.correlate.explain import explain
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


# --- aliases


ALIASES = """
correlation:
  type: temporal
  rules: [a, b]
  group-by: [internal_ip]
  timespan: 10s
  aliases: {internal_ip: {a: destination.ip, bb: source.ip}}
"""


def test_aliases_name_a_field_for_each_rule_and_join_the_projection() -> None:
    correlations = load(ALIASES)
    assert correlations.needs() == {"aa": frozenset({"destination.ip"}), "bb": frozenset({"source.ip"})}
    found = alerts(
        correlations, ("a", 0, {"destination.ip": "10.0.0.5"}), ("b", 1, {"source.ip": "10.0.0.5"})
    )
    assert [(k.field, k.value) for f in found for k in f.group] == [("internal_ip", "10.0.0.5")]


# --- chains


FAILURES = """
name: many
level: {level}
correlation: {{type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {{gte: 3}}}}
---
name: then
correlation: {{type: temporal_ordered, rules: [many, b], group-by: [{key}], timespan: 20s}}
"""
ATTACK = [("a", n, {"user": "Bob", "host": f"h{n % 2}"}) for n in range(6)]


def test_a_chain_counts_each_alert_of_a_child_at_its_satisfied_time() -> None:
    chain = load(FAILURES.format(level="high", key="user"))
    found = alerts(chain, *ATTACK, ("b", 8, {"user": "bob"}))
    parent = next(f for f in found if f.correlation == "t1")
    assert [(m.rule, m.time // S) for m in parent.members] == [("t0", 2), ("bb", 8)]
    assert (parent.count, parent.level) == (2, "high")
    assert not [f for f in alerts(chain, *ATTACK, ("b", 23, {"user": "bob"})) if f.correlation == "t1"]


def test_a_key_that_the_child_lacks_comes_from_the_distinct_values_of_its_events() -> None:
    chain = load(FAILURES.format(level="low", key="host"))
    assert chain.needs()["aa"] == {"user", "host"}
    found = alerts(chain, *ATTACK, ("b", 8, {"host": "H1"}))
    assert [f.group[0].value for f in found if f.correlation == "t1"] == ["h1"]


def test_values_from_a_child_are_at_most_100() -> None:
    chain = load(
        "{name: n, correlation: {type: event_count, rules: [a], timespan: 1h, condition: {gte: 150}}}\n---\n"
        "correlation: {type: event_count, rules: [n], group-by: [h], timespan: 1h, condition: {gte: 1}}"
    )
    found = alerts(chain, *(("a", n, {"h": f"h{n:03}"}) for n in range(150)))
    assert len({f.group for f in found if f.correlation == "t1"}) == 100


def test_a_parent_waits_until_its_child_can_no_longer_move() -> None:
    feeder = Feeder(load(FAILURES.format(level="low", key="user")))
    for rule, second, values in [*ATTACK[:3], ("b", 8, {"user": "bob"})]:
        feeder.match(rule, second, values)
    assert not [f for f in feeder.state.advance(10 * S, 8 * S) if f.correlation == "t1"]
    assert [f.time // S for f in feeder.state.advance(11 * S, 8 * S) if f.correlation == "t1"] == [8]


# --- bounds and health


def test_many_keys_drop_the_smallest_groups_that_have_not_fired_and_say_so() -> None:
    correlations = one("event_count", group_by=["u"], condition={"gte": 3})
    state = correlations.new_state(most_groups=50)
    number = iter(range(10_000))

    def feed(user: str) -> list[Fired]:
        index = next(number)
        return state.feed([Match("aa", index, ("s", 0, index, 0), {"u": user}, "")])

    feed("slow")
    feed("slow")
    for index in range(500):
        feed(f"flood{index}")
    assert state.health["t0"].groups <= 50
    assert state.health["t0"].keys_capped > 400
    assert feed("slow")


def test_a_flood_in_one_group_is_bounded_and_fires_all_the_same() -> None:
    correlations = one("event_count", timespan="1h", condition={"gte": 100})
    state = correlations.new_state()
    found: dict[Any, Fired] = {}
    for start in range(0, 60_000, 5_000):
        batch = [Match("aa", n * 1000, ("s", 0, n, 0), {}, "") for n in range(start, start + 5_000)]
        found.update((f.id, f) for f in state.feed(batch))
        found.update((f.id, f) for f in state.advance(batch[-1].time, 0))
    assert [f.count for f in found.values()] == [60_000]
    assert len(state.dump()) < 300_000
    assert state.health["t0"].crowded == 0


def test_distinct_values_survive_a_flood_of_one_value() -> None:
    state = one("value_count", timespan="1h", condition={"gte": 3, "field": "u"}).new_state()
    rows = ["early", "second", *["flood"] * 30_000]
    found = []
    for start in range(0, len(rows), 3_000):
        batch = [
            Match("aa", n, ("s", 0, n, 0), {"u": value}, "")
            for n, value in enumerate(rows[start : start + 3_000], start)
        ]
        state.feed(batch)
        state.advance(batch[-1].time, 0)
    found = state.feed([Match("aa", 40_000, ("s", 0, 40_000, 0), {"u": "last"}, "")])
    assert [f.value for f in found] and state.health["t0"].crowded


def test_matches_later_than_the_lateness_are_counted_and_still_used_where_that_is_sound() -> None:
    feeder = Feeder(one("event_count", condition={"gte": 2}))
    feeder.match("a", 100)
    feeder.state.advance(100 * S, 10 * S)
    feeder.match("a", 50)
    assert feeder.match("a", 51)
    assert feeder.state.health["t0"].late == 2


def test_state_is_dropped_when_no_window_can_need_it() -> None:
    feeder = Feeder(one("value_count", group_by=["h"], condition={"gte": 2, "field": "u"}))
    for second in range(100):
        feeder.match("a", second, {"h": f"h{second}", "u": "x"})
    feeder.state.advance(1000 * S, 0)
    assert feeder.state.health["t0"].groups == 0


# --- why


def test_an_explanation_names_the_events_and_the_values_that_counted() -> None:
    correlations = one("value_count", group_by=["src"], condition={"gte": 2, "field": "user"})
    rows = [("a", n, {"src": "10.0.0.9", "user": user}) for n, user in enumerate(["Eve", "eve", "mallory"])]
    [fired] = alerts(correlations, *rows)
    why = explain(correlations.rules[0], fired, {"aa": "Failed logon"})
    assert why.sentence == (
        "2 distinct values of user in Failed logon for src 10.0.0.9 within 10s, at 1970-01-01 00:00:02.000Z"
    )
    assert why.distinct == (("eve", 1), ("mallory", 1))
    assert [(each.finding, each.values) for each in why.counted] == [("f2", ("eve",)), ("f3", ("mallory",))]
    assert why.more == 1
    assert why.lines()[1] == "condition: value_count(user) gte 2; measured: 2; within 10s"


def test_an_explanation_of_an_order_numbers_its_steps() -> None:
    correlations = one("temporal_ordered", rules=["a", "b"])
    [fired] = alerts(correlations, ("a", 0), ("b", 1))
    assert [each.step for each in explain(correlations.rules[0], fired).counted] == [1, 2]
