"""The law of correlations: alerts follow from the set of matches, and are those of a slow, simple reading.

The slow reading stands in `correlate_reference`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from detectors.contract import NULL
from detectors.correlate.engine import Correlations, State
from detectors.correlate.links import BaseRule, resolve
from detectors.correlate.model import Fired, Match
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import Where
from tests.detectors.correlate_reference import cell_values, groups_of, met, reference

S = 1_000_000_000
BASES = [BaseRule(id=name, name=name, file="f") for name in ("a", "b", "c")]


def rules_of(*sections: dict[str, Any]) -> Correlations:
    parsed = [
        parse_correlation(
            {"title": f"rule {n}", "id": f"r{n}", "name": f"r{n}", "correlation": s}, Where("f")
        )
        for n, s in enumerate(sections)
    ]
    resolved = resolve(parsed, BASES)
    assert not [p for p in resolved.problems if p.fatal], resolved.problems
    return Correlations(resolved.rules)


# --- matches and the ways they arrive

TEXTS = st.sampled_from(["x", "X", "y", "z", "", NULL, None, ("x", "y"), ("Y", "z", "x"), ()])
NUMBERS = st.sampled_from(["1", "2", "3.5", "0", "-4", "10", "none", "0x10", None, ("1", "7"), NULL])


@st.composite
def matches_of(draw: st.DrawFn) -> list[Match]:
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 40), st.sampled_from(["a", "b", "c", "ab", "abc"]), TEXTS, TEXTS, NUMBERS
            ),
            max_size=28,
        )
    )
    found = []
    for index, (second, rules, key, other, number) in enumerate(rows):
        values = {"k": key, "v": other, "n": number}
        kept = {name: value for name, value in values.items() if value is not None}
        found += [Match(rule, second * S, ("s", 0, index, 0), kept, f"{rule}{index}") for rule in rules]
    return found


def run(correlations: Correlations, batches: Sequence[Sequence[Match]], lateness: int) -> dict[Any, Fired]:
    state = correlations.new_state()
    alerts: dict[Any, Fired] = {}
    watermark = -1
    for batch in batches:
        alerts.update((fired.id, fired) for fired in state.feed(batch))
        watermark = max([watermark, *(match.time for match in batch)])
        alerts.update((fired.id, fired) for fired in state.advance(watermark, lateness))
    alerts.update((fired.id, fired) for fired in state.finish())
    return alerts


def batches_of(draw: st.DrawFn, matches: Sequence[Match], lateness: int) -> list[list[Match]]:
    """The matches in some order within the lateness, some of them twice, cut into batches."""
    delays = draw(st.lists(st.integers(0, lateness), min_size=len(matches), max_size=len(matches)))
    order = sorted(zip(matches, delays, strict=True), key=lambda pair: (pair[0].time + pair[1], pair[1]))
    arrived = [match for match, _ in order]
    batches: list[list[Match]] = [[]]
    for match, cut in zip(
        arrived,
        draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=len(arrived), max_size=len(arrived))),
        strict=True,
    ):
        if cut:
            batches.append([])
        batches[-1].append(match)
        if cut == 2:
            batches[-1].append(match)
    return batches


FIELD = st.sampled_from(["v", ["v", "n"], "k"])
BOUNDS = st.sampled_from(
    [
        {"gte": 2},
        {"gt": 2},
        {"gte": 4},
        {"lte": 2},
        {"eq": 3},
        {"neq": 2},
        {"gt": 1, "lte": 4},
        {"gte": 2.5},
        {"lt": 5},
    ]
)
GROWING = st.sampled_from([{"gte": 1}, {"gte": 2}, {"gt": 2}, {"gte": 4}])
GROUP = st.sampled_from([[], ["k"], ["k", "v"]])
TIMESPAN = st.sampled_from(["1s", "3s", "7s", "20s"])
WORDS = st.sampled_from(
    ["a and b", "a and not b", "(a or b) and c", "a and b and not c", "not (a or b) and c"]
)


@st.composite
def sections(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            [
                "event_count",
                "value_count",
                "temporal",
                "temporal_ordered",
                "value_sum",
                "value_avg",
                "value_percentile",
                "value_median",
            ]
        )
    )
    section: dict[str, Any] = {"type": kind, "timespan": draw(TIMESPAN), "group-by": draw(GROUP)}
    section["rules"] = draw(st.permutations(["a", "b", "c"]))[: draw(st.integers(1, 3))]
    if kind.startswith("temporal"):
        choice = draw(st.integers(0, 2))
        if choice == 1:
            section["condition"] = draw(WORDS)
            del section["rules"]
        elif choice == 2:
            section["condition"] = draw(st.sampled_from([{"gte": 1}, {"lte": 1}, {"eq": 1}]))
        return section
    condition = dict(draw(GROWING if draw(st.booleans()) else BOUNDS))
    if kind == "value_count":
        condition["field"] = draw(FIELD)
    elif kind != "event_count":
        condition["field"] = "n"
        if kind == "value_percentile":
            if draw(st.booleans()):
                condition["percentile"] = draw(st.sampled_from([0, 25, 90, 99.5, 100]))
            else:
                condition = {"field": "v", "lte": 30}
    section["condition"] = condition
    return section


@st.composite
def cases(draw: st.DrawFn, late: bool = False) -> tuple[Correlations, list[Match], list[list[Match]], int]:
    """late: some come later than the lateness."""
    chosen = [draw(sections())]
    if draw(st.booleans()):  # a chain: a second one counts the first one's alerts, and a third these
        kind = draw(st.sampled_from(["temporal", "temporal_ordered", "event_count", "value_count"]))
        above: dict[str, Any] = {
            "type": kind,
            "timespan": draw(TIMESPAN),
            "group-by": draw(GROUP),
            "rules": ["r0"],
        }
        above["rules"] = draw(st.sampled_from([["r0"], ["r0", "c"], ["c", "r0"], ["r0", "a"]]))
        if kind == "event_count":
            above["condition"] = draw(BOUNDS)
        elif kind == "value_count":
            above["condition"] = {"field": "v", **draw(BOUNDS)}
        chosen.append(above)
        if draw(st.booleans()):
            chosen.append(
                {
                    "type": "event_count",
                    "timespan": draw(TIMESPAN),
                    "group-by": draw(GROUP),
                    "rules": ["r1"],
                    "condition": {"gte": draw(st.integers(1, 2))},
                }
            )
    matches = draw(matches_of())
    lateness = draw(st.sampled_from([0, 5 * S, 100 * S]))
    delays = draw(st.sampled_from([10 * S, 60 * S])) if late else lateness
    return (
        rules_of(*chosen),
        matches,
        batches_of(draw, matches, delays),
        lateness if not late else lateness // 10,
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_any_order_within_the_lateness_and_any_batches_give_the_same_alerts(
    case: tuple[Correlations, list[Match], list[list[Match]], int],
) -> None:
    correlations, matches, batches, lateness = case
    assert run(correlations, batches, lateness) == run(
        correlations, [sorted(matches, key=lambda m: m.time)], 0
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sections(), matches_of())
def test_alerts_are_those_of_a_slow_simple_reading(section: dict[str, Any], matches: list[Match]) -> None:
    correlations = rules_of(section)
    found = run(correlations, [matches], 0)
    assert {key: (f.time, f.last, f.count) for key, f in found.items()} == reference(correlations, matches)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_a_chain_counts_each_alert_of_a_child_once_at_its_time(
    case: tuple[Correlations, list[Match], list[list[Match]], int],
) -> None:
    correlations, matches, _, _ = case
    note(str(correlations.rules))
    children = [rule for rule in correlations.rules if rule.id in correlations.plan.parents]
    known = list(matches)
    for child in children:
        items = groups_of(child, known)
        sources = {(m.position, m.rule, m.finding if m.finding.startswith("[") else ""): m for m in known}
        own = {id_: at for id_, at in reference(correlations, known).items() if id_[0] == child.id}
        for (_, group, bucket), (first, _, _) in own.items():
            key = tuple(value for _, value in group)
            window = [item for item in items[key] if first - child.timespan <= item[0] <= first]
            ending = window[-1]
            if child.type.value == "event_count" and child.growing:
                ending = items[key][met(child, items[key], first)[1] - 1]
            events = [sources[item[1], child.rules[item[3]], item[2]] for item in window]
            values: dict[str, Any] = dict(group)
            for field in {"k", "v", "n"} - set(values):
                values[field] = tuple(
                    sorted({v for event in events for v in cell_values(event.values.get(field))})
                )
            name = json.dumps([child.id, list(key), bucket], ensure_ascii=False)
            known.append(Match(child.id, first, ending[1], values, name))
    found = run(correlations, [matches], 0)
    assert {key: (f.time, f.last, f.count) for key, f in found.items()} == reference(correlations, known)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(late=True), st.randoms(use_true_random=False))
def test_a_restart_after_any_batch_changes_nothing_whatever_comes_late(
    case: tuple[Correlations, list[Match], list[list[Match]], int], random: Random
) -> None:
    """What is fed again begins with the first match that still matters: what came before is not needed."""
    correlations, _, batches, lateness = case
    whole = run(correlations, batches, lateness)
    state, alerts, watermark = correlations.new_state(), dict[Any, Fired](), -1
    marks: list[int] = []
    for index, batch in enumerate(batches):
        if random.random() < 0.3:
            state = again(correlations, batches[:index], marks, lateness)
        alerts.update((fired.id, fired) for fired in state.feed(batch))
        if random.random() < 0.2:  # before the advance
            state = again(correlations, batches[: index + 1], marks, lateness)
        watermark = max([watermark, *(match.time for match in batch)])
        marks.append(watermark)
        alerts.update((fired.id, fired) for fired in state.advance(watermark, lateness))
    alerts.update((fired.id, fired) for fired in state.finish())
    assert alerts == whole


def again(
    correlations: Correlations, batches: Sequence[Sequence[Match]], marks: Sequence[int], lateness: int
) -> State:
    """A state to which the last of these batches were fed, as far back as matters; marks: the watermark after
    each but perhaps the last."""
    since = (marks[-1] if marks else -1) - lateness - 1 - correlations.reach()
    matters = [n for n, batch in enumerate(batches) if any(match.time >= since for match in batch)]
    first = min([*matters, len(marks)])
    state = correlations.new_state()
    if first:
        state.advance(marks[first - 1], lateness)
    for number in range(first, len(batches)):
        begin = next((n for n, match in enumerate(batches[number]) if match.time >= since), 0)
        state.feed(batches[number][begin if number == first < len(marks) else 0 :])
        if number < len(marks):
            state.advance(marks[number], lateness)
    return state


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(late=True), st.randoms(use_true_random=False))
def test_between_two_advances_it_does_not_matter_how_matches_are_dealt_out_whatever_comes_late(
    case: tuple[Correlations, list[Match], list[list[Match]], int], random: Random
) -> None:
    correlations, _, batches, lateness = case
    state, alerts, watermark = correlations.new_state(), dict[Any, Fired](), -1
    for batch in batches:
        shuffled = random.sample(batch, len(batch))
        size = random.choice([1, 2, 5])
        for start in range(0, len(batch), size):
            alerts.update((fired.id, fired) for fired in state.feed(shuffled[start : start + size]))
        watermark = max([watermark, *(match.time for match in batch)])
        alerts.update((fired.id, fired) for fired in state.advance(watermark, lateness))
    alerts.update((fired.id, fired) for fired in state.finish())
    assert alerts == run(correlations, batches, lateness)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_growing_conditions_never_take_an_alert_back(
    case: tuple[Correlations, list[Match], list[list[Match]], int],
) -> None:
    correlations, _, batches, lateness = case
    seen = set()
    state = correlations.new_state()
    for batch in batches:
        seen |= {fired.id for fired in state.feed(batch)}
    assert seen <= set(run(correlations, batches, lateness))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 40).map(Random), st.integers(1, 12), st.sampled_from([3, 20, 60]), st.booleans())
def test_a_long_stream_gives_the_same_alerts_with_most_of_it_forgotten(
    random: Random, need: int, span: int, chained: bool
) -> None:
    counting = {"type": "event_count", "rules": ["a"], "timespan": f"{span}s", "condition": {"gte": need}}
    above = {"type": "event_count", "rules": ["r0", "b"], "timespan": "20s", "condition": {"gte": 3}}
    correlations = rules_of(counting, above) if chained else rules_of(counting)
    second, matches = 0, []
    for index in range(400):
        second += random.choice([0, 0, 0, 1, 1, 2, random.randrange(2 * span // need + 2)])
        matches.append(Match(random.choice("aab"), second * S, ("s", 0, index, 0), {}, f"f{index}"))
    lateness = random.choice([0, 3, 30]) * S
    arrived = sorted(matches, key=lambda match: match.time + random.randint(0, lateness))
    size = random.choice([1, 7, 50])
    batches = [arrived[start : start + size] for start in range(0, len(arrived), size)]
    found = run(correlations, batches, lateness)
    assert found == run(correlations, [matches], 0)
    if not chained:
        expected = reference(correlations, matches)
        assert {key: (f.time, f.last, f.count) for key, f in found.items()} == expected
