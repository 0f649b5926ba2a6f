"""At which times does a condition hold? Sliding, closed windows in event time: [t - timespan, t].

A window is tested where it ends at a match. In: the sorted items of one group and a range of ends. Out: each
end at which the condition holds, and the value measured there. The answer depends on the set of items alone,
never on the order in which they came. Cost: linear in the items from `start - timespan` to `stop` (times the
steps, for temporal_ordered; times a binary search, for percentiles).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from detectors.contract import Text
from detectors.correlate.model import CorrelationRule, Number, Type, shown

LEAST_SAMPLE = 20
"""Matches a window must hold before the share of a value within it means anything."""


COUNTED = "@counted"
"""Among what is carried along with a child's alert: the findings that it counted."""


class Item(NamedTuple):
    """A match inside one group. The first five tell it from all others and are its order.

    who: the child's alert, '' for an event; values: what is counted (tuples of text, or numbers); rule:
    index into the correlation's rules. The rest is carried along: finding, spelling of the group key,
    captures for the correlations above.
    """

    time: int
    position: tuple[str | int, ...]
    who: str
    values: tuple[tuple[str, ...], ...] | tuple[Number, ...]
    rule: int
    finding: str
    spelling: tuple[str, ...]
    carried: Mapping[str, Text]


class Satisfied(NamedTuple):
    """The condition holds in the window that ends at `time`. note: which values or clause it was."""

    time: int
    value: str
    note: tuple[int | str, ...] = ()


def after(items: Sequence[Item], time: int) -> int:
    """Index of the first item later than this time."""
    return bisect_left(items, (time + 1,))


def satisfied(rule: CorrelationRule, items: Sequence[Item], start: int, stop: int) -> Iterator[Satisfied]:
    """The ends from start to stop (both included) at which the rule's condition holds, in order of time."""
    first = after(items, start - rule.timespan - 1)
    last = after(items, stop)
    if rule.type is Type.TEMPORAL:
        return _together(rule, items, first, last, start)
    if rule.type is Type.TEMPORAL_ORDERED:
        return (_in_order if rule.clauses else _longest_order)(rule, items, first, last, start)
    return _measured(rule, items, first, last, start)


