"""Correlations read slowly and simply: sort everything, test every window, try every chain.

Shares no code with the engine's windows and groups; the tests hold the engine to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from detectors.correlate.engine import Correlations
from detectors.correlate.model import CorrelationRule, Match


def cell_values(cell: object) -> list[str]:
    if isinstance(cell, str):
        return [cell]
    return list(dict.fromkeys(v for v in cell)) if isinstance(cell, tuple) else []


def distinct_folded(cell: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in cell_values(cell):
        found.setdefault(value.casefold(), value)
    return found


def groups_of(
    rule: CorrelationRule, matches: Sequence[Match]
) -> dict[tuple[str, ...], list[tuple[Any, ...]]]:
    """key -> distinct (time, position, who, rule index, values), sorted."""
    groups: dict[tuple[str, ...], set[tuple[Any, ...]]] = {}
    for match in matches:
        if match.rule not in rule.rules:
            continue
        index = rule.rules.index(match.rule)
        aliases = {name: fields.get(match.rule, name) for name, fields in rule.aliases.items()}
        cells = [match.values.get(aliases.get(field, field)) for field in rule.group_by]
        values: tuple[Any, ...] = ()
        if rule.fields:
            measured = [match.values.get(aliases.get(field, field)) for field in rule.fields]
            if rule.type.numeric or rule.percentile is not None:
                numbers = [
                    Fraction(v) for v in cell_values(measured[0]) if v.lstrip("-").replace(".", "").isdigit()
                ]
                if rule.type.value == "value_sum" and rule.growing:
                    numbers = [n for n in numbers if n >= 0]
                values = tuple(sorted(numbers))
            else:
                values = tuple(sorted(product(*(distinct_folded(cell) for cell in measured))))
            if not values:
                continue
        who = match.finding if match.finding.startswith("[") else ""
        for key in product(*(distinct_folded(cell) for cell in cells)):
            groups.setdefault(key, set()).add((match.time, match.position, who, index, values))
    if not rule.type.temporal:  # an event counts once, whatever rules it met
        for key, items in groups.items():
            once = {(item[0], item[1], item[2], item[4]): item for item in sorted(items, key=lambda i: -i[3])}
            groups[key] = set(once.values())
    return {key: sorted(items) for key, items in groups.items()}


def chains(window: list[tuple[Any, ...]], steps: Sequence[int], end: int) -> bool:
    """Is there a chain of distinct events, one a step, in order, the last at `end`? By trying all."""
    events = sorted({(i[0], i[1]) for i in window})
    rules = {event: {i[3] for i in window if (i[0], i[1]) == event} for event in events}
    return any(
        picked[-1][0] == end and all(step in rules[event] for step, event in zip(steps, picked, strict=True))
        for picked in combinations(events, len(steps))
    )


def condition_holds(rule: CorrelationRule, window: list[tuple[Any, ...]], end: int) -> bool:
    kind = rule.type.value
    rules = {item[3] for item in window}
    if kind == "temporal":
        if rule.clauses:
            now = {item[3] for item in window if item[0] == end}
            return any(
                set(c.present) <= rules and not set(c.absent) & rules and now & set(c.present)
                for c in rule.clauses
            )
        return rule.holds(len(rules))
    if kind == "temporal_ordered":
        if rule.clauses:
            return any(not set(c.absent) & rules and chains(window, c.present, end) for c in rule.clauses)
        steps = range(len(rule.rules))
        longest = max(
            (
                n
                for n in range(1, len(rule.rules) + 1)
                if any(chains(window, p, end) for p in combinations(steps, n))
            ),
            default=0,
        )
        return rule.holds(longest)
    if kind == "event_count":
        return rule.holds(len(window))
    values = [value for item in window for value in item[4]]
    if kind == "value_count":
        return rule.holds(len(set(values)))
    if kind == "value_sum":
        return rule.holds(sum(values))
    if kind == "value_avg":
        return rule.holds(Fraction(sum(values)) / len(values))
    if rule.percentile is None:
        ending = {value for item in window if item[0] == end for value in item[4]}
        return len(values) >= 20 and any(
            rule.holds(Fraction(100 * values.count(v), len(values))) for v in ending
        )
    values.sort()
    place = Fraction(rule.percentile) * (len(values) - 1) / 100
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return rule.holds(values[low] + (place - low) * (values[high] - values[low]))


def met(rule: CorrelationRule, items: list[tuple[Any, ...]], first: int) -> tuple[int, int]:
    """From and to of the matches of a growing event count with the first of which, at `first`, it held."""
    need = min(n for n in range(1, 100) if rule.holds(n))
    for index, item in enumerate(items):
        if item[0] == first and index + 1 >= need and first - items[index - need + 1][0] <= rule.timespan:
            return index - need + 1, index + 1
    raise AssertionError


def reference(correlations: Correlations, matches: Sequence[Match]) -> dict[Any, tuple[int, int, int]]:
    """id -> (first satisfied, last satisfied, matches that belong to it)."""
    known = list(matches)
    alerts: dict[Any, tuple[int, int, int]] = {}
    for rule in correlations.rules:
        for key, items in groups_of(rule, known).items():
            times: dict[int, list[int]] = {}
            for end in sorted({item[0] for item in items}):
                window = [item for item in items if end - rule.timespan <= item[0] <= end]
                if condition_holds(rule, window, end):
                    times.setdefault(end // rule.timespan, []).append(end)
            for bucket, ends in times.items():
                first, last = min(ends), max(ends)
                count = sum(first - rule.timespan <= item[0] <= last for item in items)
                if rule.type.value == "event_count" and rule.growing:
                    count = sum(item[0] <= last for item in items) - met(rule, items, first)[0]
                alerts[rule.id, tuple(zip(rule.group_by, key, strict=True)), bucket] = (first, last, count)
    return alerts
