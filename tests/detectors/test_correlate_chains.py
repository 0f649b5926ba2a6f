"""Aliases, chains, bounds of the state, and why a correlation fired."""

from __future__ import annotations

from typing import Any

from detectors.correlate.explain import explain
from detectors.correlate.model import Fired, Match
from tests.detectors.test_correlate_spec import Feeder, S, alerts, load, one

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
    (group,) = state._tables["t0"].groups.values()
    assert len(group.items) < 6_000  # the last batch, and the N before it
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