def _ends(items: Sequence[Item], first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """(time, from, to) of each run of items with equal times."""
    begin = first
    while begin < last:
        end, time = begin + 1, items[begin].time
        while end < last and items[end].time == time:
            end += 1
        yield time, begin, end
        begin = end


def _measured(
    rule: CorrelationRule, items: Sequence[Item], first: int, last: int, start: int
) -> Iterator[Satisfied]:
    meter = meter_of(rule)
    left = first
    for time, begin, end in _ends(items, first, last):
        for index in range(begin, end):
            meter.add(items[index])
        while items[left].time < time - rule.timespan:
            meter.remove(items[left])
            left += 1
        if time < start:
            continue
        for value, note in meter.read(items[begin:end]):
            if rule.holds(value):
                yield Satisfied(time, shown(value), note)
                break


class Count:
    """How many events, each once whatever rules it met; the base of the other meters."""

    def __init__(self, rule: CorrelationRule) -> None:
        self.percentile = rule.percentile
        self.number = 0
        self.prepare()

    def prepare(self) -> None:
        """Set up what is measured beside the number of items."""

    def add(self, item: Item) -> None:
        self.number += 1

    def remove(self, item: Item) -> None:
        self.number -= 1

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        """Values to hold against the bounds; one that holds is enough. ending: items at the window's end."""
        yield self.number, ()


class Distinct(Count):
    """How many distinct values (tuples of them, where several fields count)."""

    def prepare(self) -> None:
        self.seen: Counter[object] = Counter()

    def add(self, item: Item) -> None:
        self.seen.update(item.values)

    def remove(self, item: Item) -> None:
        for value in item.values:
            self.seen[value] -= 1
            if not self.seen[value]:
                del self.seen[value]

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        yield len(self.seen), ()


class Share(Distinct):
    """The share, in percent, of the value at the window's end among all values of the window."""

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        total = self.seen.total()
        if total >= LEAST_SAMPLE:
            for value in dict.fromkeys(value for item in ending for value in item.values):
                yield Fraction(100 * self.seen[value], total), tuple(str(part) for part in value)  # type: ignore[union-attr]


class Sum(Count):
    """The exact sum of the numbers."""

    def prepare(self) -> None:
        self.total: Number = 0

    def add(self, item: Item) -> None:
        self.number += len(item.values)
        self.total += sum(item.values)  # type: ignore[arg-type, operator]

    def remove(self, item: Item) -> None:
        self.number -= len(item.values)
        self.total -= sum(item.values)  # type: ignore[arg-type, operator]

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        yield self.total, ()


class Average(Sum):
    """The exact mean of the numbers."""

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        yield Fraction(self.total) / self.number, ()


class Percentile(Count):
    """The p-th percentile by linear interpolation between order statistics (type 7 of Hyndman and Fan,
    1996)."""

    def prepare(self) -> None:
        self.ordered: list[Number] = []

    def add(self, item: Item) -> None:
        for value in item.values:
            insort(self.ordered, value)  # type: ignore[misc]

    def remove(self, item: Item) -> None:
        for value in item.values:
            del self.ordered[bisect_left(self.ordered, value)]

    def read(self, ending: Sequence[Item]) -> Iterator[tuple[Number, tuple[int | str, ...]]]:
        place = (len(self.ordered) - 1) * Fraction(self.percentile or 0) / 100
        below = place.numerator // place.denominator
        value = Fraction(self.ordered[below])
        if place != below:
            value += (place - below) * (self.ordered[below + 1] - self.ordered[below])
        yield value, ()


_METERS: dict[Type, type[Count]] = {
    Type.EVENT_COUNT: Count,
    Type.VALUE_COUNT: Distinct,
    Type.VALUE_SUM: Sum,
    Type.VALUE_AVG: Average,
    Type.VALUE_PERCENTILE: Percentile,
    Type.VALUE_MEDIAN: Percentile,
}


def meter_of(rule: CorrelationRule) -> Count:
    """What measures this rule's windows."""
    if rule.type is Type.VALUE_PERCENTILE and rule.percentile is None:
        return Share(rule)
    return _METERS[rule.type](rule)


def _together(
    rule: CorrelationRule, items: Sequence[Item], first: int, last: int, start: int
) -> Iterator[Satisfied]:
    """Distinct rules in the window, or a clause of which a rule occurs at its end."""
    seen: list[int | None] = [None] * len(rule.rules)
    for time, begin, end in _ends(items, first, last):
        for index in range(begin, end):
            seen[items[index].rule] = time
        if time < start:
            continue
        oldest = time - rule.timespan
        inside = {number for number, when in enumerate(seen) if when is not None and when >= oldest}
        if not rule.clauses:
            if rule.holds(len(inside)):
                yield Satisfied(time, str(len(inside)), tuple(sorted(inside)))
            continue
        now = {items[index].rule for index in range(begin, end)}
        for clause in rule.clauses:
            present = inside.issuperset(clause.present) and inside.isdisjoint(clause.absent)
            if present and not now.isdisjoint(clause.present):
                yield Satisfied(time, str(len(clause.present)), clause.present)
                break


def _in_order(
    rule: CorrelationRule, items: Sequence[Item], first: int, last: int, start: int
) -> Iterator[Satisfied]:
    """A clause whose rules occur in order, the last of them at the window's end.

    For each step the latest start of a chain that has come so far is kept: a later start leaves more room.
    """
    seen: list[int | None] = [None] * len(rule.rules)
    starts: list[list[int | None]] = [[None] * len(clause.present) for clause in rule.clauses]
    for time, begin, end in _ends(items, first, last):
        oldest = time - rule.timespan
        complete: set[int] = set()
        for rules in _events(items, begin, end):
            for number, clause in enumerate(rule.clauses):
                chain = starts[number]
                for step in range(len(clause.present) - 1, -1, -1):
                    if clause.present[step] not in rules:
                        continue
                    start_here = chain[step - 1] if step else time
                    if start_here is not None and start_here >= oldest:
                        chain[step] = start_here
                        if step == len(clause.present) - 1:
                            complete.add(number)
            for met in rules:
                seen[met] = time
        if time < start:
            continue
        for number in sorted(complete):
            clause = rule.clauses[number]
            if all((when := seen[each]) is None or when < oldest for each in clause.absent):
                yield Satisfied(time, str(len(clause.present)), clause.present)
                break


def _longest_order(
    rule: CorrelationRule, items: Sequence[Item], first: int, last: int, start: int
) -> Iterator[Satisfied]:
    """The most rules that occur in their order (some may be left out), the last of them at the window's
    end."""
    steps = len(rule.rules)
    starts: list[list[int | None]] = [[None] * steps for _ in range(steps)]  # [length - 1][rule it ends with]
    for time, begin, end in _ends(items, first, last):
        oldest, longest = time - rule.timespan, 0
        for rules in _events(items, begin, end):
            for step in sorted(rules, reverse=True):
                for length in range(step, -1, -1):
                    begun = (
                        [when for when in starts[length - 1][:step] if when is not None] if length else [time]
                    )
                    if begun and (start_here := max(begun)) >= oldest:
                        starts[length][step] = start_here
                        longest = max(longest, length + 1)
        if time >= start and rule.holds(longest):
            yield Satisfied(time, str(longest), (longest,))


def _events(items: Sequence[Item], begin: int, end: int) -> Iterator[set[int]]:
    """The rules that each distinct event met, in order of position."""
    while begin < end:
        rules, position = set(), items[begin].position
        while begin < end and items[begin].position == position:
            rules.add(items[begin].rule)
            begin += 1
        yield rules
